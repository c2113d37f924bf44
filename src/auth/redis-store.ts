import { createAtRestCipher, type AtRestCipher } from './encrypt-at-rest.js'
import { signInCommand } from './lane-defaults.js'
import { withRedisLock } from './redis-lock.js'
import { decodeRecord, encodeRecord } from './stored-record.js'
import { TokenStoreError, type LoadResult, type StoredRecord, type StoreLock, type TokenStore } from './token-store.js'
import type { LaneName } from '../contract/index.js'
import { defined } from '../lib/index.js'
import type { RedisConnection } from './redis-connection.js'

export interface RedisStoreOptions {
  connection: RedisConnection
  lane: LaneName
  /** default `default` */
  account?: string
  /** from the environment: 32 bytes as base64, or a passphrase */
  encryptionKey: string | undefined
  /** in front of every key; default `amplifier-chatgpt` */
  prefix?: string
  /** A sign-in that nobody refreshed for so long is forgotten. Default 180 days. */
  credentialTtlMs?: number
  /** The refresh lock of a host that died is free after so long. Default 8,000. */
  lockTtlMs?: number
  now?: () => number
}

const DAY_MS = 24 * 3_600_000
const SAVE = `if tonumber(redis.call('GET', KEYS[2]) or '0') ~= tonumber(ARGV[1]) then return 0 end redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1`
/** Between a credential's key and the time at which an unreadable one was kept aside. */
const ASIDE = ':corrupt-'
const PROBE_BYTES = 16 * 1024

/**
 * Keeps the credential in Redis for any number of hosts: encrypted before it leaves the process,
 * refreshed under a lock with a fence. A server that is away makes the store unreadable for the
 * moment: hosts go on with the token they have, and none refreshes blind.
 * @throws ConfigurationError where the key is missing or weak
 */
export function createRedisStore(options: RedisStoreOptions): TokenStore {
  const { connection, lane } = options
  const account = options.account ?? 'default'
  // The braces keep a lane's keys on one node of a cluster, which a script needs.
  const base = `${options.prefix ?? 'amplifier-chatgpt'}:{${lane}:${account}}`
  const keys = { credential: `${base}:credential`, lock: `${base}:lock`, fence: `${base}:fence`, probe: `${base}:probe` }
  const place = `${connection.place} (${keys.credential})`
  const sealer = createAtRestCipher(options.encryptionKey)
  const ttlMs = options.credentialTtlMs ?? 180 * DAY_MS
  const load = () => loadFrom({ connection, sealer, key: keys.credential, place, lane, signIn: signInCommand(lane, { account }) })
  const withLock: TokenStore['withLock'] = (work, limits) => withRedisLock({
    connection, place, lockKey: keys.lock, fenceKey: keys.fence,
    ...(limits?.waitMs === undefined ? {} : { waitMs: limits.waitMs }),
    ...defined({ ttlMs: options.lockTtlMs }),
  }, work)

  const write = async (record: StoredRecord, lock: StoreLock): Promise<void> => {
    const found = await load()
    if (found.state === 'wrong_lane' || found.state === 'unreadable') {
      throw new TokenStoreError(found.message, found.transient ? 'unreachable' : 'refused')
    }
    const sealed = await sealer.seal(encodeRecord(record), keys.credential)
    if (found.state === 'corrupt') {
      const aside = `${keys.credential}${ASIDE}${new Date((options.now ?? Date.now)()).toISOString()}`
      await connection.command('COPY', keys.credential, aside).then(() => connection.command('PEXPIRE', aside, String(30 * DAY_MS)))
    }
    const saved = await connection.script(SAVE, [keys.credential, keys.fence], [String(lock.fence ?? -1), sealed, String(ttlMs)])
    if (saved !== 1) throw new TokenStoreError(`${place}: another host took the lock, because this one stood still`, 'stale_lock')
  }
  return {
    kind: 'redis',
    place,
    load,
    withLock,
    save: (record, with_) => refusing(place, () => (with_?.lock ? write(record, with_.lock) : withLock((lock) => write(record, lock)))),
    proveWritable: () => refusing(place, async () => {
      await connection.command('SET', keys.probe, ' '.repeat(PROBE_BYTES), 'PX', '1000')
    }),
    clear: (with_) => refusing(place, async () => {
      const remove = async () => { await connection.command('DEL', keys.credential) }
      await (with_?.lock ? remove() : withLock(remove))
    }),
    // Keys kept aside are written under the lock and not again: removing them needs none.
    removeCopies: () => removeKeysAside(connection, keys.credential),
    close: () => connection.close(),
  }
}

async function removeKeysAside(connection: RedisConnection, key: string): Promise<string[]> {
  const pattern = `${key.replaceAll(/[\\*?[\]]/g, '\\$&')}${ASIDE}*`
  try {
    let cursor = '0'
    do {
      const [next, names] = decodeScan(await connection.command('SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000'))
      if (names.length > 0) await connection.command('DEL', ...names)
      cursor = next
    } while (cursor !== '0')
    return []
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return [`${connection.place} (${key}${ASIDE}*) may still hold copies, which could not be removed: ${why}`]
  }
}

function decodeScan(reply: unknown): [cursor: string, names: string[]] {
  const [cursor, names]: unknown[] = Array.isArray(reply) ? reply : []
  if (!Array.isArray(names)) throw new Error('the server answered SCAN with something else')
  return [String(cursor), names.map(String)]
}

async function loadFrom(
  from: { connection: RedisConnection; sealer: AtRestCipher; key: string; place: string; lane: LaneName; signIn: string },
): Promise<LoadResult> {
  const { connection, sealer, key, place, lane, signIn } = from
  let sealed: unknown
  try {
    sealed = await connection.command('GET', key)
  } catch (error) {
    const transient = error instanceof TokenStoreError && error.code === 'unreachable'
    const message = error instanceof Error ? error.message : String(error)
    return { state: 'unreadable', message: transient ? message : `${place} cannot be read: ${message}`, transient }
  }
  if (sealed === null) return { state: 'missing', message: `${place} does not exist: nobody is signed in. Run ${signIn}` }
  const text = typeof sealed === 'string' ? await sealer.open(sealed, key) : undefined
  if (text === undefined) {
    return { state: 'unreadable', message: `${place} cannot be opened with AMPLIFIER_CHATGPT_STORE_KEY: it was sealed with another key, or changed. Set the key the other hosts have. Where the key itself was changed, run amplifier-chatgpt logout --local with the new one, then import or ${signIn}` }
  }
  return decodeRecord(text, { place, lane, signIn })
}

/** What the server itself refuses, such as a write to a replica or with no memory left, is a store that cannot be written. */
async function refusing<Value>(place: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error) || error instanceof TokenStoreError) throw error
    throw new TokenStoreError(`${place} cannot be saved: ${error.message}`, 'unwritable', error)
  }
}
