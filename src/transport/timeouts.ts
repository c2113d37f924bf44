import type { Timeouts } from './transport.js'

export type TimeoutName = 'connect' | 'first_frame' | 'idle' | 'total'

/** What an exchange is doing; each stage has its timeout, and where that is absent, the idle one. */
export type Stage = 'connecting' | 'sending' | 'awaiting' | 'receiving'

/** The timeouts of one exchange. */
export interface RunningTimeouts {
  enter(stage: Stage): void
  /** Something moved on the wire: the idle timeout starts again. */
  alive(): void
  /** We stopped reading ourselves, so silence says nothing. */
  suspend(): void
  resume(): void
  /** Ends every timer. Twice without harm. */
  stop(): void
}

const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * @param timeouts absent, zero and infinite mean off
 * @param expire called at most once, with the one that ran out
 * @param stage what the exchange is doing by now
 */
export function startTimeouts(timeouts: Timeouts, expire: (clock: TimeoutName, limitMs: number) => void, stage: Stage = 'connecting'): RunningTimeouts {
  const idle = readLimit('idle', timeouts.idleMs)
  const limits: Record<Stage, Limit | undefined> = {
    connecting: readLimit('connect', timeouts.connectMs) ?? idle,
    sending: idle,
    awaiting: readLimit('first_frame', timeouts.firstFrameMs) ?? idle,
    receiving: idle,
  }
  let limit = limits[stage]
  let beats = 0
  let suspended = false
  let stopped = false
  const stop = () => {
    stopped = true
    clearTimeout(timer)
    clearTimeout(totalTimer)
  }
  const ring = (due: Limit) => {
    if (stopped) return
    stop()
    expire(due.clock, due.ms)
  }
  // After a block of the event loop timers run before the sockets are read: bytes that came in time get the
  // chance to be seen before silence is declared.
  const check = () => {
    const due = limit
    const beat = beats
    setImmediate(() => {
      if (stopped || due === undefined || due !== limit || beat !== beats) return
      if (suspended && due.clock === 'idle') timer?.refresh()
      else ring(due)
    })
  }
  const arm = (next: Limit | undefined) => (next ? setTimeout(check, next.ms) : undefined)
  let timer = arm(limit)
  const total = readLimit('total', timeouts.totalMs)
  const totalTimer = total ? setTimeout(() => ring(total), total.ms) : undefined
  const alive = () => {
    if (stopped || limit?.clock !== 'idle') return
    beats++
    timer?.refresh()
  }
  return {
    enter(stage) {
      if (stopped) return
      const next = limits[stage]
      if (next === limit) return alive()
      const sameWait = timer !== undefined && next?.ms === limit?.ms
      limit = next
      // Half the price of another timer, and each answer changes its clock at its first byte.
      if (sameWait) return void timer?.refresh()
      clearTimeout(timer)
      timer = arm(next)
    },
    alive,
    suspend: () => void (suspended = true),
    resume() {
      suspended = false
      alive()
    },
    stop,
  }
}

interface Limit {
  clock: TimeoutName
  ms: number
}

function readLimit(clock: TimeoutName, ms: number | undefined): Limit | undefined {
  if (ms === undefined || !(ms > 0) || ms === Infinity) return undefined
  return { clock, ms: Math.min(ms, LONGEST_TIMER_MS) }
}
