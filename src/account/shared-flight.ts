/** Runs one `work` for all who ask while it runs. */
export type SharedFlight<Value> = (work: (signal: AbortSignal) => Promise<Value>, signal?: AbortSignal) => Promise<Value>

interface Flight<Value> {
  promise: Promise<Value>
  abort: AbortController
  waiting: number
}

/**
 * Single flight with a way out for each who waits: a caller's signal ends its own wait at once, the
 * work's signal aborts only when every caller has given up. A caller without a signal waits to the end.
 */
export function createSharedFlight<Value>(): SharedFlight<Value> {
  let current: Flight<Value> | undefined
  const board = (work: (signal: AbortSignal) => Promise<Value>): Flight<Value> => {
    if (current) return current
    const abort = new AbortController()
    const flight: Flight<Value> = { promise: work(abort.signal), abort, waiting: 0 }
    const land = () => { if (current === flight) current = undefined }
    flight.promise.then(land, land)
    return (current = flight)
  }
  return (work, signal) => {
    const flight = board(work)
    flight.waiting++
    if (!signal) return flight.promise
    return new Promise((resolve, reject) => {
      const leave = () => {
        flight.waiting--
        if (flight.waiting === 0) {
          flight.abort.abort(signal.reason)
          if (current === flight) current = undefined
        }
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', leave, { once: true })
      const settle = () => signal.removeEventListener('abort', leave)
      flight.promise.then((value) => { settle(); resolve(value) }, (error: unknown) => { settle(); reject(error as Error) })
    })
  }
}
