import { decodeMoment, decodeNumber } from '../lib/index.js'
import { USED_PERCENT } from './rate-limit-reading.js'

/** How full a window was at a time. */
export interface WindowSample {
  atMs: number
  usedPercent: number
}

/** Samples of one window, oldest first, all of the same period between two resets. */
export type WindowSamples = readonly WindowSample[]

const MOST_SAMPLES = 240
/** Samples of a window lie so much of its length apart at least: 30 s in five hours, 17 min in a week. */
const SPACING = 1 / 240
const LEAST_SPACING_MS = 30_000
/** A window that is told so much emptier has been reset; less is another rounding of the same figure. */
const RESET_PERCENT = 2

export function spacingMs(windowMinutes: number): number {
  return Math.max(LEAST_SPACING_MS, windowMinutes * 60_000 * SPACING)
}

/** The samples with one more, where it is not too close to the last; from anew where the window was reset in between. */
export function addSample(samples: WindowSamples, sample: WindowSample, windowMinutes: number): WindowSamples {
  const last = samples.at(-1)
  if (!last) return [sample]
  if (sample.usedPercent < last.usedPercent - RESET_PERCENT) return [sample]
  if (sample.atMs - last.atMs < spacingMs(windowMinutes)) return samples
  return [...samples.slice(-(MOST_SAMPLES - 1)), sample]
}

/** What two processes have recorded of the same window. */
export function mergeSamples(ours: WindowSamples, theirs: WindowSamples, windowMinutes: number): WindowSamples {
  if (theirs.length === 0) return ours
  const merged = [...ours, ...theirs].sort((left, right) => left.atMs - right.atMs)
  return merged.reduce<WindowSamples>((samples, sample) => addSample(samples, sample, windowMinutes), [])
}

/** As they are kept: `[ms since 1970, percent]` each. */
export function encodeSamples(samples: WindowSamples): number[][] {
  return samples.map(({ atMs, usedPercent }) => [atMs, usedPercent])
}

/** What cannot be read, and what lies in the future, is passed over. */
export function decodeSamples(value: unknown, nowMs: number): WindowSample[] {
  if (!Array.isArray(value)) return []
  return (value as unknown[]).slice(-MOST_SAMPLES).flatMap((entry) => {
    const [at, used] = Array.isArray(entry) ? (entry as unknown[]) : []
    const atMs = decodeMoment(at)
    const usedPercent = decodeNumber(used, USED_PERCENT)
    return atMs === undefined || usedPercent === undefined || atMs > nowMs ? [] : [{ atMs, usedPercent }]
  })
}
