import type { QuotaWindow } from '../contract/index.js'
import { decodeMoment, decodeNumber, defined, isRecord, readString } from '../lib/index.js'
import { addSample, decodeSamples, encodeSamples, mergeSamples, type WindowSamples } from './window-samples.js'
import { USED_PERCENT, WINDOW_MINUTES, type LimitReading } from './rate-limit-reading.js'

export type WindowSource = QuotaWindow['source']

export interface WindowState {
  limitId: string
  windowMinutes: number
  usedPercent: number
  resetsAtMs?: number
  source: WindowSource
  observedAtMs: number
}

/** A model or a limit that refused for a used-up quota. */
export interface ExhaustionMark {
  /** asked again at this time, not before */
  untilMs: number
  /** when this run of refusals began */
  sinceMs: number
  observedAtMs: number
  /** false where the refusal named no reset and the time is our guess */
  known: boolean
  /** refused probes in a row */
  strikes: number
  /** it has served again since; kept for a day, so that another process's older mark doesn't come back */
  cleared: boolean
}

export interface QuotaState {
  /** by {@link windowKey} */
  windows: Map<string, WindowState>
  /** by `model:NAME` or `limit:ID` */
  marks: Map<string, ExhaustionMark>
  /** which limit a model draws on, learned from its answers */
  limitOf: Map<string, { limitId: string; observedAtMs: number }>
  /** how the windows filled, by {@link windowKey} */
  samples: Map<string, WindowSamples>
}

const DAY_MS = 86_400_000
/** The longest window known is a month. */
const FORGET_WINDOW_MS = 32 * DAY_MS
/** Two of them: a reset further off than a month is a misread number. */
export const LONGEST_WINDOW_MS = 62 * DAY_MS
const MOST_ENTRIES = 500
const STRIKES = { least: 0, most: 1000 }
const SOURCES: readonly string[] = ['headers', 'event', 'error', 'usage'] satisfies WindowSource[]
/** Lengths that are told a minute or three off (299, 10079) are still these. */
const USUAL_LENGTHS = [60, 300, 1440, 10_080, 43_200]

export function createQuotaState(): QuotaState {
  return { windows: new Map(), marks: new Map(), limitOf: new Map(), samples: new Map() }
}

/** A window is known by its limit and its length, never by the place it was listed at. */
export function windowKey(limitId: string, windowMinutes: number): string {
  const usual = USUAL_LENGTHS.find((length) => Math.abs(length - windowMinutes) <= 3)
  return `${limitId} ${usual ?? windowMinutes}`
}

/** Resets told as "in N seconds" move by the length of a call. */
function isSameReset(left: number | undefined, right: number | undefined): boolean {
  return left === right || (left !== undefined && right !== undefined && Math.abs(left - right) < 60_000)
}

/** A reset that moves by less than a tenth of the window's length is still the same one. */
function isSamePeriod(before: number | undefined, { resetsAtMs, windowMinutes }: { resetsAtMs?: number; windowMinutes: number }): boolean {
  return before === undefined || resetsAtMs === undefined || Math.abs(resetsAtMs - before) < windowMinutes * 6_000
}

/** Takes in what was read. @returns whether a figure changed */
export function applyReading(state: QuotaState, limits: readonly LimitReading[], source: WindowSource, nowMs: number): boolean {
  let changed = false
  for (const { limitId, windows, models } of limits) {
    for (const window of windows) {
      const key = windowKey(limitId, window.windowMinutes)
      const before = state.windows.get(key)
      changed ||= before?.usedPercent !== window.usedPercent || !isSameReset(before.resetsAtMs, window.resetsAtMs)
      state.windows.set(key, { limitId, ...window, source, observedAtMs: nowMs })
      const samples = before && !isSamePeriod(before.resetsAtMs, window) ? [] : (state.samples.get(key) ?? [])
      state.samples.set(key, addSample(samples, { atMs: nowMs, usedPercent: window.usedPercent }, window.windowMinutes))
    }
    for (const model of models) state.limitOf.set(model, { limitId, observedAtMs: nowMs })
  }
  return changed
}

/** The windows of a limit that stand at 100 % and were told so within `withinMs`. */
export function listFullWindows(state: QuotaState, limitId: string, nowMs: number, withinMs: number): WindowState[] {
  return [...state.windows.values()].filter((window) =>
    window.limitId === limitId && window.usedPercent >= 100 && nowMs - window.observedAtMs <= withinMs
    && window.resetsAtMs !== undefined && window.resetsAtMs > nowMs)
}

/** Drops what no longer says anything. */
export function pruneQuotaState(state: QuotaState, nowMs: number): void {
  for (const [key, window] of state.windows) {
    if ((window.resetsAtMs ?? window.observedAtMs + FORGET_WINDOW_MS) + DAY_MS < nowMs) state.windows.delete(key)
  }
  for (const [key, mark] of state.marks) if (mark.cleared && mark.observedAtMs + DAY_MS < nowMs) state.marks.delete(key)
  for (const key of state.samples.keys()) if (!state.windows.has(key)) state.samples.delete(key)
  for (const map of [state.windows, state.marks, state.limitOf]) {
    for (const key of map.keys()) {
      if (map.size <= MOST_ENTRIES) break
      map.delete(key)
    }
  }
}

const snakeCase = (record: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]))

/** The state as it is kept: JSON with the contract's spelling of names. */
export function encodeQuotaState(state: QuotaState): unknown {
  return {
    windows: [...state.windows.values()].map(snakeCase),
    marks: Object.fromEntries([...state.marks].map(([key, mark]) => [key, snakeCase(mark)])),
    samples: Object.fromEntries([...state.samples].map(([key, samples]) => [key, encodeSamples(samples)])),
    limit_of: Object.fromEntries([...state.limitOf].map(([model, limit]) => [model, snakeCase(limit)])),
  }
}

function decodeWindow(value: unknown): WindowState | undefined {
  if (!isRecord(value)) return undefined
  const limitId = readString(value, 'limit_id')
  const windowMinutes = decodeNumber(value['window_minutes'], WINDOW_MINUTES)
  const usedPercent = decodeNumber(value['used_percent'], USED_PERCENT)
  const observedAtMs = decodeMoment(value['observed_at_ms'])
  const source = readString(value, 'source')
  if (limitId === undefined || windowMinutes === undefined || usedPercent === undefined || observedAtMs === undefined) return undefined
  if (source === undefined || !SOURCES.includes(source)) return undefined
  const resetsAtMs = decodeMoment(value['resets_at_ms'])
  return { limitId, windowMinutes, usedPercent, source: source as WindowSource, observedAtMs, ...defined({ resetsAtMs }) }
}

function decodeMark(value: unknown): ExhaustionMark | undefined {
  if (!isRecord(value)) return undefined
  const untilMs = decodeMoment(value['until_ms'])
  const observedAtMs = decodeMoment(value['observed_at_ms'])
  if (untilMs === undefined || observedAtMs === undefined) return undefined
  return {
    untilMs, observedAtMs, sinceMs: decodeMoment(value['since_ms']) ?? observedAtMs, known: value['known'] === true,
    strikes: decodeNumber(value['strikes'], STRIKES) ?? 0, cleared: value['cleared'] === true,
  }
}

/** What was observed in the future is a clock that has since been set back, or damage: it would outlive every correction. */
function isNewer(observedAtMs: number, than: { observedAtMs: number } | undefined, nowMs: number): boolean {
  return observedAtMs <= nowMs + DAY_MS && observedAtMs > (than?.observedAtMs ?? Number.NEGATIVE_INFINITY)
}

/** Samples of the period that the newer figure of the window belongs to. */
function mergeStoredSamples(state: QuotaState, stored: Record<string, unknown>, window: WindowState, nowMs: number): void {
  const key = windowKey(window.limitId, window.windowMinutes)
  const theirs = decodeSamples(isRecord(stored['samples']) ? stored['samples'][key] : undefined, nowMs)
  const ours = state.windows.get(key)
  const samples = state.samples.get(key) ?? []
  if (ours && !isSamePeriod(ours.resetsAtMs, window)) {
    if (isNewer(window.observedAtMs, ours, nowMs)) state.samples.set(key, theirs)
    return
  }
  state.samples.set(key, mergeSamples(samples, theirs, window.windowMinutes))
}

/** Takes from a kept state whatever was observed later than ours; what cannot be read is passed over. */
export function mergeStoredState(state: QuotaState, stored: unknown, nowMs: number): void {
  if (!isRecord(stored)) return
  for (const value of Array.isArray(stored['windows']) ? (stored['windows'] as unknown[]) : []) {
    const window = decodeWindow(value)
    if (!window) continue
    mergeStoredSamples(state, stored, window, nowMs)
    const key = windowKey(window.limitId, window.windowMinutes)
    if (isNewer(window.observedAtMs, state.windows.get(key), nowMs)) state.windows.set(key, window)
  }
  for (const [key, value] of Object.entries(isRecord(stored['marks']) ? stored['marks'] : {})) {
    const mark = decodeMark(value)
    if (mark && mark.untilMs < nowMs + LONGEST_WINDOW_MS && isNewer(mark.observedAtMs, state.marks.get(key), nowMs)) state.marks.set(key, mark)
  }
  for (const [model, value] of Object.entries(isRecord(stored['limit_of']) ? stored['limit_of'] : {})) {
    if (!isRecord(value)) continue
    const limitId = readString(value, 'limit_id')
    const observedAtMs = decodeMoment(value['observed_at_ms'])
    if (limitId === undefined || observedAtMs === undefined || !isNewer(observedAtMs, state.limitOf.get(model), nowMs)) continue
    state.limitOf.set(model, { limitId, observedAtMs })
  }
}
