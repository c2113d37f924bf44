import { type AbortError, type ChatResponse, type LLMError, type ResponseStream, type StreamEvent } from '../contract/index.js'
import { EventQueue } from './event-queue.js'

/** How a run ended; it never throws. */
export type Outcome = { response: ChatResponse; error?: undefined } | { response?: undefined; error: LLMError }

/**
 * Hands a batch on; resolves when the next one is wanted, and is undefined where that is so already.
 * Whoever produces waits for it, so a slow reader is a slow producer.
 */
export type Deliver<Item> = (batch: readonly Item[]) => Promise<void> | undefined

/**
 * A run of a call: delivers batches of stream events, then answers its outcome. Batches are pushed
 * through plain functions: as a chain of async generators each one cost a dozen turns of the microtask
 * queue, a third of what a call added to the time to its first delta.
 */
export type Run = (deliver: Deliver<StreamEvent>) => Promise<Outcome>

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

export interface RunningStream {
  stream: ResponseStream
  /** Ends the run with this reason. Whoever has stopped it wants nothing more of it but its end. */
  stop(reason: AbortError): void
}

export interface RunTerms {
  controller: AbortController
  /** why a run ends whose reader leaves it */
  left: () => AbortError
  /** called once when the run is over */
  onEnded: () => void
  /** the whole stream, for a reader who comes after `response()` has let the events go */
  retell: (outcome: Outcome) => Promise<readonly StreamEvent[]>
}

/** The public face of a run: starts it when somebody asks, and paces it by who reads. */
export function createResponseStream(run: Run, { controller, left, onEnded, retell }: RunTerms): RunningStream {
  let ended: Promise<Outcome> | undefined
  let over = false
  let draining = false
  /** `response()` came before any reader: the events have not been kept */
  let unread = false
  let resume: (() => void) | undefined
  const queue = new EventQueue()

  const wake = (): void => {
    resume?.()
    resume = undefined
  }
  const start = (): Promise<Outcome> => (ended ??= run(deliver).finally(() => {
    over = true
    onEnded()
    queue.end(start())
  }))
  const deliver: Deliver<StreamEvent> = (events) => {
    queue.push(events)
    // A reader who reads no more keeps no place of a call that has been stopped.
    if (controller.signal.aborted || draining || queue.wanted) return undefined
    return new Promise((resolve) => (resume = resolve))
  }
  const stop = (reason: AbortError): void => {
    controller.abort(reason)
    queue.keepEnd()
    wake()
  }
  const wait = (): Promise<IteratorResult<StreamEvent>> => {
    const next = queue.next()
    if (ended) wake()
    else start().catch(() => undefined)
    return next
  }
  const leave = async (): Promise<IteratorReturnResult<undefined>> => {
    queue.close()
    if (!over) stop(left())
    await start()
    return DONE
  }
  const tellLate = async function* (): AsyncGenerator<StreamEvent, undefined> {
    yield* await retell(await start())
  }
  const stream: ResponseStream = {
    [Symbol.asyncIterator]() {
      if (unread) return tellLate()
      queue.open()
      return {
        next() {
          const value = queue.take()
          if (value) return Promise.resolve({ done: false, value })
          return over ? Promise.resolve(DONE) : wait()
        },
        return: leave,
      }
    },
    async response() {
      draining = true
      if (!queue.opened) {
        unread = true
        queue.close()
      }
      wake()
      const { error, response } = await start()
      if (error) throw error
      return response
    },
  }
  return { stream, stop }
}
