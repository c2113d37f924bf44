import { randomBytes } from 'node:crypto'
import type { FleetStatus } from './describe-fleet.js'
import { createMemoryLedger, type PlaceLedger } from './place-ledger.js'
import type { Place, Waiter } from './place-roll.js'
import { createPlaceAttendance } from './place-attendance.js'
import { createPlaceSpeaker } from './place-speaker.js'

export interface ConcurrencyLimiterOptions {
  /** places of the account, 1 or more; default 6 */
  limit?: number
  /** ms. Default the wall clock, beside which a steady one is read: that one counts where the wall clock is set back. The default ledger goes by a steady clock alone. */
  now?: () => number
  /** Calls `run` after `ms`; the function it answers cancels that. Default: a timer. */
  schedule?: (ms: number, run: () => void) => () => void
  /** where the places are counted; default: in this process */
  ledger?: PlaceLedger
  /** the names of this machine and program in a ledger that other machines read */
  self?: { machine: string; version: string }
}

export interface AcquireOptions {
  /** gets a place before calls that are not interactive; default false */
  interactive?: boolean
  signal?: AbortSignal
  /** the call's mount and conversation: free places go to the keys in turn, so that one with many calls does not delay the others */
  key?: string
}

/** Limits how many calls of an account run at once. The limit falls when the backend refuses calls and rises while it serves them. */
export interface ConcurrencyLimiter {
  /** Opens the ledger ahead of the first call, which would have to wait for it, and says from then on that this process is there; never fails. */
  open(): void
  /** A place, if one is free now and no call waits for one; else undefined. */
  tryAcquire(): Place | undefined
  /** A place, as soon as there is one. Rejects with the reason of `signal`. */
  acquire(options?: AcquireOptions): Promise<Place>
  /**
   * The backend refused a call because too many run: the limit is halved, once for all refusals of the same moment, and
   * no place is given for `retryAfterMs`, 10 s at most.
   */
  observeRateLimited(retryAfterMs?: number): void
  /** A call was served. The limit rises by one after twice as many of these in a row as it allows, four at least. */
  observeServed(): void
  /** the limit in force, between 1 and the configured one, as the ledger last answered */
  readonly limit: number
  /** calls of this process */
  readonly running: number
  /** calls of this process */
  readonly waiting: number
  /**
   * Whether the place is still this process's. It may have been given to another where the process stood still for almost a lease,
   * or the ledger has lost sight of it: a call that has not left by then gives it back and asks anew.
   */
  holds(place: Place): boolean
  /** The processes that hold or wait for places in the same ledger. Rejects where the ledger cannot be reached. */
  inspect(): Promise<FleetStatus>
  /** Gives this process's places in the ledger back and clears every timer. */
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
  const owner = { name: randomBytes(9).toString('base64url'), pid: process.pid, ...self }
  const scheduleBeat = options.schedule ?? startIdleTimer
  const speaker = createPlaceSpeaker({ ledger, schedule, scheduleBeat, most, now: options.now ?? Date.now, owner })
  const attendance = createPlaceAttendance({ ledger, owner, scheduleBeat })

  const wait = ({ interactive = false, signal, key = '' }: AcquireOptions) => new Promise<Place>((resolve, reject) => {
    const leave = () => {
      speaker.leave(waiter)
      reject(signal?.reason as Error)
    }
    const waiter: Waiter = {
      id: speaker.nextId(), key, interactive,
      grant(place) {
        signal?.removeEventListener('abort', leave)
        resolve(place)
      },
    }
    signal?.addEventListener('abort', leave, { once: true })
    speaker.join(waiter)
  })

  return {
    open() {
      ledger.open?.()
      attendance.begin()
    },
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
    holds: (place) => speaker.holds(place),
    inspect: () => ledger.inspect(),
    async close() {
      await attendance.close()
      await speaker.close()
    },
  }
}
