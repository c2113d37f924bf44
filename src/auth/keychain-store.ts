import { join } from 'node:path'
import { accountFolder } from './accounts.js'
import { refuseStale, withFileLock } from './file-lock.js'
import { createChunkedEntry, PART_LENGTH, type KeyringEntry } from './chunked-entry.js'
import { signInCommand } from './lane-defaults.js'
import { decodeRecord } from './stored-record.js'
import { TokenStoreError, type LoadResult, type StoreLock, type StoredRecord, type TokenStore } from './token-store.js'
import type { LaneName } from '../contract/index.js'

/** What we use of a keychain library; `@napi-rs/keyring` has this shape. */
export interface Keyring {
  AsyncEntry: new (service: string, username: string) => KeyringEntry
}

export interface KeychainStoreOptions {
  lane: LaneName
  account?: string
  /** default `Amplifier ChatGPT` */
  service?: string
  /** where the lock of the processes lies; default `~/.amplifier` */
  folder?: string
  /** default: the optional package `@napi-rs/keyring` */
  keyring?: Keyring
}

/** Keeps the credential in the operating system's keychain; the lock among processes is a file. */
export function createKeychainStore(options: KeychainStoreOptions): TokenStore {
  const { lane } = options
  const account = options.account ?? 'default'
  const service = options.service ?? 'Amplifier ChatGPT'
  const name = `${lane}.${account}`
  const place = `keychain (${service}, ${name})`
  const open = createOpener(options.keyring, service)
  const parts = createChunkedEntry(open, name)
  const lockFolder = join(accountFolder(options), `openai-chatgpt-keychain.${name}.lock`)
  const withLock: TokenStore['withLock'] = (work, limits) =>
    withFileLock({ folder: lockFolder, place, ...(limits?.waitMs === undefined ? {} : { waitMs: limits.waitMs }) }, work)
  const write = (record: StoredRecord, lock: StoreLock) => saving(place, () => parts.write(JSON.stringify(record), () => refuseStale(place, lock)))
  const remove = (lock: StoreLock) => saving(place, async () => {
    await refuseStale(place, lock)
    await parts.remove()
  })
  return {
    kind: 'keychain',
    place,
    load: () => loadParts({ parts, place, lane, signIn: signInCommand(lane, { account }) }),
    withLock,
    save: (record, with_) => (with_?.lock ? write(record, with_.lock) : withLock((lock) => write(record, lock))),
    proveWritable: () => saving(place, async () => {
      const probe = await open(`${name}#probe`)
      await probe.setPassword(' '.repeat(PART_LENGTH))
      await probe.deletePassword()
    }),
    clear: (with_) => (with_?.lock ? remove(with_.lock) : withLock(remove)),
  }
}

function createOpener(given: Keyring | undefined, service: string): (username: string) => Promise<KeyringEntry> {
  let loading: Promise<Keyring> | undefined
  return async (username) => {
    const keyring = given ?? (await (loading ??= import('@napi-rs/keyring').catch((cause: unknown) => {
      throw new TokenStoreError('the keychain store needs the package @napi-rs/keyring: npm install @napi-rs/keyring', 'unavailable', cause)
    })))
    return new keyring.AsyncEntry(service, username)
  }
}

async function loadParts(
  from: { parts: ReturnType<typeof createChunkedEntry>; place: string; lane: LaneName; signIn: string },
): Promise<LoadResult> {
  const { parts, place, lane, signIn } = from
  try {
    const found = await parts.read()
    if (found === undefined) return { state: 'missing', message: `${place} holds nothing: nobody is signed in. Run ${signIn}` }
    if (found === 'cut') return { state: 'corrupt', message: `${place} holds a sign-in that was cut off. Run ${signIn}` }
    return decodeRecord(found.text, { place, lane, signIn })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (error instanceof TokenStoreError) return { state: 'unreadable', message }
    return /\block|dismiss|cancel/i.test(message)
      ? { state: 'locked', message: `${place} is locked (${message}). Unlock it and try again`, transient: true }
      : { state: 'unreadable', message: `${place} cannot be read (${message}). On a machine without a keychain use the file store` }
  }
}

async function saving(place: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof TokenStoreError) throw error
    const message = error instanceof Error ? error.message : String(error)
    throw new TokenStoreError(`${place} cannot be saved: ${message}. Unlock it, or use the file store`, 'unwritable', error)
  }
}
