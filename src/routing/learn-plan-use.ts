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
/** A reset is told to the second, and counted from "now" by some answers. */
const SAME_RESET_MS = 90_000
const KINDS = 3

/**
 * Learns from the windows' own figures what each model draws: least squares over the steps between readings, no rate
 * below zero. Work of other programs on the same plan is counted in, since nobody says whose it was.
 */
export function learnPlanUse(records: readonly CallRecord[]): PlanUse[] {
  const calls = records.filter(hasTokens).sort((a, b) => Date.parse(a.time) - Date.parse(b.time))
  const models = [...new Set(calls.map(({ model }) => model))]
  return [...readWindows(records)].map(([key, readings]): PlanUse => {
    const [limit_id, minutes] = JSON.parse(key) as [string, number]
    const steps = stepsOf(readings)
    const rows = tokensBetween(calls, models, steps)
    const rates = fitRates(rows, steps.map(({ from, to }) => to.used - from.used), models.length * KINDS)
    return {
      limit_id, window_minutes: minutes,
      observed_percent: steps.reduce((sum, { from, to }) => sum + to.used - from.used, 0),
      readings: readings.length,
      rates: new Map(models.map((model, place) => [model, [0, 1, 2].map((kind) => rates[place * KINDS + kind] ?? 0) as unknown as PlanRate])),
    }
  })
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

/** Pairs of readings with no reset between them, not more than {@link MAX_STEPS}. */
function stepsOf(readings: readonly Reading[]): { from: Reading; to: Reading }[] {
  const stride = Math.max(1, Math.ceil(readings.length / MAX_STEPS))
  const steps: { from: Reading; to: Reading }[] = []
  let from = readings[0]
  let before = from
  for (const [place, reading] of readings.entries()) {
    if (from === undefined || before === undefined) break
    if (isReset(before, reading)) {
      if (before !== from) steps.push({ from, to: before })
      from = reading
    } else if (place % stride === 0 || place === readings.length - 1) {
      if (reading !== from) steps.push({ from, to: reading })
      from = reading
    }
    before = reading
  }
  return steps
}

function isReset(before: Reading, after: Reading): boolean {
  if (after.used < before.used) return true
  return before.resetsAtMs !== undefined && after.resetsAtMs !== undefined && Math.abs(after.resetsAtMs - before.resetsAtMs) > SAME_RESET_MS
}

/** For each step the tokens of the calls that ended in it: a row with three figures a model. */
function tokensBetween(calls: readonly Call[], models: readonly string[], steps: readonly { from: Reading; to: Reading }[]): number[][] {
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

const ROUNDS = 5_000

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
