import type { Terminal } from './terminal.js'

/**
 * Says on a terminal's stderr, each second, that something is still waited for, and for how long; nothing in a pipe. The answer takes the
 * line away again, twice without harm, and is called before anything else is written.
 */
export function showWaiting({ stderr, env }: Pick<Terminal, 'stderr' | 'env'>, what: string, everyMs = 1000): () => void {
  if (stderr.isTTY !== true || env.TERM === 'dumb') return () => undefined
  const startedMs = performance.now()
  let shown = false
  const timer = setInterval(() => {
    shown = true
    stderr.write(`\r${what}: ${Math.round((performance.now() - startedMs) / 1000)} s\u001b[K`)
  }, everyMs).unref()
  return () => {
    clearInterval(timer)
    if (shown) stderr.write('\r\u001b[K')
    shown = false
  }
}
