import type { SecureContext } from 'node:tls'
import { within } from '../lib/index.js'
import { TokenStoreError } from './token-store.js'
import type { createClient } from 'redis'

export interface RedisClientOptions {
  url: string
  trust?: () => Promise<SecureContext | undefined>
  /** told whatever goes wrong with the connection; twice where that stays */
  failed?: (error: unknown) => void
}

interface RedisPackage {
  createClient: typeof createClient
}

/** What we use of the `redis` package's client. */
export interface RedisClient {
  isReady: boolean
  on(event: 'error', listener: (error: Error) => void): unknown
  connect(): Promise<unknown>
  sendCommand(words: string[]): Promise<unknown>
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  destroy(): void
}

const CONNECT_MS = 3000

/** One connection to one server, which it opens again by itself whenever it was lost. Never fails for a server that is away. */
export async function openRedisClient({ url, trust, failed: note }: RedisClientOptions, { disableOfflineQueue = true } = {}): Promise<RedisClient> {
  const [redis, secureContext] = await Promise.all([loadRedis(), trust?.()])
  const timing = { connectTimeout: CONNECT_MS, reconnectStrategy: (retries: number) => Math.min(1000, 50 * 2 ** retries) }
  const client: RedisClient = redis.createClient({
    url,
    // A command that waited for a server to come back would be a refresh nobody waits for any more.
    disableOfflineQueue,
    // Said here, since NODE_TLS_REJECT_UNAUTHORIZED=0 turns off whatever leaves it open.
    socket: isEncrypted(url) ? { ...timing, tls: true, rejectUnauthorized: true, ...(secureContext ? { secureContext } : {}) } : timing,
  })
  // Without a listener a lost connection would end the process; commands report it.
  const failed = new Promise<void>((resolve) => client.on('error', (error) => {
    note?.(error)
    resolve()
  }))
  const connecting = client.connect().then(() => undefined, () => undefined)
  // Whatever this comes to, the client goes on trying by itself.
  await within(CONNECT_MS, Promise.race([connecting, failed]), () => new Error('not connected in time')).catch(() => undefined)
  return client
}

/** The package is CommonJS: bundlers hand out its exports under `default` only. */
async function loadRedis(): Promise<RedisPackage> {
  const loaded: RedisPackage & { default?: RedisPackage } = await import('redis').catch((cause: unknown) => {
    throw new TokenStoreError('the Redis store needs the package redis: npm install redis@5', 'unavailable', cause)
  })
  return typeof loaded.createClient === 'function' ? loaded : (loaded.default ?? loaded)
}

export function destroyRedisClient(client: RedisClient | undefined): void {
  try {
    client?.destroy()
  } catch {
    // Already gone: that is what was asked for.
  }
}

function isEncrypted(url: string): boolean {
  return /^\s*rediss:/i.test(url)
}
