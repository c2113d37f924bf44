import { once } from 'node:events'
import { AbortError } from '../contract/index.js'
import { delay } from '../lib/index.js'

/** Work that heeds the signal itself ends in its own words within this time. */
const GRACE_MS = 400

/**
 * Ends the wait for `work` soon after the signal says so, whatever the work listens to, so that what
 * encloses it can take down its sockets.
 * @throws AbortError
 */
export async function untilAborted<Value>(signal: AbortSignal, work: () => Promise<Value>): Promise<Value> {
  if (signal.aborted) throw interrupted()
  const done = new AbortController()
  const aborted = once(signal, 'abort', { signal: done.signal }).then(async () => {
    await delay(GRACE_MS, { signal: done.signal })
    throw interrupted()
  })
  try {
    return await Promise.race([work(), aborted])
  } finally {
    aborted.catch(() => undefined)
    done.abort()
  }
}

function interrupted(): AbortError {
  return new AbortError('The command was interrupted.', { code: 'interrupted' })
}
