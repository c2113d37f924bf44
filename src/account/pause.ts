/** The timer for the end of a pause, in which no call begins. It runs only while calls wait. */
export interface Pause {
  /** The pause ends at `untilMs`, by the clock that reads `nowMs` now; 0 where no call waits for its end. */
  update(untilMs: number, nowMs: number): void
  /** Clears the timer. */
  close(): void
}

/** @param ended called with the end when the timer fires. The clock is not read again: one that stands still would hold the calls for ever. */
export function createPause(schedule: (ms: number, run: () => void) => () => void, ended: (untilMs: number) => void): Pause {
  let armedMs = 0
  let cancel: (() => void) | undefined
  const update: Pause['update'] = (untilMs, nowMs) => {
    if (untilMs === armedMs) return
    cancel?.()
    cancel = undefined
    armedMs = untilMs
    if (untilMs === 0) return
    cancel = schedule(Math.max(0, untilMs - nowMs), () => {
      cancel = undefined
      armedMs = 0
      ended(untilMs)
    })
  }
  return { update, close: () => update(0, 0) }
}
