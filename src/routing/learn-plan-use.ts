import type { CallRecord, CallTokens } from './call-record.js'
import { fitPlanRates, KINDS, type RateFit, type WindowLevel } from './fit-plan-rates.js'

/** What a model draws from a window: percent a token, uncached input, cached input and output apart. */
export type PlanRate = readonly [uncached: number, cached: number, output: number]

/** One window of the plan, and what the recording says of its use. */
export interface PlanUse {
  limit_id: string
  window_minutes: number
  /** how far the window's own figure rose between the first reading and the last, resets taken out */
  observed_percent: number
  readings: number
  rates: ReadonlyMap<string, PlanRate>
  /** How far off a sum may be in nine of ten cases. @param drawn percent by model and kind, as the rates have them */
  errorOf(drawn: ReadonlyMap<string, PlanRate>): number
}

interface Reading {
  atMs: number
  used: number
  resetsAtMs: number | undefined
}

type Call = CallRecord & { tokens: CallTokens }

/** Readings of a window that the rates are fitted to; more cost time and say no more. */
const MAX_LEVELS = 400
/** A full window rises no more, whatever is drawn: what it says then is too little. */
const FULL_PERCENT = 100
/** A figure that changes in fewer of its readings is told in coarse units: only where it changes is it known. */
const FINE_SHARE = 1 / 3
/** A reset is told to the second, and counted from "now" by some answers. */
const SAME_RESET_MS = 90_000
/** Nine of ten lie within 1.6 deviations; what is told rounded off and late strays a third farther (test/soak/replay-day.mjs, five seeds). */
const NINE_IN_TEN = 2.1

/**
 * Learns from the windows' own figures what each model draws, by where a window stood at each reading: what is rounded off is then
 * an error of one reading, not of two steps. Windows of one limit count alike and differ in what they hold: the one with the most
 * readings that say something is fitted, for the others only how much more they hold. Work of other programs on the same plan is
 * counted in, since nobody says whose it was.
 */
export function learnPlanUse(records: readonly CallRecord[]): PlanUse[] {
  const calls = records.filter(hasTokens).sort((a, b) => Date.parse(a.time) - Date.parse(b.time))
  const models = [...new Set(calls.map(({ model }) => model))]
  const countUntil = createCounter(calls, models)
  const windows = [...readWindows(records)].map(([key, readings]) => {
    const [limit_id, window_minutes] = JSON.parse(key) as [string, number]
    const segments = splitAtResets(readings)
    return {
      limit_id, window_minutes, readings: readings.length, levels: levelsOf(segments, countUntil),
      observed_percent: segments.reduce((sum, segment) => sum + (segment.at(-1)?.used ?? 0) - (segment[0]?.used ?? 0), 0),
    }
  })
  const fits = new Map<string, RateFit | undefined>()
  for (const { limit_id, levels } of [...windows].sort((a, b) => b.levels.length - a.levels.length)) {
    if (!fits.has(limit_id)) fits.set(limit_id, fitPlanRates(levels, models.length))
  }
  return windows.map(({ limit_id, window_minutes, observed_percent, readings, levels }): PlanUse => {
    const fit = fits.get(limit_id)
    const size = fit === undefined ? 0 : sizeOf(fit.rates, levels)
    const rates = models.map((model, place) => [model, [0, 1, 2].map((kind) => size * (fit?.rates[place * KINDS + kind] ?? 0)) as unknown as PlanRate] as const)
    return { limit_id, window_minutes, observed_percent, readings, rates: new Map(rates), errorOf: (drawn) => errorOf(fit, models, drawn) }
  })
}

/** How many times what the rates say the window rises. */
function sizeOf(rates: readonly number[], levels: readonly WindowLevel[]): number {
  const rises = levels.slice(1).flatMap((level, place) => {
    const before = levels[place] as WindowLevel
    const counted = level.counts.reduce((sum, count, at) => sum + (count - (before.counts[at] ?? 0)) * (rates[at] ?? 0), 0)
    return level.stretch === before.stretch ? [{ counted, risen: level.used - before.used }] : []
  })
  const counted = rises.reduce((sum, rise) => sum + rise.counted, 0)
  return counted === 0 ? 0 : rises.reduce((sum, rise) => sum + rise.risen, 0) / counted
}

/** By the covariance of the rates' logarithms: a sum changes by what a rate contributes for each unit of its logarithm. */
function errorOf(fit: RateFit | undefined, models: readonly string[], drawn: ReadonlyMap<string, PlanRate>): number {
  if (fit === undefined) return 0
  const parts = models.flatMap((model) => [...(drawn.get(model) ?? [0, 0, 0])])
  const variance = fit.covariance.reduce((sum, row, at) =>
    sum + (parts[at] ?? 0) * row.reduce((inner, value, column) => inner + value * (parts[column] ?? 0), 0), 0)
  return NINE_IN_TEN * Math.sqrt(Math.max(0, variance))
}

/** Percent of the window that these tokens draw, by kind; undefined for a model without a rate. */
export function planUseOf({ rates }: PlanUse, model: string, tokens: CallTokens): PlanRate | undefined {
  const rate = rates.get(model)
  return rate && (kindsOf(tokens).map((count, kind) => count * (rate[kind] ?? 0)) as unknown as PlanRate)
}

function hasTokens(record: CallRecord): record is Call {
  return record.tokens !== undefined
}

const kindsOf = ({ input_tokens, cached_tokens, output_tokens }: CallTokens): PlanRate => [input_tokens - cached_tokens, cached_tokens, output_tokens]

/** Readings by window, in the order of time; those that say the same moment once. */
function readWindows(records: readonly CallRecord[]): Map<string, Reading[]> {
  const windows = new Map<string, Map<number, Reading>>()
  for (const { limit_id, window_minutes, used_percent, observed_at, resets_at } of records.flatMap(({ windows = [] }) => windows)) {
    const key = JSON.stringify([limit_id, window_minutes])
    const readings = windows.get(key) ?? new Map<number, Reading>()
    windows.set(key, readings)
    const atMs = Date.parse(observed_at)
    readings.set(atMs, { atMs, used: used_percent, resetsAtMs: resets_at === undefined ? undefined : Date.parse(resets_at) })
  }
  return new Map([...windows].map(([key, readings]) => [key, [...readings.values()].sort((a, b) => a.atMs - b.atMs)]))
}

function splitAtResets(readings: readonly Reading[]): Reading[][] {
  const segments: Reading[][] = []
  for (const reading of readings) {
    const segment = segments.at(-1)
    const before = segment?.at(-1)
    if (segment === undefined || before === undefined || isReset(before, reading)) segments.push([reading])
    else segment.push(reading)
  }
  return segments
}

function isReset(before: Reading, after: Reading): boolean {
  if (after.used < before.used) return true
  return before.resetsAtMs !== undefined && after.resetsAtMs !== undefined && Math.abs(after.resetsAtMs - before.resetsAtMs) > SAME_RESET_MS
}

/** Tokens of the calls that had ended by then: three figures a model. */
type Counter = (atMs: number) => readonly number[]

function createCounter(calls: readonly Call[], models: readonly string[]): Counter {
  const placeOf = new Map(models.map((model, place) => [model, place * KINDS]))
  const ends = calls.map(({ time }) => Date.parse(time))
  const none = new Array<number>(models.length * KINDS).fill(0)
  const sums = [none]
  for (const { model, tokens } of calls) {
    const sum = [...(sums.at(-1) ?? none)]
    const place = placeOf.get(model) ?? 0
    kindsOf(tokens).forEach((count, kind) => { sum[place + kind] = (sum[place + kind] ?? 0) + count })
    sums.push(sum)
  }
  return (atMs) => {
    let low = 0
    for (let high = ends.length; low < high;) {
      const middle = (low + high) >> 1
      if ((ends[middle] as number) <= atMs) low = middle + 1
      else high = middle
    }
    return sums[low] ?? none
  }
}

/** Readings with what was counted by then, not more than {@link MAX_LEVELS}; of coarse figures those that have just changed, between the reading before and theirs. */
function levelsOf(segments: readonly Reading[][], countUntil: Counter): WindowLevel[] {
  const changed = segments.map((segment) => segment.flatMap((reading, place) => {
    const before = segment[place - 1]
    return before !== undefined && before.used !== reading.used ? [{ before, reading }] : []
  }))
  const changes = changed.reduce((sum, { length }) => sum + length, 0)
  const readings = segments.reduce((sum, { length }) => sum + length, 0)
  const bounds = changes < readings * FINE_SHARE ? changed : segments.map((segment) => segment.map((reading) => ({ before: reading, reading })))
  const stride = Math.max(1, Math.ceil(bounds.reduce((sum, { length }) => sum + length, 0) / MAX_LEVELS))
  return bounds.flatMap((segment, stretch) => segment
    .filter(({ reading }, place) => reading.used < FULL_PERCENT && (place % stride === 0 || place === segment.length - 1))
    .map(({ before, reading }): WindowLevel => {
      const [from, to] = [countUntil(before.atMs), countUntil(reading.atMs)]
      return { counts: to.map((count, at) => (count + (from[at] ?? 0)) / 2), used: reading.used, stretch }
    }))
}
