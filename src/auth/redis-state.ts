import { parseJson } from '../lib/index.js'
import type { RedisConnection } from './redis-connection.js'

/** One value that hosts share, such as quota windows or the model list. No secret belongs in it: it is not encrypted. */
export interface SharedValue {
  /** undefined where there is none, it is too old, or the server is away */
  load(): Promise<unknown>
  /** Best effort: a server that is away is no failure of the call that learned something. */
  save(value: unknown): Promise<void>
}

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
          await connection.command('SET', key, JSON.stringify(value), 'PX', String(ttlMs)).catch(() => undefined)
        },
      }
    },
  }
}
