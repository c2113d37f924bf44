import type { Server } from 'node:http'
import { shuttingDown, type Serving } from './serving.js'

/** Takes nothing new, lets what runs finish for `graceMs`, ends the rest with an error, and lets go of every connection. */
export async function endServer(serving: Serving, server: Server, sockets: { drain(): void; close(): void }, graceMs: number): Promise<void> {
  serving.draining = true
  serving.page?.close()
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  sockets.drain()
  await settled(serving, graceMs)
  for (const signal of serving.running.keys()) signal.abort(shuttingDown())
  // A moment for the last words to go out.
  await settled(serving, LAST_WORDS_MS)
  sockets.close()
  server.closeAllConnections()
  await closed
  await serving.endpoint.store.close()
}

const LAST_WORDS_MS = 500

/** Resolves when nothing runs, at the latest after `limitMs`. */
async function settled({ running }: Serving, limitMs: number): Promise<void> {
  const until = performance.now() + limitMs
  while (running.size > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, Math.min(20, limitMs)))
}
