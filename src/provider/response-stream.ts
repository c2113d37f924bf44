import { AbortError, type ChatResponse, type LLMError, type ResponseStream, type StreamEvent } from '../contract/index.js'

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

const NONE: readonly StreamEvent[] = []
const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

interface Reader {
  resolve: (result: IteratorResult<StreamEvent>) => void
  reject: (error: unknown) => void
}

const isTerminal = ({ type }: StreamEvent): boolean => type === 'message.end' || type === 'error'

/** The public face of a run: starts it when somebody asks, and paces it by who reads. */
export function createResponseStream(run: Run, controller: AbortController): ResponseStream {
  let ended: Promise<Outcome> | undefined
  let outcome: Outcome | undefined
  let batch = NONE
  let position = 0
  /** delivered for `response()` while an iterator stands by */
  const kept: (readonly StreamEvent[])[] = []
  const readers: Reader[] = []
  let iterating = false
  let draining = false
  let abandoned = false
  let resume: (() => void) | undefined
  let listening = false

  const wake = (): void => {
    const waiting = resume
    resume = undefined
    waiting?.()
  }
  /** Who has stopped a call wants nothing more of it but its end, and its place is not kept for a reader who reads no more. */
  const stop = (): void => {
    batch = [...batch.slice(position), ...kept.flat()].filter(isTerminal)
    position = 0
    kept.length = 0
    wake()
  }
  const start = (): Promise<Outcome> => (ended ??= run(deliver).then(finish, crash))
  const finish = (result: Outcome): Outcome => {
    outcome = result
    for (const reader of readers.splice(0)) reader.resolve(DONE)
    return result
  }
  const crash = (error: unknown): never => {
    for (const reader of readers.splice(0)) reader.reject(error)
    throw error
  }
  /** The next event of what is here. */
  const take = (): StreamEvent | undefined => {
    while (position >= batch.length) {
      // Emptied before the wait: what was handed out is nobody's to keep.
      batch = kept.shift() ?? NONE
      position = 0
      if (batch === NONE) return undefined
    }
    return batch[position++]
  }
  const serve = (): void => {
    while (readers.length > 0) {
      const value = take()
      if (!value) return
      readers.shift()?.resolve({ done: false, value })
    }
  }
  const deliver: Deliver<StreamEvent> = (events) => {
    if (abandoned || (draining && !iterating)) return undefined
    kept.push(events)
    serve()
    if (draining || readers.length > 0 || controller.signal.aborted) return undefined
    if (!listening) controller.signal.addEventListener('abort', stop, { once: true })
    listening = true
    return new Promise((resolve) => (resume = resolve))
  }
  const wait = (): Promise<IteratorResult<StreamEvent>> =>
    new Promise((resolve, reject) => {
      readers.push({ resolve, reject })
      if (ended) wake()
      else start().catch(() => undefined)
    })

  return {
    [Symbol.asyncIterator]() {
      iterating = true
      return {
        next() {
          const value = take()
          if (value) return Promise.resolve({ done: false, value })
          return outcome ? Promise.resolve(DONE) : wait()
        },
        async return() {
          iterating = false
          batch = NONE
          kept.length = 0
          if (outcome) return DONE
          abandoned = true
          controller.abort(new AbortError('The caller stopped reading the answer before its end.'))
          wake()
          await start()
          return DONE
        },
      }
    },
    async response() {
      draining = true
      wake()
      const { error, response } = await start()
      if (error) throw error
      return response
    },
  }
}
