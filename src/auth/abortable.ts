import { AbortError } from '../contract/index.js'

/**
 * Lets a caller go with an AbortError as soon as its signal says so, while the work goes on for the
 * others who wait for it.
 */
export function abortable<Value>(work: () => Promise<Value>, signal?: AbortSignal): Promise<Value> {
  if (!signal) return work()
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new AbortError('cancelled while waiting for the sign-in', { cause: signal.reason }))
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work().then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
