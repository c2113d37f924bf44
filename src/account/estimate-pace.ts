import { formatMoment } from '../lib/index.js'
import { spacingMs, type WindowSample, type WindowSamples } from './window-samples.js'

/** How fast a window fills, and when it is full at this pace. */
export interface WindowPace {
  /** percent of the window an hour */
  percent_per_hour: number
  /** ISO 8601; absent where nothing is drawn, or the window is reset before it is full */
  runs_out_at?: string
  /** the error of that, minutes either way, in nine of ten cases */
  error_minutes?: number
  /** ISO 8601: the first of the samples that it is estimated from */
  since: string
  samples: number
}

export interface PaceQuestion {
  samples: WindowSamples
  windowMinutes: number
  /** ms since 1970 */
  resetsAtMs: number | undefined
  nowMs: number
}

/** Samples of so much of the window's length count as recent: two and a half hours of five. Of 0.2, 0.3, 0.5 and 0.8 it missed least (test/soak/forecast.mjs). */
const RECENT = 0.5
const LEAST_SAMPLES = 4
/** The span is cut into pieces of so much of the window's length, five minutes of five hours … */
const PIECE = 1 / 60
/** … or longer ones, so that this many steps of the figures' rounding lie in one; else rounding says more than use. */
const LEAST_STEPS = 2
/** Fewer pieces do not tell what is usual. */
const LEAST_PIECES = 5
/** Pieces below and above so much of the usual pace are pauses and bursts. */
const USUAL = { least: 0.4, most: 1.6 }
/** Pieces that the span is cut into for the error, pauses and bursts included. */
const ERROR_PIECES = 6
/** Deviations within which nine of ten forecasts lie: 93 of 100 of steady demand, 83 of uneven, where pauses are to come (test/soak/forecast.mjs). */
const NINE_IN_TEN = 2.6
const HOUR_MS = 3_600_000

/**
 * The pace of work as usual: the mean over the pieces of the span that lie near their median. What agents pause together, or
 * do at once for a while, neither bends it nor is told to come again. Undefined where there are too few samples to tell.
 *
 * Of uneven demand nobody can know the next pause: with the true mean pace, the hour ahead included, 78 of 100 forecasts are
 * within six minutes, with this one 76, with the median of slopes 62 (`node test/soak/forecast.mjs --uneven`).
 */
export function estimatePace({ samples, windowMinutes, resetsAtMs, nowMs }: PaceQuestion): WindowPace | undefined {
  const recent = takeRecent(samples, windowMinutes, nowMs)
  const [first] = recent
  const last = recent.at(-1)
  if (!first || !last || recent.length < LEAST_SAMPLES) return undefined
  const slope = Math.max(0, usualPace(recent, windowMinutes * 60_000 * PIECE))
  const common = { percent_per_hour: round(slope * HOUR_MS, 2), since: new Date(first.atMs).toISOString(), samples: recent.length }
  if (slope === 0) return common
  const level = levelAt(recent, slope, nowMs)
  const leftMs = Math.max(0, (100 - level) / slope)
  const runsOutMs = nowMs + leftMs
  const runsOutAt = formatMoment(runsOutMs)
  if (runsOutAt === undefined || (resetsAtMs !== undefined && runsOutMs >= resetsAtMs)) return common
  return { ...common, runs_out_at: runsOutAt, error_minutes: round(errorMs(recent, slope, leftMs) / 60_000, 1) }
}

/** The recent samples; where the newest is old, the window has not been drawn on since, and its figure counts as one of now. */
function takeRecent(samples: WindowSamples, windowMinutes: number, nowMs: number): WindowSamples {
  const fromMs = nowMs - windowMinutes * 60_000 * RECENT
  const recent = samples.filter(({ atMs }) => atMs >= fromMs && atMs <= nowMs)
  const last = recent.at(-1)
  return last && nowMs - last.atMs > 2 * spacingMs(windowMinutes) ? [...recent, { atMs: nowMs, usedPercent: last.usedPercent }] : recent
}

/** Percent a millisecond. */
function usualPace(samples: WindowSamples, leastMs: number): number {
  const { atMs: fromMs, usedPercent: from } = samples[0] as WindowSample
  const { atMs: toMs, usedPercent: to } = samples.at(-1) as WindowSample
  const mean = (to - from) / (toMs - fromMs)
  if (!(mean > 0)) return 0
  const count = Math.floor((toMs - fromMs) / Math.max(leastMs, (LEAST_STEPS * stepOf(samples)) / mean))
  if (count < LEAST_PIECES) return mean
  const paces = cut(samples, count)
  const usual = median(paces)
  const near = paces.filter((pace) => pace >= USUAL.least * usual && pace <= USUAL.most * usual)
  return usual > 0 ? near.reduce((sum, pace) => sum + pace, 0) / near.length : mean
}

/** The paces of so many pieces of equal length. */
function cut(samples: WindowSamples, count: number): number[] {
  const { atMs: fromMs } = samples[0] as WindowSample
  const { atMs: toMs } = samples.at(-1) as WindowSample
  const pieceMs = (toMs - fromMs) / count
  const edges = Array.from({ length: count + 1 }, (_, index) => usedAt(samples, fromMs + index * pieceMs))
  return edges.slice(1).map((used, index) => (used - (edges[index] as number)) / pieceMs)
}

/** The figures' rounding, percent. */
function stepOf(samples: WindowSamples): number {
  return samples.every(({ usedPercent }) => Number.isInteger(usedPercent)) ? 1 : 0.01
}

/** The used percentage now, on the line through the last five samples: their median evens the rounding out. */
function levelAt(samples: WindowSamples, slope: number, nowMs: number): number {
  return median(samples.slice(-5).map(({ atMs, usedPercent }) => usedPercent + slope * (nowMs - atMs)))
}

/** The error of the time that is left, from how much the paces of the pieces differ: of the estimate itself, and of a future pace that differs as much. */
function errorMs(samples: WindowSamples, slope: number, leftMs: number): number {
  const paces = cut(samples, ERROR_PIECES)
  const pieceMs = ((samples.at(-1) as WindowSample).atMs - (samples[0] as WindowSample).atMs) / ERROR_PIECES
  const mean = paces.reduce((sum, pace) => sum + pace, 0) / ERROR_PIECES
  const deviation = Math.sqrt(paces.reduce((sum, pace) => sum + (pace - mean) ** 2, 0) / (ERROR_PIECES - 1))
  const ofEstimate = deviation / Math.sqrt(ERROR_PIECES)
  const ofFuture = deviation * Math.sqrt(pieceMs / Math.max(leftMs, pieceMs))
  return (leftMs * NINE_IN_TEN * Math.hypot(ofEstimate, ofFuture)) / slope
}

/** The used percentage at a time, interpolated between the samples around it. */
function usedAt(samples: WindowSamples, atMs: number): number {
  const next = samples.findIndex((sample) => sample.atMs >= atMs)
  const after = samples[next === -1 ? samples.length - 1 : next] as WindowSample
  const before = samples[next - 1]
  if (!before || after.atMs === before.atMs) return after.usedPercent
  return before.usedPercent + ((after.usedPercent - before.usedPercent) * (atMs - before.atMs)) / (after.atMs - before.atMs)
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length === 0) return 0
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

const round = (value: number, decimals: number): number => Math.round(value * 10 ** decimals) / 10 ** decimals
