import type { ArrivalQueue } from './arrival-queue.js'
import { abortedFailure } from './failures.js'

/** Messages one by one, for those who speak over a connection themselves. */
export interface MessageReader {
  push(text: string, bytes: number): void
  /** The next message, undefined after the end. @throws TransportFailure kind `aborted` */
  receive(signal?: AbortSignal): Promise<string | undefined>
  clear(): void
  end(): void
}

export function createMessageReader(arrivals: ArrivalQueue<string>): MessageReader {
  let taken: readonly string[] = []
  let next = 0
  let arrival: Promise<void> | undefined
  const wait = () => (arrival ??= arrivals.arrival().finally(() => (arrival = undefined)))
  return {
    push: (text, bytes) => arrivals.push(text, bytes),
    async receive(signal) {
      for (;;) {
        if (signal?.aborted) throw abortedFailure('answering', signal)
        if (next >= taken.length) {
          taken = arrivals.take()
          next = 0
        }
        const message = taken[next]
        if (message !== undefined) {
          next++
          return message
        }
        if (arrivals.ended) return undefined
        await (signal ? untilAborted(wait(), signal) : wait())
      }
    },
    clear() {
      taken = []
      arrivals.clear()
    },
    end: () => arrivals.end(),
  }
}

/** Resolves when `work` has, or the signal has aborted. */
function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = () => {
      signal.removeEventListener('abort', finish)
      resolve()
    }
    signal.addEventListener('abort', finish, { once: true })
    work.then(finish, (error: Error) => {
      signal.removeEventListener('abort', finish)
      reject(error)
    })
  })
}
