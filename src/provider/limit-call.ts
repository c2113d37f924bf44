import { LLMTimeoutError, type LLMError } from '../contract/index.js'

export interface CallLimits {
  provider: string
  /** on the whole call: retries, waits, continuations and candidates count; absent where it is off */
  totalTimeoutMs?: number | undefined
  /** how long what came may stay unread; 300 s where `timeout` is off */
  idleTimeoutMs?: number | undefined
}

/** A reader without a limit of its own has the usual one: the place of its call is wanted by others. */
const USUAL_STALL_MS = 300_000
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** The clocks of one call that its own waits don't have: on the whole of it, and on a reader who takes nothing. */
export class CallClocks {
  readonly #total: NodeJS.Timeout | undefined
  #offeredMs: number | undefined
  #stall: NodeJS.Timeout | undefined

  /** Begins to count. @param expire called with the reason as soon as a limit is passed */
  constructor(private readonly limits: CallLimits, private readonly expire: (reason: LLMError) => void) {
    const { provider, totalTimeoutMs } = limits
    if (totalTimeoutMs !== undefined) this.#total = setTimeout(() => expire(totalPassed(provider, totalTimeoutMs)), totalTimeoutMs)
  }

  /** What came waits for its reader. */
  offered(): void {
    this.#offeredMs = performance.now()
    this.#stall ??= setTimeout(() => this.#look(), this.#stallMs)
  }

  taken(): void {
    this.#offeredMs = undefined
  }

  /** Ends every timer. */
  stop(): void {
    clearTimeout(this.#total)
    clearTimeout(this.#stall)
  }

  /** One timer, looked at when it runs out: readers take something thousands of times in a call. */
  #look(): void {
    this.#stall = undefined
    if (this.#offeredMs === undefined) return
    const leftMs = this.#stallMs - (performance.now() - this.#offeredMs)
    if (leftMs > 0) this.#stall = setTimeout(() => this.#look(), leftMs)
    else this.expire(readerStalled(this.limits.provider, this.#stallMs))
  }

  get #stallMs(): number {
    const { idleTimeoutMs } = this.limits
    return idleTimeoutMs && idleTimeoutMs > 0 && idleTimeoutMs <= LONGEST_TIMER_MS ? idleTimeoutMs : USUAL_STALL_MS
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
