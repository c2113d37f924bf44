/** A time in which nothing begins, and one timer for its end while anybody waits for it. */
export interface Pause {
  /** ms left; 0 where there is none */
  remainingMs(): number
  /** At least `ms` from now on. */
  extend(ms: number): void
  /** Sees to it that `wake` is called when the pause ends. */
  arm(): void
  /** Nobody waits for the end any more. */
  disarm(): void
}

export interface PauseOptions {
  now: () => number
  schedule: (ms: number, run: () => void) => () => void
  wake: () => void
}

export function createPause({ now, schedule, wake }: PauseOptions): Pause {
  let untilMs = Number.NEGATIVE_INFINITY
  let cancel: (() => void) | undefined
  const remainingMs = () => Math.max(0, untilMs - now())
  const disarm = () => {
    cancel?.()
    cancel = undefined
  }
  return {
    remainingMs,
    extend(ms) {
      if (now() + ms <= untilMs) return
      untilMs = now() + ms
      disarm()
    },
    arm() {
      cancel ??= schedule(remainingMs(), () => {
        cancel = undefined
        // The timer's word, not the clock's: one that stands still (a host's own, in a test) would hold everybody for ever.
        untilMs = Number.NEGATIVE_INFINITY
        wake()
      })
    },
    disarm,
  }
}
