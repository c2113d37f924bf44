import { delay } from '../lib/index.js'

/** Resolves when the signal aborts. */
export function waitForAbort(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Waits; true where the time passed, false where the signal aborted first. */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, { signal })
    return true
  } catch {
    return false
  }
}

/** Resolves when `start`'s callback is called or the signal aborts, whichever comes first; leaves no listener behind. */
export function untilDone(start: (done: () => void) => void, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
    start(done)
  })
}
