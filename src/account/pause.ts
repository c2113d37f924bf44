/** One timer for the end of the time in which nothing begins, while anybody waits for it. */
export interface Pause {
  /** The pause ends at `untilMs`, where it is now `nowMs`; 0: nobody waits for an end. */
  update(untilMs: number, nowMs: number): void
  /** Leaves no timer. */
  close(): void
}

/** @param ended told the end that was waited for: the timer's word, not the clock's, since one that stands still would hold everybody for ever */
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
