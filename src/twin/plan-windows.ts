/** The two windows of a plan: how answers draw on them, when they begin anew, and how they are told. Pure. */
import type { PlanUse } from './behaviour.js'
import type { Usage } from './usage-meter.js'

export interface RateWindow {
  used_percent: number
  window_minutes: number
  /** unix seconds */
  reset_at: number
}

export interface Windows {
  primary?: RateWindow | null
  secondary?: RateWindow | null
}

const NAMES = ['primary', 'secondary'] as const

function mapWindows(windows: Windows, change: (window: RateWindow, name: (typeof NAMES)[number]) => RateWindow): Windows {
  return Object.fromEntries(NAMES.flatMap((name) => {
    const window = windows[name]
    return window ? [[name, change(window, name)]] : []
  }))
}

/** Windows whose reset has passed are empty again; where nothing is drawn they stay as they were set. */
export function beginAnew(windows: Windows, planUse: PlanUse | undefined, seconds: number): Windows {
  if (!planUse) return {}
  return mapWindows(windows, (window) => {
    if (window.reset_at > seconds) return window
    const length = window.window_minutes * 60
    return { ...window, used_percent: 0, reset_at: window.reset_at + Math.ceil((seconds - window.reset_at + 1) / length) * length }
  })
}

/** As a redeemed reset leaves them. */
export const emptied = (windows: Windows): Windows => mapWindows(windows, (window) => ({ ...window, used_percent: 0 }))

/** As they are told: whole percents or parts of them, never more than is used. */
export function roundToTell(windows: Windows, planUse: PlanUse | undefined): Windows {
  if (!planUse) return {}
  const unit = 10 ** (planUse.decimals ?? 2)
  return mapWindows(windows, (window) => ({ ...window, used_percent: Math.floor(window.used_percent * unit) / unit }))
}

export function drawOn(windows: Windows, planUse: PlanUse | undefined, model: string, usage: Usage): Windows {
  if (!planUse) return {}
  const { cachedWeight = 0.1, outputWeight = 8, models, holds } = planUse
  const { input_tokens, input_tokens_details: { cached_tokens }, output_tokens } = usage
  const drawn = (models?.[model] ?? 1) * (input_tokens - cached_tokens + cachedWeight * cached_tokens + outputWeight * output_tokens)
  return mapWindows(windows, (window, name) => ({ ...window, used_percent: Math.min(100, window.used_percent + (100 * drawn) / holds[name]) }))
}

export const fullWindow = (windows: Windows): RateWindow | undefined =>
  NAMES.flatMap((name) => windows[name] ?? []).find((window) => window.used_percent >= 100)
