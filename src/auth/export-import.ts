/** A sign-in carried to a machine without a browser: one private file, checked before it is taken in. */
import { randomUUID } from 'node:crypto'
import { lstat } from 'node:fs/promises'
import { AuthenticationError } from '../contract/index.js'
import { isRecord, parseJson } from '../lib/index.js'
import { accountMismatch, mapLoadFault } from './auth-failures.js'
import { assertBinding } from './assert-binding.js'
import { registerTokens } from './hide-secrets.js'
import { identify } from './identify.js'
import { readHostId } from './plan-record.js'
import { loadFile } from './load-file.js'
import { publishPrivateFile, reservePrivateFile, systemCode, temporaryPath } from './private-file.js'
import { decodeRecord } from './stored-record.js'
import { TokenStoreError, type StoredCredential, type TokenStore } from './token-store.js'
import type { Credential } from './credential-source.js'
import type { Lane } from './lane.js'

const FORMAT = 'amplifier-chatgpt-credential'

export interface ExportOptions {
  lane: Lane
  store: TokenStore
  /** the file to write, mode 0600; a link or a file that is there is refused */
  path: string
  now?: () => number
}

/**
 * Writes the sign-in to a file. A refresh token works once, so of two machines that keep the same
 * sign-in one will lose it: forget it here (`signOut` with `end: 'here'`), or give both the same store.
 * @throws AuthenticationError where nobody is signed in; TokenStoreError where the file cannot be written
 */
export async function exportCredential(options: ExportOptions): Promise<Credential> {
  const { lane, store, path } = options
  const found = await store.load()
  if (found.state !== 'present') throw mapLoadFault(found)
  const { pending_refresh: _pending, host_id: _host, ext_agent_host_id: _id, ...record } = found.record
  const text = `${JSON.stringify({ format: FORMAT, version: 1, exported_at: new Date((options.now ?? Date.now)()).toISOString(), lane: lane.name, record }, null, 2)}\n`
  const temporary = temporaryPath(path, randomUUID())
  try {
    if (await lstat(path).then(() => true, (error: unknown) => systemCode(error) !== 'ENOENT')) {
      throw new TokenStoreError(`${path} is there already; choose another name`, 'refused')
    }
    await reservePrivateFile(temporary, Buffer.byteLength(text))
    await publishPrivateFile(temporary, path, text)
  } catch (error) {
    if (error instanceof TokenStoreError) throw error
    throw new TokenStoreError(`${path} cannot be written (${systemCode(error) ?? 'unknown error'})`, 'unwritable', error)
  }
  return identify(lane, found.record)
}

export interface ImportOptions {
  lane: Lane
  store: TokenStore
  path: string
  /** whom the file has to be of */
  expect?: { accountId?: string; subject?: string }
  /** `pinned`: also of the same account and user as what is stored; default `any` */
  identity?: 'any' | 'pinned'
  registerSecret?: (secret: string | undefined) => void
}

/**
 * Takes in what {@link exportCredential} wrote, or a token file itself, as the Python module's import does, after checking that it is of this lane, made for these
 * origins, and of one account in record and tokens alike.
 * @throws AuthenticationError, AccessDeniedError on another identity, TokenStoreError
 */
export async function importCredential(options: ImportOptions): Promise<Credential> {
  const { lane, store, path } = options
  const record = await readExport(options)
  registerTokens(options.registerSecret, record)
  const claims = await assertBinding(lane, record)
  if (typeof record.account_id === 'string' && claims.tokenAccountId !== undefined && record.account_id !== claims.tokenAccountId) {
    throw new AuthenticationError(`${path} says account ${record.account_id} and its tokens say ${claims.tokenAccountId}; it was changed. Export it again`, { code: 'import_mismatch' })
  }
  const credential = await identify(lane, record)
  assertExpected(lane, credential, options.expect ?? {})
  await store.withLock(async (lock) => {
    const found = await store.load()
    if (options.identity === 'pinned' && found.state === 'present') {
      const stored = await identify(lane, found.record)
      assertExpected(lane, credential, { ...(stored.accountId ? { accountId: stored.accountId } : {}), ...(stored.subject ? { subject: stored.subject } : {}) })
    }
    const hostId = readHostId(found.record ?? {})
    await store.save({ ...record, lane: lane.name, ...(hostId ? { ext_agent_host_id: hostId } : {}) }, { lock })
  })
  return credential
}

async function readExport({ lane, path }: ImportOptions): Promise<StoredCredential> {
  const envelope = await loadFile({ path, lane: lane.name, signIn: lane.signIn, mode: 'leave', warnOnce: () => undefined, read: (text) => {
    const value = parseJson(text)
    const record = isRecord(value) && value['format'] === FORMAT ? value['record'] : value
    if (!isRecord(record) || (record === value && typeof record['auth_mode'] !== 'string')) {
      return { state: 'corrupt', message: `${path} is no exported sign-in and no token file. Make one with amplifier-chatgpt export` }
    }
    return decodeRecord(JSON.stringify(record), { place: path, lane: lane.name, signIn: lane.signIn })
  } })
  if (envelope.state !== 'present') throw mapLoadFault(envelope)
  return envelope.record
}

function assertExpected(lane: Lane, credential: Credential, expected: { accountId?: string; subject?: string }): void {
  for (const key of ['accountId', 'subject'] as const) {
    const is = credential[key]
    const was = expected[key]
    if (was !== undefined && is !== was) throw accountMismatch(was, is ?? 'nobody', lane)
  }
}
