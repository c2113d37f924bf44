/**
 * `work`'s outcome, or the signal's reason as soon as it aborts, whatever the work itself listens to.
 * Leaves no listener behind; what the work does afterwards is nobody's.
 */
export function orAbort<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
