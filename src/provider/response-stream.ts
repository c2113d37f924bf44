import { AbortError, type ChatResponse, type LLMError, type ResponseStream, type StreamEvent } from '../contract/index.js'

/** How a run ended; it never throws. */
export type Outcome = { response: ChatResponse; error?: undefined } | { response?: undefined; error: LLMError }

/** A run of a call: batches of stream events, then its outcome. */
export type Run = AsyncGenerator<readonly StreamEvent[], Outcome, undefined>

const NONE: readonly StreamEvent[] = []
const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

/**
 * The public face of a run. Events are handed out one by one from the batch that arrived together:
 * an async generator over single deltas cost 0.4 µs more for each of them.
 */
export function createResponseStream(run: Run, controller: AbortController): ResponseStream {
  let outcome: Outcome | undefined
  let batch = NONE
  let position = 0
  /** drained by `response()` while an iterator stands by */
  const kept: (readonly StreamEvent[])[] = []
  let iterating = false
  let pulling: Promise<boolean> | undefined

  const pull = (): Promise<boolean> =>
    (pulling ??= run.next().then((result) => {
      pulling = undefined
      if (result.done) {
        outcome ??= result.value
        return false
      }
      kept.push(result.value)
      return true
    }))

  const nextSlow = async (): Promise<IteratorResult<StreamEvent>> => {
    for (;;) {
      if (position < batch.length) return { done: false, value: batch[position++] as StreamEvent }
      const next = kept.shift()
      // Emptied before the wait: what was handed out is nobody's to keep.
      batch = next ?? NONE
      position = 0
      if (next) continue
      if (outcome || !(await pull())) {
        if (kept.length === 0) return DONE
      }
    }
  }

  const abandon = async (): Promise<void> => {
    if (outcome) return
    controller.abort(new AbortError('The caller stopped reading the answer before its end.'))
    kept.length = 0
    while (await pull()) kept.length = 0
  }

  return {
    [Symbol.asyncIterator]() {
      iterating = true
      return {
        next: () =>
          position < batch.length
            ? Promise.resolve({ done: false as const, value: batch[position++] as StreamEvent })
            : nextSlow(),
        async return() {
          iterating = false
          batch = NONE
          await abandon()
          return DONE
        },
      }
    },
    async response() {
      while (!outcome && (await pull())) if (!iterating) kept.length = 0
      if (outcome?.error) throw outcome.error
      return outcome?.response as ChatResponse
    },
  }
}
