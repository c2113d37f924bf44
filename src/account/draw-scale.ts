import type { QuotaWindow } from '../contract/index.js'
import type { Quota } from './quota.js'

/** How many percent of a window a unit of what calls draw is, learned from the window's own figure. */
export interface DrawScale {
  /** A call ended. One that a cheaper tier served drew less than its weight: what was told meanwhile teaches nothing. */
  add(weight: number, call: { steppedDown: boolean }): void
  /** Reads the windows' figures. */
  observe(): void
  /** Of the window with this {@link windowKey}; undefined while it has not risen under watched calls. */
  percentPerWeight(window: string): number | undefined
  /** What has ended since the window's figure last changed. */
  untold(window: string): number
}

interface WindowScale {
  used: number
  /** since `used` was told */
  weight: number
  mixed: boolean
  percent: number
  weights: number
}

/** After so many percent more, what was learned counts for a third. */
const MEMORY_PERCENT = 40
/** A window that is told so much emptier has begun anew. */
const RESET_PERCENT = 2

/** What tells an account's windows apart. */
export function windowKey({ limit_id, window_minutes }: QuotaWindow): string {
  return `${limit_id} ${window_minutes}`
}

export function createDrawScale(quota: Pick<Quota, 'windows' | 'watch'>): DrawScale {
  const scales = new Map<string, WindowScale>()
  const observe = (): void => {
    for (const window of quota.windows()) {
      const { used_percent: used } = window
      const key = windowKey(window)
      const scale = scales.get(key)
      if (scale === undefined) scales.set(key, { used, weight: 0, mixed: true, percent: 0, weights: 0 })
      else take(scale, used)
    }
  }
  quota.watch(observe)
  observe()
  return {
    observe,
    add(weight, { steppedDown }) {
      for (const scale of scales.values()) {
        scale.weight += weight
        if (steppedDown) scale.mixed = true
      }
    },
    percentPerWeight(window) {
      const scale = scales.get(window)
      return scale === undefined || scale.weights === 0 || scale.percent === 0 ? undefined : scale.percent / scale.weights
    },
    untold: (window) => scales.get(window)?.weight ?? 0,
  }
}

function take(scale: WindowScale, used: number): void {
  const risen = used - scale.used
  if (risen === 0) return
  // The first figure, and the first after a reset, lie somewhere within a percent: only from change to change is a rise known.
  if (risen > 0 && !scale.mixed) {
    const kept = Math.exp(-risen / MEMORY_PERCENT)
    scale.percent = scale.percent * kept + risen
    scale.weights = scale.weights * kept + scale.weight
  }
  // A figure that sinks a little is another source's rounding of the same.
  if (risen < 0 && risen > -RESET_PERCENT) return
  Object.assign(scale, { used, weight: 0, mixed: risen < 0 })
}
