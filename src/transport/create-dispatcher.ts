import { Agent, type Dispatcher } from 'undici'
import type { OpenSocket } from './open-socket.js'

export interface PooledDispatcher {
  dispatcher: Dispatcher
  /** An exchange with this origin begins to wait for a connection. */
  waiting(origin: string): void
  /** It got one, or gave up. When the last one of an origin is done waiting, connections still being made end. */
  waited(origin: string): void
  close(): Promise<void>
}

const UNWANTED = 'nobody waits for this connection'

/** How long an unused connection is kept where the server doesn't say. Servers that close sooner mostly announce it. */
const KEEP_ALIVE_MS = 30_000

/** One pool of HTTP/1.1 connections. Its own clocks are off: ours are per exchange. It follows no redirect. */
export function createDispatcher(openSocket: OpenSocket): PooledDispatcher {
  const waiters = new Map<string, number>()
  const attempts = new Map<AbortController, string>()
  const agent = new Agent({
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (options, callback) => {
      const url = new URL(`${options.protocol}//${options.host ?? options.hostname}`)
      // After an aborted exchange undici connects once more, for the request that is no longer wanted.
      if (!waiters.has(url.origin)) return queueMicrotask(() => callback(new Error(UNWANTED), null))
      const attempt = new AbortController()
      attempts.set(attempt, url.origin)
      const settle = () => attempts.delete(attempt)
      openSocket(url, { signal: attempt.signal, ...(options.servername && { servername: options.servername }) }).then(
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
    dispatcher: agent,
    waiting: (origin) => void waiters.set(origin, (waiters.get(origin) ?? 0) + 1),
    waited(origin) {
      const left = (waiters.get(origin) ?? 1) - 1
      if (left > 0) return void waiters.set(origin, left)
      waiters.delete(origin)
      for (const [attempt, of] of attempts) if (of === origin) attempt.abort(new Error(UNWANTED))
    },
    close: () => agent.destroy(),
  }
}
