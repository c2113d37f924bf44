import { createHash } from 'node:crypto'
import type { SecureContext } from 'node:tls'
import { TokenStoreError } from './token-store.js'
import type { createClient } from 'redis'

export interface RedisConnectionOptions {
  /** `redis://` or `rediss://`, with user and password where it needs them */
  url: string
  /** how long one command may take; default 3,000 ms */
  commandTimeoutMs?: number
  /** whose certificates are believed, for `rediss://`; default Node's own list */
  trust?: () => Promise<SecureContext | undefined>
}

/** One connection to a Redis server, opened at the first command, opened again whenever it was lost. */
export interface RedisConnection {
  /** host and port, without the password */
  readonly place: string
  /** @throws TokenStoreError `unreachable` at once while the server is away; what the server refuses as it says it */
  command(...words: readonly string[]): Promise<unknown>
  /**
   * Runs a script with `keys` and `words`; with `firstWords` where the server has not seen it since it was started.
   * @throws as {@link RedisConnection.command}
   */
  script(source: string, keys: readonly string[], words: readonly string[], firstWords?: readonly string[]): Promise<unknown>
  /** Tells what is published there from now on, also after the connection was lost and is back; never fails. What it missed is not told. */
  subscribe(channel: string, listener: (message: string) => void): void
  /** Twice without harm. */
  close(): Promise<void>
}

interface RedisPackage {
  createClient: typeof createClient
}

/** What we use of the `redis` package's client. */
interface Client {
  isReady: boolean
  on(event: 'error', listener: (error: Error) => void): unknown
  connect(): Promise<unknown>
  sendCommand(words: string[]): Promise<unknown>
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  destroy(): void
}

const CONNECT_MS = 3000

export function createRedisConnection(options: RedisConnectionOptions): RedisConnection {
  const place = describePlace(options.url)
  let opening: Promise<Client> | undefined
  let closed = false
  const names = new Map<string, string>()
  let listening: Promise<Client> | undefined
  const open = async (): Promise<Client> => {
    if (closed) throw new TokenStoreError(`${place}: the connection is closed`, 'unreachable')
    const client = await (opening ??= openClient(options).catch((error: unknown) => {
      opening = undefined
      throw error
    }))
    if (!client.isReady) throw unreachable(place)
    return client
  }
  const command = async (...words: readonly string[]): Promise<unknown> => {
    const client = await open()
    try {
      return await within(options.commandTimeoutMs ?? 3000, client.sendCommand([...words]), () => unreachable(place))
    } catch (cause) {
      throw isRefusal(cause) || cause instanceof TokenStoreError ? cause : unreachable(place, cause)
    }
  }
  return {
    place,
    command,
    async script(source, keys, words, firstWords = words) {
      const name = names.get(source) ?? createHash('sha1').update(source).digest('hex')
      names.set(source, name)
      try {
        return await command('EVALSHA', name, String(keys.length), ...keys, ...words)
      } catch (cause) {
        // The server has not seen it yet, or has been started anew.
        if (!isUnknownScript(cause)) throw cause
        return command('EVAL', source, String(keys.length), ...keys, ...firstWords)
      }
    },
    subscribe(channel, listener) {
      void (listening ??= openListener(options)).then(async (client) => {
        await (closed ? Promise.resolve(client.destroy()) : client.subscribe(channel, listener))
      }).catch(() => undefined)
    },
    async close() {
      closed = true
      const clients = await Promise.all([opening, listening].map((client) => client?.catch(() => undefined)))
      opening = listening = undefined
      for (const client of clients) destroy(client)
    },
  }
}

/** A second connection: one that listens takes no commands. It waits for its server by itself. */
async function openListener(options: RedisConnectionOptions): Promise<Client> {
  return openClient(options, { disableOfflineQueue: false })
}

function destroy(client: Client | undefined): void {
  try {
    client?.destroy()
  } catch {
    // Already gone: that is what was asked for.
  }
}

async function openClient({ url, trust }: RedisConnectionOptions, { disableOfflineQueue = true } = {}): Promise<Client> {
  const [redis, secureContext] = await Promise.all([loadRedis(), trust?.()])
  const timing = { connectTimeout: CONNECT_MS, reconnectStrategy: (retries: number) => Math.min(1000, 50 * 2 ** retries) }
  const client: Client = redis.createClient({
    url,
    // A command that waited for a server to come back would be a refresh nobody waits for any more.
    disableOfflineQueue,
    // Said here, since NODE_TLS_REJECT_UNAUTHORIZED=0 turns off whatever leaves it open.
    socket: isEncrypted(url) ? { ...timing, tls: true, rejectUnauthorized: true, ...(secureContext ? { secureContext } : {}) } : timing,
  })
  // Without a listener a lost connection would end the process; commands report it.
  const failed = new Promise<void>((resolve) => client.on('error', () => resolve()))
  const connecting = client.connect().then(() => undefined, () => undefined)
  // Whatever this comes to, the client goes on trying by itself.
  await within(CONNECT_MS, Promise.race([connecting, failed]), () => undefined).catch(() => undefined)
  return client
}

/** The package is CommonJS: bundlers hand out its exports under `default` only. */
async function loadRedis(): Promise<RedisPackage> {
  const loaded: RedisPackage & { default?: RedisPackage } = await import('redis').catch((cause: unknown) => {
    throw new TokenStoreError('the Redis store needs the package redis: npm install redis@5', 'unavailable', cause)
  })
  return typeof loaded.createClient === 'function' ? loaded : (loaded.default ?? loaded)
}

async function within<Value>(ms: number, work: Promise<Value>, onLate: () => Error | undefined): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(onLate() ?? new Error('late')), ms)
  })
  work.catch(() => undefined)
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** The server answered, and said no; a server that is busy or still loading is as good as away. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && /^(OOM|READONLY|NOAUTH|WRONGPASS|NOPERM|MISCONF|ERR|WRONGTYPE)\b/.test(error.message)
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && (/^NOSCRIPT\b/.test(error.message) || (error.cause instanceof Error && /^NOSCRIPT\b/.test(error.cause.message)))
}

function unreachable(place: string, cause?: unknown): TokenStoreError {
  return new TokenStoreError(`${place} cannot be reached; the sign-in is neither read nor refreshed until it can. Check the server and the network`, 'unreachable', cause)
}

function isEncrypted(url: string): boolean {
  return /^\s*rediss:/i.test(url)
}

function describePlace(url: string): string {
  if (!URL.canParse(url)) return 'redis'
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
}
