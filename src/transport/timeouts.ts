import type { Timeouts } from './transport.js'

export type TimeoutName = 'connect' | 'first_frame' | 'idle' | 'total'

/** What an exchange is doing; each stage has its timeout, and where that is absent, the idle one. */
export type Stage = 'connecting' | 'sending' | 'awaiting' | 'receiving'

const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * @param timeouts absent, zero and infinite mean off
 * @param owner told at most once, of the one that ran out
 * @param stage what the exchange is doing by now
 */
export function startTimeouts(timeouts: Timeouts, owner: Expiring, stage: Stage = 'connecting'): RunningTimeouts {
  return new RunningTimeouts(timeouts, owner, stage)
}

export interface Expiring {
  expire(clock: TimeoutName, limitMs: number): void
}

/** The timeouts of one exchange; a class, since thousands of streams may wait with one each. */
export class RunningTimeouts {
  readonly #timeouts: Timeouts
  readonly #owner: Expiring
  #limit: Limit | undefined
  #timer: NodeJS.Timeout | undefined
  readonly #totalTimer: NodeJS.Timeout | undefined
  #beats = 0
  #suspended = false
  #stopped = false

  constructor(timeouts: Timeouts, owner: Expiring, stage: Stage) {
    this.#timeouts = timeouts
    this.#owner = owner
    this.#limit = limitOf(stage, timeouts)
    this.#arm()
    const total = readLimit('total', timeouts.totalMs)
    if (total) this.#totalTimer = setTimeout(() => this.#ring(total), total.ms)
  }

  enter(stage: Stage): void {
    if (this.#stopped) return
    const before = this.#limit
    const next = limitOf(stage, this.#timeouts)
    if (next?.clock === before?.clock) return this.alive()
    this.#limit = next
    // Half the price of another timer, and each answer changes its clock at its first byte.
    if (this.#timer && next?.ms === before?.ms) return void this.#timer.refresh()
    clearTimeout(this.#timer)
    this.#arm()
  }

  /** Something moved on the wire: the idle timeout starts again. */
  alive(): void {
    if (this.#stopped || this.#limit?.clock !== 'idle') return
    this.#beats++
    this.#timer?.refresh()
  }

  /** We stopped reading ourselves, so silence says nothing. */
  suspend(): void {
    this.#suspended = true
  }

  resume(): void {
    this.#suspended = false
    this.alive()
  }

  /** Ends every timer. Twice without harm. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    clearTimeout(this.#totalTimer)
  }

  #arm(): void {
    this.#timer = this.#limit && setTimeout(() => this.#check(), this.#limit.ms)
  }

  /**
   * After a block of the event loop timers run before the sockets are read: bytes that came in time get the
   * chance to be seen before silence is declared.
   */
  #check(): void {
    const due = this.#limit
    const beats = this.#beats
    setImmediate(() => {
      if (this.#stopped || due === undefined || due !== this.#limit || beats !== this.#beats) return
      if (this.#suspended && due.clock === 'idle') this.#timer?.refresh()
      else this.#ring(due)
    })
  }

  #ring({ clock, ms }: Limit): void {
    if (this.#stopped) return
    this.stop()
    this.#owner.expire(clock, ms)
  }
}

interface Limit {
  clock: TimeoutName
  ms: number
}

function limitOf(stage: Stage, { connectMs, firstFrameMs, idleMs }: Timeouts): Limit | undefined {
  const idle = readLimit('idle', idleMs)
  if (stage === 'connecting') return readLimit('connect', connectMs) ?? idle
  return stage === 'awaiting' ? (readLimit('first_frame', firstFrameMs) ?? idle) : idle
}

function readLimit(clock: TimeoutName, ms: number | undefined): Limit | undefined {
  if (ms === undefined || !(ms > 0) || ms === Infinity) return undefined
  return { clock, ms: Math.min(ms, LONGEST_TIMER_MS) }
}
