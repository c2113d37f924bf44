import type { AtRestCipher, RedisConnection } from '../auth/index.js'
import type { ResponseStore, StoreLimits } from './response-store.js'

export interface RedisResponseStoreOptions {
  /** closed with the store */
  connection: RedisConnection
  cipher: AtRestCipher
  limits: StoreLimits
  /** ms since 1970 */
  now?: () => number
  /** in front of every key; default `amplifier-chatgpt` */
  prefix?: string
}

/** KEYS: entries by name, names by last use, bytes by name, their sum. ARGV: now, max age, max count, max bytes. */
const TRIM = `
local function forget(name)
  redis.call('DECRBY', KEYS[4], redis.call('HGET', KEYS[3], name) or 0)
  redis.call('HDEL', KEYS[3], name)
  redis.call('ZREM', KEYS[2], name)
  return redis.call('HDEL', KEYS[1], name)
end
local function trim()
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. (ARGV[1] - ARGV[2]))) do forget(name) end
  while redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[3]) or tonumber(redis.call('GET', KEYS[4]) or '0') > tonumber(ARGV[4]) do
    local oldest = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
    if not oldest then break end
    forget(oldest)
  end
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[2]) end
end`

const PUT = `${TRIM}
forget(ARGV[5])
redis.call('HSET', KEYS[1], ARGV[5], ARGV[6])
redis.call('HSET', KEYS[3], ARGV[5], #ARGV[6])
redis.call('INCRBY', KEYS[4], #ARGV[6])
redis.call('ZADD', KEYS[2], ARGV[1], ARGV[5])
trim()
return 1`

const GET = `
local used = redis.call('ZSCORE', KEYS[2], ARGV[5])
if not used or tonumber(used) < ARGV[1] - ARGV[2] then return false end
redis.call('ZADD', KEYS[2], ARGV[1], ARGV[5])
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[2]) end
return redis.call('HGET', KEYS[1], ARGV[5])`

const DELETE = `${TRIM}
return forget(ARGV[5])`

/** Keeps responses sealed in Redis, for endpoints of a fleet. What Redis itself keeps over a restart is its own setting. */
export function createRedisResponseStore({ connection, cipher, limits, now = Date.now, prefix = 'amplifier-chatgpt' }: RedisResponseStoreOptions): ResponseStore {
  // One hash slot, so that the scripts run in a cluster too.
  const keys = ['entries', 'used', 'sizes', 'bytes'].map((name) => `{${prefix}:responses}:${name}`)
  const run = (script: string, ...words: readonly string[]): Promise<unknown> =>
    connection.script(script, keys, [String(now()), String(limits.maxAgeMs), String(limits.maxCount), String(limits.maxBytes), ...words])
  return {
    async get(owner, id) {
      const name = `${owner}/${id}`
      const sealed = await run(GET, name)
      return typeof sealed === 'string' ? cipher.open(sealed, `response/${name}`) : undefined
    },
    async put(owner, id, text) {
      const name = `${owner}/${id}`
      await run(PUT, name, await cipher.seal(text, `response/${name}`))
    },
    delete: async (owner, id) => Number(await run(DELETE, `${owner}/${id}`)) > 0,
    close: () => connection.close(),
  }
}
