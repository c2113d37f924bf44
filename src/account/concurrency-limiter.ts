import { createAdaptiveLimit } from './adaptive-limit.js'
import { createPause } from './pause.js'
import { createWaitingLine, type Waiter } from './fair-queue.js'

export interface ConcurrencyLimiterOptions {
  /** places of the account, 1 or more; default 6 */
  limit?: number
  /** ms, any origin that doesn't run back */
  now?: () => number
  /** Calls `run` after `ms`; answers what takes that back. Default: a timer. */
  schedule?: (ms: number, run: () => void) => () => void
}

export interface AcquireOptions {
  /** goes ahead of those that are not; default false */
  interactive?: boolean
  signal?: AbortSignal
  /** whose call it is (mount, conversation): places go round the keys, so none keeps the others waiting */
  key?: string
}

/** Limits how many calls of an account run at once, and learns from refusals how many it bears. */
export interface ConcurrencyLimiter {
  /** A place, where one is free at once and nobody waits; undefined where it would have to be waited for. */
  tryAcquire(): (() => void) | undefined
  /** A place, as soon as there is one; the function gives it back, twice without harm. Rejects with the reason of `signal`. */
  acquire(options?: AcquireOptions): Promise<() => void>
  /**
   * A call was refused for too many: the limit is halved, once for all refusals of the same moment, and
   * for `retryAfterMs` (10 s at most) no place is given.
   */
  observeRateLimited(retryAfterMs?: number): void
  /** A call was served: after two rounds of them, four at least, without a refusal the limit grows by one again. */
  observeServed(): void
  /** the limit in force, between 1 and the one configured */
  readonly limit: number
  readonly running: number
  readonly waiting: number
}

/** A refusal that names minutes means its own call; the others find out for themselves. */
const LONGEST_PAUSE_MS = 10_000

function startTimer(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

/** @see ConcurrencyLimiter */
export function createConcurrencyLimiter(options: ConcurrencyLimiterOptions = {}): ConcurrencyLimiter {
  const { now = () => performance.now(), schedule = startTimer } = options
  const limit = createAdaptiveLimit(Math.max(1, Math.floor(options.limit ?? 6)), now)
  const line = createWaitingLine()
  const pause = createPause({ now, schedule, wake: () => admit() })
  let running = 0

  const take = (): (() => void) => {
    running++
    let held = true
    return () => {
      if (!held) return
      held = false
      running--
      admit()
    }
  }
  const admit = () => {
    const paused = pause.remainingMs() > 0
    while (!paused && running < limit.value && line.size > 0) line.shift()?.grant(take())
    if (line.size === 0) pause.disarm()
    else if (paused) pause.arm()
  }
  const enqueue = ({ interactive = false, signal, key = '' }: AcquireOptions) => new Promise<() => void>((resolve, reject) => {
    const leave = () => {
      line.remove(waiter)
      admit()
      reject(signal?.reason as Error)
    }
    const waiter: Waiter = {
      key, interactive,
      grant(release) {
        signal?.removeEventListener('abort', leave)
        resolve(release)
      },
    }
    signal?.addEventListener('abort', leave, { once: true })
    line.push(waiter)
    admit()
  })

  const tryAcquire = () => (running < limit.value && line.size === 0 && pause.remainingMs() === 0 ? take() : undefined)

  return {
    tryAcquire,
    async acquire(request = {}) {
      request.signal?.throwIfAborted()
      return tryAcquire() ?? enqueue(request)
    },
    observeRateLimited(retryAfterMs = 0) {
      limit.cut()
      if (retryAfterMs > 0) pause.extend(Math.min(retryAfterMs, LONGEST_PAUSE_MS))
      admit()
    },
    observeServed() {
      if (limit.grow()) admit()
    },
    get limit() { return limit.value },
    get running() { return running },
    get waiting() { return line.size },
  }
}
