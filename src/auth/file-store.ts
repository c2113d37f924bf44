import { lstat, rename, rm, unlink } from 'node:fs/promises'
import { refuseStale, tidyFileLock, withFileLock } from './file-lock.js'
import { loadFile, symlinkMessage } from './load-file.js'
import { isSymlink, publishPrivateFile, reservePrivateFile, systemCode, temporaryPath } from './private-file.js'
import { removeCopies, removeUnfinishedWrites } from './remove-copies.js'
import { createReplyNote, type OpenReplyNote } from './reply-note.js'
import { withSharedFlock } from './shared-flock.js'
import { encodeRecord } from './stored-record.js'
import { TokenStoreError, type LoadResult, type StoreLock, type StoredRecord, type TokenStore } from './token-store.js'
import type { LaneName } from '../contract/index.js'

export interface FileStoreOptions {
  path: string
  lane: LaneName
  /** the command that signs in, for messages; default `amplifier-chatgpt login` */
  signIn?: string
  now?: () => number
  random?: () => number
  /** tells the user what was repaired */
  warn?: (message: string) => void
}

/** Room for any credential: real ones are 4 to 8 KB. */
const RESERVED_BYTES = 64 * 1024

/**
 * Keeps the credential in one JSON file, mode 0600 from its creation, replaced as a whole. What other
 * programs add to it is kept; a link in its place is refused; a file that cannot be read as a
 * credential is renamed to `<name>.corrupt-<time>` before something new is saved.
 */
export function createFileStore(options: FileStoreOptions): TokenStore {
  const { path, lane } = options
  const signIn = options.signIn ?? 'amplifier-chatgpt login'
  // Not `.lock`, which is the Python module's; version 0.1.0 had its folder there.
  const queue = `${path}.queue`
  let tidied: Promise<void> | undefined
  const load = async () => {
    await (tidied ??= Promise.all([tidyFileLock(queue), tidyFileLock(`${path}.lock`)]).then(() => undefined))
    return loadFile({ path, lane, signIn, warnOnce })
  }
  const note = createReplyNote({ path, lane, signIn })
  const writer = createWriter(options, { load, note })
  const warned = new Set<string>()
  const warnOnce = (message: string) => {
    if (!warned.has(message)) options.warn?.(message)
    warned.add(message)
  }
  const withLock: TokenStore['withLock'] = (work, limits) => {
    const waitMs = limits?.waitMs === undefined ? {} : { waitMs: limits.waitMs }
    return withFileLock({ folder: queue, place: path, ...waitMs }, async (lock) => {
      const hold = (held: StoreLock) => writer.whileHolding(() => work(held))
      if (await isShared(path, lane)) return withSharedFlock({ file: `${path}.lock`, place: path, warn: warnOnce, ...waitMs }, () => hold(lock))
      // Processes of 0.1.0 on the same file know this lock alone.
      return withFileLock({ folder: `${path}.lock`, place: path, ...waitMs }, (older) => hold({ held: async () => (await lock.held()) && older.held() }))
    })
  }
  return {
    kind: 'file',
    place: path,
    load,
    save: (record, with_) => (with_?.lock ? writer.write(record, with_.lock) : withLock((lock) => writer.write(record, lock))),
    proveWritable: writer.prove,
    replyNote: note,
    withLock,
    clear: (with_) => (with_?.lock ? writer.remove() : withLock(() => writer.remove())),
    removeCopies: (with_) => (with_?.lock ? removeCopies(path) : withLock(() => removeCopies(path))),
  }
}

/** Whether the Python module may hold a lock on this file: always on plan sign-ins, else where its lock file lies. */
async function isShared(path: string, lane: LaneName): Promise<boolean> {
  return lane === 'plan' || lstat(`${path}.lock`).then((found) => found.isFile(), () => false)
}

/** Writes under the lock. Room for the next write can be reserved before it is known what it will say. */
function createWriter(options: FileStoreOptions, { load, note }: { load: () => Promise<LoadResult>; note: OpenReplyNote }) {
  const { path } = options
  let reserved: string | undefined
  let holders = 0
  const discard = async () => {
    if (reserved !== undefined) await unlink(reserved).catch(() => undefined)
    reserved = undefined
  }
  // Only the lock's holder writes, so what lies about while we hold it was left by the dead.
  const reserve = async (bytes: number) => reservePlace(options, { bytes, tidy: holders > 0 })
  return {
    async whileHolding<Value>(work: () => Promise<Value>): Promise<Value> {
      holders += 1
      try {
        return await work()
      } catch (error) {
        await note.close({ drop: true })
        throw error
      } finally {
        holders -= 1
        await discard()
        await note.close()
      }
    },
    async prove(): Promise<void> {
      await refuseWhatMustStay(path, await load())
      await discard()
      reserved = await reserve(RESERVED_BYTES)
      // Kept for the save that follows; outside the lock nobody may leave a file behind.
      if (holders === 0) return discard()
      await note.open(uniqueWord(options)).catch((error: unknown) => {
        throw unwritable(path, error)
      })
    },
    async remove(): Promise<void> {
      await removeFile(path, await load(), options.now ?? Date.now)
    },
    async write(record: StoredRecord, lock: StoreLock): Promise<void> {
      const found = await load()
      await refuseWhatMustStay(path, found)
      const text = encodeRecord(record)
      const temporary = reserved ?? (await reserve(Buffer.byteLength(text)))
      reserved = undefined
      try {
        await refuseStale(path, lock)
        if (found.state === 'corrupt') await keepAside(path, options.now ?? Date.now)
        await publishPrivateFile(temporary, path, text)
        await note.forget()
      } catch (error) {
        await unlink(temporary).catch(() => undefined)
        throw error instanceof TokenStoreError ? error : unwritable(path, error)
      }
    },
  }
}

async function reservePlace(options: FileStoreOptions, { bytes, tidy }: { bytes: number; tidy: boolean }): Promise<string> {
  const temporary = temporaryPath(options.path, uniqueWord(options))
  try {
    if (tidy) await removeUnfinishedWrites(options.path)
    await reservePrivateFile(temporary, bytes)
    return temporary
  } catch (error) {
    throw unwritable(options.path, error)
  }
}

function uniqueWord({ random = Math.random }: FileStoreOptions): string {
  return `${process.pid}-${Math.floor(random() * 2 ** 48).toString(36)}`
}

/** A save never replaces a link, a file of another lane or one that this user cannot even read. */
async function refuseWhatMustStay(path: string, found: LoadResult): Promise<void> {
  if (found.state === 'wrong_lane' || found.state === 'unreadable') throw new TokenStoreError(found.message, 'refused')
  if (await isSymlink(path)) throw new TokenStoreError(symlinkMessage(path), 'refused')
}

async function removeFile(path: string, found: LoadResult, now: () => number): Promise<void> {
  if (found.state === 'wrong_lane') throw new TokenStoreError(found.message, 'refused')
  await (found.state === 'corrupt' ? keepAside(path, now) : rm(path, { force: true })).catch((error: unknown) => {
    throw unwritable(path, error)
  })
}

async function keepAside(path: string, now: () => number): Promise<void> {
  await rename(path, `${path}.corrupt-${new Date(now()).toISOString().replaceAll(/[-:.]/g, '')}`)
}

function unwritable(path: string, cause: unknown): TokenStoreError {
  const code = systemCode(cause) ?? 'unknown error'
  const advice = code === 'ENOSPC' || code === 'EDQUOT'
    ? 'The disk is full: make room'
    : 'Make the file and its folder writable for this user, or set token_file_path to a place that is'
  return new TokenStoreError(`${path} cannot be saved (${code}). ${advice}`, 'unwritable', cause)
}
