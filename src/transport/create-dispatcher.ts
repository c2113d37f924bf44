import { Pool, type Dispatcher } from 'undici'
import { LightAbortSignal } from '../lib/index.js'
import type { OpenSocket } from './open-socket.js'

export interface PooledDispatcher {
  dispatcherFor(origin: string): Dispatcher
  /** An exchange with this origin begins to wait for a connection. */
  waiting(origin: string): void
  /** It got one, or gave up. When the last one of an origin is done waiting, connections still being made end. */
  waited(origin: string): void
  close(): Promise<void>
}

const UNWANTED = 'nobody waits for this connection'

/** How long an unused connection is kept where the server doesn't say. Servers that close sooner mostly announce it. */
const KEEP_ALIVE_MS = 30_000

/**
 * Pools of HTTP/1.1 connections, one an origin: undici's agent does the same, at 4 µs a request. Their own timeouts are
 * off: ours are per exchange. They follow no redirect.
 */
export function createDispatcher(openSocket: OpenSocket): PooledDispatcher {
  const waiters = new Map<string, number>()
  const attempts = new Map<LightAbortSignal, string>()
  const pools = new Map<string, Pool>()
  const open = (origin: string): Pool => new Pool(origin, {
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (options, callback) => {
      const url = new URL(`${options.protocol}//${options.host ?? options.hostname}`)
      // After an aborted exchange undici connects once more, for the request that is no longer wanted.
      if (!waiters.has(url.origin)) return queueMicrotask(() => callback(new Error(UNWANTED), null))
      const attempt = new LightAbortSignal()
      attempts.set(attempt, url.origin)
      const settle = () => attempts.delete(attempt)
      openSocket(url, { signal: attempt, ...(options.servername && { servername: options.servername }) }).then(
        (socket) => {
          settle()
          callback(null, socket)
        },
        (error: Error) => {
          settle()
          callback(error, null)
        },
      )
    },
  })
  return {
    dispatcherFor(origin) {
      const known = pools.get(origin)
      if (known) return known
      const pool = open(origin)
      pools.set(origin, pool)
      return pool
    },
    waiting: (origin) => void waiters.set(origin, (waiters.get(origin) ?? 0) + 1),
    waited(origin) {
      const left = (waiters.get(origin) ?? 1) - 1
      if (left > 0) return void waiters.set(origin, left)
      waiters.delete(origin)
      for (const [attempt, of] of attempts) if (of === origin) attempt.abort(new Error(UNWANTED))
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()))
    },
  }
}
