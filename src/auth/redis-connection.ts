import { createHash } from 'node:crypto'
import type { SecureContext } from 'node:tls'
import { sanitizeLine } from '../lib/index.js'
import { TokenStoreError } from './token-store.js'
import { destroyRedisClient, openRedisClient, type RedisClient } from './redis-client.js'
import { createRedisNodes } from './redis-nodes.js'

export interface RedisConnectionOptions {
  /** `redis://` or `rediss://`, with user and password where it needs them */
  url: string
  /** how long one command may take; default 3,000 ms */
  commandTimeoutMs?: number
  /** whose certificates are believed, for `rediss://`; default Node's own list */
  trust?: () => Promise<SecureContext | undefined>
}

/**
 * One connection to a Redis server, opened at the first command, opened again whenever it was lost. Where the server is a node
 * of a cluster, its redirections to others are followed.
 */
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

export function createRedisConnection(options: RedisConnectionOptions): RedisConnection {
  const place = describePlace(options.url)
  const nodes = createRedisNodes({ ...options, answerMs: options.commandTimeoutMs ?? 3000 }, (cause) => unreachable(place, cause))
  let closed = false
  const names = new Map<string, string>()
  /** One that listens takes no commands; it waits for its server by itself. */
  let listening: Promise<RedisClient> | undefined
  const command = async (...words: readonly string[]): Promise<unknown> => {
    if (closed) throw new TokenStoreError(`${place}: the connection is closed`, 'unreachable')
    try {
      return await nodes.send(words)
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
      void (listening ??= openRedisClient(options, { disableOfflineQueue: false })).then(async (client) => {
        await (closed ? Promise.resolve(client.destroy()) : client.subscribe(channel, listener))
      }).catch(() => undefined)
    },
    async close() {
      closed = true
      const listener = listening?.catch(() => undefined)
      listening = undefined
      await Promise.all([nodes.close(), listener?.then(destroyRedisClient)])
    },
  }
}

/** The server answered, and said no; one that is busy, still loading or does not know us is as good as away. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && /^(OOM|READONLY|NOPERM|MISCONF|ERR|WRONGTYPE)\b/.test(error.message)
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && (/^NOSCRIPT\b/.test(error.message) || (error.cause instanceof Error && /^NOSCRIPT\b/.test(error.cause.message)))
}

function unreachable(place: string, cause?: unknown): TokenStoreError {
  const reason = reasonOf(cause)
  const advice = /^(NOAUTH|WRONGPASS)\b/.test(reason) ? 'Check user and password in redis_url' : /certificate/i.test(reason) ? 'Name its authority with ca_file' : 'Check the server and the network'
  return new TokenStoreError(`${place} cannot be reached${reason && ` (${reason})`}; the sign-in is neither read nor refreshed until it can. ${advice}`, 'unreachable', cause)
}

/** In the server's or the socket's words; a client that tries several addresses has only a code. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return ''
  return sanitizeLine(cause.message || ('code' in cause ? String(cause.code) : ''))
}

function describePlace(url: string): string {
  if (!URL.canParse(url)) return 'redis'
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
}
