import { LLMTimeoutError, type LLMError } from '../contract/index.js'

export interface CallLimits {
  provider: string
  /** on the whole call: retries, waits, continuations and candidates count; absent where it is off */
  totalTimeoutMs?: number | undefined
  /** how long what came may stay unread; 300 s where `timeout` is off */
  idleTimeoutMs?: number | undefined
}

/** The clocks of one call that its own waits don't have: on the whole of it, and on a reader who takes nothing. */
export interface CallClocks {
  /** What came waits for its reader. */
  offered(): void
  taken(): void
  /** Ends every timer. */
  stop(): void
}

/** A reader without a limit of its own has the usual one: the place of its call is wanted by others. */
const USUAL_STALL_MS = 300_000
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Begins to count. @param expire called with the reason as soon as a limit is passed */
export function startCallClocks({ provider, totalTimeoutMs, idleTimeoutMs }: CallLimits, expire: (reason: LLMError) => void): CallClocks {
  const stallMs = idleTimeoutMs && idleTimeoutMs > 0 && idleTimeoutMs <= LONGEST_TIMER_MS ? idleTimeoutMs : USUAL_STALL_MS
  const total = totalTimeoutMs === undefined ? undefined : setTimeout(() => expire(totalPassed(provider, totalTimeoutMs)), totalTimeoutMs)
  let offeredMs: number | undefined
  let stall: NodeJS.Timeout | undefined
  // One timer, looked at when it runs out: readers take something thousands of times in a call.
  const look = (): void => {
    stall = undefined
    if (offeredMs === undefined) return
    const leftMs = stallMs - (performance.now() - offeredMs)
    if (leftMs > 0) stall = setTimeout(look, leftMs)
    else expire(readerStalled(provider, stallMs))
  }
  return {
    offered() {
      offeredMs = performance.now()
      stall ??= setTimeout(look, stallMs)
    },
    taken: () => void (offeredMs = undefined),
    stop() {
      clearTimeout(total)
      clearTimeout(stall)
    },
  }
}

function totalPassed(provider: string, ms: number): LLMTimeoutError {
  return new LLMTimeoutError(`The call took longer than its total limit of ${ms / 1000} s. Raise total_timeout, or ask for less.`, { provider, code: 'total_timeout' })
}

function readerStalled(provider: string, ms: number): LLMTimeoutError {
  return new LLMTimeoutError(
    `What the answer brought was not read for ${ms / 1000} s, so the call was given up and its place freed. Read the stream to its end, or leave it.`,
    { provider, code: 'stalled_reader', retryable: false })
}
