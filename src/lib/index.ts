/**
 * lib/ owns small helpers that any room may use: pure ones, the lock across processes, files of SQLite. It refuses to know a domain word:
 * nothing here has heard of a model, a token or a host.
 */
export { backoffMs } from './backoff.js'
export type { BackoffPolicy } from './backoff.js'
export { decodeMoment, decodeNumber, formatMoment, momentAfter } from './decode-scalar.js'
export { delay } from './delay.js'
export { editDistance, nearestName, suggestName } from './did-you-mean.js'
export { startElapsed } from './elapsed.js'
export { FileLockError, tidyFileLock, withFileLock } from './file-lock.js'
export type { FileLock, FileLockOptions } from './file-lock.js'
export { DatabaseError, openDatabase } from './open-database.js'
export type { Database, DatabaseValue, Statement } from './open-database.js'
export { orAbort } from './or-abort.js'
export { isLoopback } from './is-loopback.js'
export { isPromiseLike } from './is-promise-like.js'
export { keepNewest } from './keep-newest.js'
export { isRecord, isTooDeep, parseJson, readNumber, readString } from './json.js'
export { PlainFileError, readPlainFile } from './read-plain-file.js'
export { createRedactor, redactAddresses, redactKeys } from './redact.js'
export type { Redactor } from './redact.js'
export { sanitizeLine, sanitizeText, stringifyPrintable } from './sanitize.js'
export { shortHash } from './short-hash.js'
