import { randomBytes } from 'node:crypto'
import type { FleetStatus } from './describe-fleet.js'
import { createMemoryLedger, type PlaceLedger } from './place-ledger.js'
import type { Waiter } from './place-roll.js'
import { createPlaceSpeaker } from './place-speaker.js'

export interface ConcurrencyLimiterOptions {
  /** places of the account, 1 or more; default 6 */
  limit?: number
  /** ms; the steady clock beside it decides where it is set back. Default the wall clock; of the default ledger a steady one */
  now?: () => number
  /** Calls `run` after `ms`; answers what takes that back. Default: a timer. */
  schedule?: (ms: number, run: () => void) => () => void
  /** where the places are counted; default: in this process */
  ledger?: PlaceLedger
  /** what this machine and this program are called in a ledger that others read */
  self?: { machine: string; version: string }
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
  /** Opens what the places are counted in, so that the first call need not wait for that; never fails. */
  open(): void
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
  /** the limit in force, between 1 and the one configured, as it was last heard of */
  readonly limit: number
  /** calls of this process */
  readonly running: number
  /** calls of this process */
  readonly waiting: number
  /** Who holds the places, here and elsewhere, as far as they are counted together. Rejects where that cannot be asked. */
  inspect(): Promise<FleetStatus>
  /** Forgets what it counted elsewhere, and leaves no timer. */
  close(): Promise<void>
}

function startTimer(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

function startIdleTimer(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms).unref()
  return () => clearTimeout(timer)
}

/** @see ConcurrencyLimiter */
export function createConcurrencyLimiter(options: ConcurrencyLimiterOptions = {}): ConcurrencyLimiter {
  const { schedule = startTimer, ledger = createMemoryLedger(options.now), self = { machine: 'this', version: '' } } = options
  const most = Math.max(1, Math.floor(options.limit ?? 6))
  const speaker = createPlaceSpeaker({ ledger, schedule, scheduleBeat: options.schedule ?? startIdleTimer, most, now: options.now ?? Date.now, owner: { name: randomBytes(9).toString('base64url'), pid: process.pid, ...self } })

  const wait = ({ interactive = false, signal, key = '' }: AcquireOptions) => new Promise<() => void>((resolve, reject) => {
    const leave = () => {
      speaker.leave(waiter)
      reject(signal?.reason as Error)
    }
    const waiter: Waiter = {
      id: speaker.nextId(), key, interactive,
      grant(release) {
        signal?.removeEventListener('abort', leave)
        resolve(release)
      },
    }
    signal?.addEventListener('abort', leave, { once: true })
    speaker.join(waiter)
  })

  return {
    open: () => ledger.open?.(),
    tryAcquire: () => (ledger.immediate ? speaker.tryJoin() : undefined),
    async acquire(request = {}) {
      request.signal?.throwIfAborted()
      return wait(request)
    },
    observeRateLimited: (retryAfterMs = 0) => speaker.refused(retryAfterMs > 0 ? retryAfterMs : 0),
    observeServed: () => speaker.served(),
    get limit() { return speaker.limit },
    get running() { return speaker.running },
    get waiting() { return speaker.waiting },
    inspect: () => ledger.inspect(),
    close: () => speaker.close(),
  }
}
