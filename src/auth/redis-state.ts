import { parseJson } from '../lib/index.js'
import type { RedisConnection } from './redis-connection.js'

/** One value that hosts share, such as quota windows or the model list. No secret belongs in it: it is not encrypted. */
export interface SharedValue {
  /** undefined where there is none, it is too old, or the server is away */
  load(): Promise<unknown>
  /** Best effort: a server that is away is no failure of the call that learned something. */
  save(value: unknown): Promise<void>
  /** Replaces it by what `change` makes of it, no other host writing in between. Best effort, as `save`. */
  update(change: (stored: unknown) => unknown): Promise<void>
  /** Tells what other hosts save from now on, as they do it. What is missed while the server is away, the next `load` has. */
  watch(changed: (value: unknown) => void): void
}

/** Saved where nobody else has in between, and told to all that watch. */
const UPDATE = `local found = redis.call('GET', KEYS[1])
if (found or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[2])
return 1`
const MOST_TRIES = 20

export interface RedisStateOptions {
  connection: RedisConnection
  /** in front of every key; default `amplifier-chatgpt` */
  prefix?: string
}

/** Values by name, each forgotten after its own time. */
export function createRedisState(options: RedisStateOptions): { value(name: string, ttlMs: number): SharedValue } {
  const { connection } = options
  return {
    value(name, ttlMs) {
      const key = `${options.prefix ?? 'amplifier-chatgpt'}:state:${name}`
      return {
        async load() {
          const text = await connection.command('GET', key).catch(() => undefined)
          return typeof text === 'string' ? parseJson(text) : undefined
        },
        async save(value) {
          await this.update(() => value)
        },
        async update(change) {
          try {
            for (let tries = 0; tries < MOST_TRIES; tries++) {
              const found = await connection.command('GET', key)
              const before = typeof found === 'string' ? found : ''
              const after = JSON.stringify(change(before === '' ? undefined : parseJson(before)))
              if (await connection.script(UPDATE, [key], [before, after, String(ttlMs), `${key}:changed`]) === 1) return
            }
          } catch {
            // A server that is away is no failure of the call that learned something.
          }
        },
        watch(changed) {
          connection.subscribe(`${key}:changed`, (text) => changed(parseJson(text)))
        },
      }
    },
  }
}
