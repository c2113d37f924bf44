import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createAtRestCipher, type AtRestCipher, type RedisConnection } from '../auth/index.js'
import { openDatabase } from '../lib/index.js'
import { HttpFailure } from './http-failure.js'
import { createPrivateText } from './private-text.js'
import { createRedisResponseStore } from './redis-store.js'
import { createMemoryStore, DISK_LIMITS, MEMORY_LIMITS, type ResponseStore, type StoreLimits } from './response-store.js'
import { createSqliteStore } from './sqlite-store.js'

export interface StoreOptions {
  kind: 'memory' | 'sqlite' | 'redis'
  /** where the file of SQLite and the key file lie */
  folder: string
  /** 32 bytes as base64 or hex, or a passphrase; without it sqlite has a key file made */
  secret?: string
  /** for redis */
  connect?: () => RedisConnection
  limits?: Partial<StoreLimits>
  now?: () => number
}

/** Opens the store of responses. @throws ConfigurationError, DatabaseError */
export async function openResponseStore({ kind, folder, secret, connect, limits, now }: StoreOptions): Promise<ResponseStore> {
  const bounds = { ...(kind === 'memory' ? MEMORY_LIMITS : DISK_LIMITS), ...limits }
  if (kind === 'redis' && connect) return withFailures(createRedisResponseStore({ connection: connect(), cipher: createAtRestCipher(secret), limits: bounds, now }))
  if (kind !== 'sqlite') return createMemoryStore({ limits: bounds, now })
  const cipher = await openCipher(folder, secret)
  return withFailures(createSqliteStore({ database: await openDatabase(join(folder, 'endpoint.db')), cipher, limits: bounds, now }))
}

/** What a request is told of a store that is away or full; the place and the library's words are the operator's. */
function withFailures(store: ResponseStore): ResponseStore {
  const tell = (cause: unknown): never => {
    throw new HttpFailure(503, 'The store of responses cannot be reached just now.', { type: 'service_unavailable_error', code: 'store_unavailable' }, { cause })
  }
  return {
    get: (owner, id) => store.get(owner, id).catch(tell),
    put: (owner, id, text) => store.put(owner, id, text).catch(tell),
    delete: (owner, id) => store.delete(owner, id).catch(tell),
    close: () => store.close(),
  }
}

/** The key lies beside what it seals: a copy of the database alone, in a backup or a support case, tells nothing. */
async function openCipher(folder: string, secret: string | undefined): Promise<AtRestCipher> {
  if (secret !== undefined && secret !== '') return createAtRestCipher(secret)
  const path = join(folder, 'endpoint.key')
  const text = await createPrivateText(path).update((before) => before ?? `${randomBytes(32).toString('base64')}\n`)
  return createAtRestCipher(text?.trim(), path)
}
