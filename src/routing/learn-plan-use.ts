import type { CallRecord, CallTokens } from './call-record.js'

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
}

interface Reading {
  atMs: number
  used: number
  resetsAtMs: number | undefined
}

type Call = CallRecord & { tokens: CallTokens }

/** Steps of a window that the rates are fitted to; more cost time and say no more. */
const MAX_STEPS = 400
/** A full window rises no more, whatever is drawn: a step that ends there says too little. */
const FULL_PERCENT = 100
/** A figure that changes in fewer of its readings is told in coarse units: only where it changes is it known. */
const FINE_SHARE = 1 / 3
/** A reset is told to the second, and counted from "now" by some answers. */
const SAME_RESET_MS = 90_000
const KINDS = 3

/**
 * Learns from the windows' own figures what each model draws: least squares over how far a window stood at each reading, no
 * rate below zero. What is rounded off is then an error of one reading, not of two steps. Windows of one limit count alike and differ in what they hold: the one with the most steps is fitted, for
 * the others only how much more they hold. Work of other programs on the same plan is counted in, since nobody says whose it was.
 */
export function learnPlanUse(records: readonly CallRecord[]): PlanUse[] {
  const calls = records.filter(hasTokens).sort((a, b) => Date.parse(a.time) - Date.parse(b.time))
  const models = [...new Set(calls.map(({ model }) => model))]
  const windows = [...readWindows(records)].map(([key, readings]) => {
    const [limit_id, window_minutes] = JSON.parse(key) as [string, number]
    const segments = splitAtResets(readings)
    const steps = stepsOf(segments)
    return {
      limit_id, window_minutes, readings: readings.length, rows: tokensBetween(calls, models, steps), rises: steps.map(({ from, to }) => to.used - from.used),
      begins: steps.map(({ from }, at) => steps[at - 1]?.to !== from),
      observed_percent: segments.reduce((sum, segment) => sum + (segment.at(-1)?.used ?? 0) - (segment[0]?.used ?? 0), 0),
    }
  })
  const shapes = new Map<string, number[]>()
  for (const { limit_id, ...steps } of [...windows].sort((a, b) => b.rises.length - a.rises.length)) {
    if (!shapes.has(limit_id)) shapes.set(limit_id, fitLevels(steps, models.length * KINDS))
  }
  return windows.map(({ limit_id, window_minutes, observed_percent, readings, rows, rises }): PlanUse => {
    const shape = shapes.get(limit_id) ?? []
    const size = sizeOf(shape, rows, rises)
    const rates = models.map((model, place) => [model, [0, 1, 2].map((kind) => size * (shape[place * KINDS + kind] ?? 0)) as unknown as PlanRate] as const)
    return { limit_id, window_minutes, observed_percent, readings, rates: new Map(rates) }
  })
}

/** How many times what the shape says the window rises. */
function sizeOf(shape: readonly number[], rows: readonly (readonly number[])[], rises: readonly number[]): number {
  const drawn = rows.reduce((sum, row) => row.reduce((inner, count, at) => inner + count * (shape[at] ?? 0), sum), 0)
  return drawn === 0 ? 0 : rises.reduce((sum, rise) => sum + rise, 0) / drawn
}

/** Percent of the window that these tokens draw; undefined for a model without a rate. */
export function planUseOf({ rates }: PlanUse, model: string, tokens: CallTokens): number | undefined {
  const rate = rates.get(model)
  if (rate === undefined) return undefined
  return kindsOf(tokens).reduce((sum, count, kind) => sum + count * (rate[kind] ?? 0), 0)
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

interface Step {
  from: Reading
  to: Reading
}

/** Pairs of readings of a segment, not more than {@link MAX_STEPS} in all; of coarse figures those where they have just changed. */
function stepsOf(segments: readonly Reading[][]): Step[] {
  const changed = segments.map((segment) => segment.filter((reading, place) => place > 0 && reading.used !== segment[place - 1]?.used))
  const changes = changed.reduce((sum, { length }) => sum + length, 0)
  const readings = segments.reduce((sum, { length }) => sum + length, 0)
  const bounds = changes < readings * FINE_SHARE ? changed : segments
  const stride = Math.max(1, Math.ceil(bounds.reduce((sum, { length }) => sum + length, 0) / MAX_STEPS))
  return bounds.flatMap((segment) => {
    const ends = segment.filter((_, place) => place % stride === 0 || place === segment.length - 1)
    return ends.slice(1).map((to, place): Step => ({ from: ends[place] ?? to, to })).filter(({ to }) => to.used < FULL_PERCENT)
  })
}

function isReset(before: Reading, after: Reading): boolean {
  if (after.used < before.used) return true
  return before.resetsAtMs !== undefined && after.resetsAtMs !== undefined && Math.abs(after.resetsAtMs - before.resetsAtMs) > SAME_RESET_MS
}

/** For each step the tokens of the calls that ended in it: a row with three figures a model. */
function tokensBetween(calls: readonly Call[], models: readonly string[], steps: readonly Step[]): number[][] {
  const placeOf = new Map(models.map((model, place) => [model, place * KINDS]))
  let next = 0
  return steps.map(({ from, to }) => {
    const row = new Array<number>(models.length * KINDS).fill(0)
    for (; next < calls.length; next++) {
      const { time, model, tokens } = calls[next] as Call
      const endedMs = Date.parse(time)
      if (endedMs > to.atMs) break
      if (endedMs <= from.atMs) continue
      const place = placeOf.get(model) ?? 0
      kindsOf(tokens).forEach((count, kind) => { row[place + kind] = (row[place + kind] ?? 0) + count })
    }
    return row
  })
}

/** Sums of tokens rise together, so that the fit converges slowly; a round costs a microsecond. */
const ROUNDS = 200_000

interface Steps {
  rows: readonly (readonly number[])[]
  rises: readonly number[]
  /** whether a step goes on from no other */
  begins: readonly boolean[]
}

/** Fits where a window stood to the tokens until then; where each stretch began is not known, so that its mean is taken out. */
function fitLevels({ rows, rises, begins }: Steps, size: number): number[] {
  const stretches: number[][][] = []
  rows.forEach((row, at) => {
    const stretch = begins[at] === true ? undefined : stretches.at(-1)
    const before = stretch?.at(-1) ?? new Array<number>(size + 1).fill(0)
    const level = [...row, rises[at] ?? 0].map((value, place) => value + (before[place] ?? 0))
    if (stretch === undefined) stretches.push([before, level])
    else stretch.push(level)
  })
  const levels = stretches.flatMap((stretch) => {
    const mean = Array.from({ length: size + 1 }, (_, place) => stretch.reduce((sum, level) => sum + (level[place] ?? 0), 0) / stretch.length)
    return stretch.map((level) => level.map((value, place) => value - (mean[place] ?? 0)))
  })
  return fitRates(levels.map((level) => level.slice(0, size)), levels.map((level) => level[size] ?? 0), size)
}

/** Non-negative least squares by coordinate descent, columns scaled alike: a handful of unknowns, no matrix to invert. */
function fitRates(rows: readonly (readonly number[])[], rises: readonly number[], size: number): number[] {
  const columns = Array.from({ length: size }, (_, at) => at)
  const scale = columns.map((at) => Math.sqrt(rows.reduce((sum, row) => sum + (row[at] ?? 0) ** 2, 0)) || 1)
  const scaled = rows.map((row) => columns.map((at) => (row[at] ?? 0) / (scale[at] ?? 1)))
  const gram = columns.map((a) => columns.map((b) => scaled.reduce((sum, row) => sum + (row[a] ?? 0) * (row[b] ?? 0), 0)))
  const target = columns.map((at) => scaled.reduce((sum, row, index) => sum + (row[at] ?? 0) * (rises[index] ?? 0), 0))
  const found = new Array<number>(size).fill(0)
  for (let round = 0; round < ROUNDS; round++) {
    let moved = 0
    for (const at of columns) {
      const own = gram[at]?.[at] ?? 0
      if (own === 0) continue
      const others = columns.reduce((sum, other) => (other === at ? sum : sum + (gram[at]?.[other] ?? 0) * (found[other] ?? 0)), 0)
      const value = Math.max(0, ((target[at] ?? 0) - others) / own)
      moved = Math.max(moved, Math.abs(value - (found[at] ?? 0)))
      found[at] = value
    }
    if (moved < 1e-12) break
  }
  return found.map((value, at) => value / (scale[at] ?? 1))
}
