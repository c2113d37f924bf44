import { randomUUID } from 'node:crypto'
import { delay } from '../lib/index.js'
import { TokenStoreError, type StoreLock } from './token-store.js'
import type { RedisConnection } from './redis-connection.js'

export interface RedisLockOptions {
  connection: RedisConnection
  lockKey: string
  /** counts the lock's holders */
  fenceKey: string
  place: string
  /** how long others may hold it before we give up; default 90,000 */
  waitMs?: number
  /** The lock of a host that died is free after so long; default 8,000. */
  ttlMs?: number
  monotonic?: () => number
  random?: () => number
}

const ACQUIRE = `if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return redis.call('INCR', KEYS[2]) end return 0`
const EXTEND = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0`
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`
const TTL_MS = 8000
const POLL_MS = 40

/**
 * A lock among hosts. Its fence grows with every holder: a save that carries an older one is refused,
 * so a host that slept through its lock's end changes nothing.
 * @throws TokenStoreError `locked`, `unreachable`
 */
export async function withRedisLock<Value>(options: RedisLockOptions, work: (lock: StoreLock) => Promise<Value>): Promise<Value> {
  const { connection, lockKey } = options
  const owner = randomUUID()
  const ttlMs = options.ttlMs ?? TTL_MS
  const fence = await acquire(options, owner, ttlMs)
  const heartbeat = setInterval(() => {
    connection.script(EXTEND, [lockKey], [owner, String(ttlMs)]).catch(() => undefined)
  }, ttlMs / 4)
  heartbeat.unref()
  try {
    return await work({ fence, held: async () => (await connection.command('GET', lockKey)) === owner })
  } finally {
    clearInterval(heartbeat)
    await connection.script(RELEASE, [lockKey], [owner]).catch(() => undefined)
  }
}

async function acquire(options: RedisLockOptions, owner: string, ttlMs: number): Promise<number> {
  const { connection, lockKey, fenceKey } = options
  const monotonic = options.monotonic ?? (() => performance.now())
  const startedAt = monotonic()
  for (;;) {
    const fence = Number(await connection.script(ACQUIRE, [lockKey, fenceKey], [owner, String(ttlMs)]).catch((cause: unknown) => {
      if (!(cause instanceof Error) || cause instanceof TokenStoreError) throw cause
      throw new TokenStoreError(`${options.place} cannot be locked: ${cause.message}`, 'unwritable', cause)
    }))
    if (fence > 0) return fence
    if (monotonic() - startedAt > (options.waitMs ?? 90_000)) {
      throw new TokenStoreError(`${options.place} is locked by another host, which is refreshing the sign-in. Try again`, 'locked')
    }
    await delay(POLL_MS * (0.5 + (options.random ?? Math.random)()))
  }
}
