import { listFullWindows, LONGEST_WINDOW_MS, type ExhaustionMark, type QuotaState } from './quota-state.js'
import { GENERAL_LIMIT_ID, toLimitId } from './rate-limit-reading.js'

export interface Verdict {
  /** the model is not to be asked before this time; absent where it may be asked */
  exhaustedUntilMs?: number
  /** the reset has passed, and this one caller is to find out whether the model serves again */
  probe: boolean
}

export interface Exhaustion {
  model: string
  /** as the refusal names it (`x-codex-active-limit`), where it does */
  limitId?: string
  resetsAtMs?: number
  planType?: string
  windowMinutes?: number
}

const FIRST_PROBE_MS = 300_000
const LAST_PROBE_MS = 3_600_000
const LEASE_MS = 120_000
/** Figures this old say nothing about the refusal at hand. */
const EVIDENCE_MS = 60_000
const LONG_CALL_MS = 300_000

const modelKey = (model: string) => `model:${model}`
const limitKey = (limitId: string) => `limit:${limitId}`

/** The limit a refusal names, else the one the model is known to draw on. A name without windows of its own means the general limit. */
function resolveLimit(state: QuotaState, { limitId, model }: Exhaustion): string | undefined {
  if (limitId === undefined || limitId.trim() === '') return state.limitOf.get(model)?.limitId
  const id = toLimitId(limitId)
  if (id.startsWith(`${GENERAL_LIMIT_ID}_`)) return id
  return [...state.windows.values()].some((window) => window.limitId === id) ? id : GENERAL_LIMIT_ID
}

/** When a refused model is asked again, and whether the backend said so. */
function resolveReset(state: QuotaState, exhaustion: Exhaustion, limit: string | undefined, nowMs: number): number | undefined {
  const { resetsAtMs, windowMinutes } = exhaustion
  if (resetsAtMs !== undefined && resetsAtMs > nowMs && resetsAtMs < nowMs + LONGEST_WINDOW_MS) return resetsAtMs
  const full = listFullWindows(state, limit ?? GENERAL_LIMIT_ID, nowMs, EVIDENCE_MS)
  const named = full.filter((window) => Math.abs(window.windowMinutes - (windowMinutes ?? Number.NaN)) <= 3)
  const resets = (named.length > 0 ? named : full).map((window) => window.resetsAtMs ?? nowMs)
  return resets.length === 0 ? undefined : Math.max(...resets)
}

function buildMark(before: ExhaustionMark | undefined, resetMs: number | undefined, probed: boolean, nowMs: number): ExhaustionMark {
  const standing = before !== undefined && !before.cleared ? before : undefined
  const sinceMs = standing?.sinceMs ?? nowMs
  if (resetMs !== undefined) return { untilMs: resetMs, sinceMs, observedAtMs: nowMs, known: true, strikes: 0, cleared: false }
  // Calls that were under way together are refused together: one refusal, not several.
  if (standing && standing.untilMs > nowMs && !probed) return { ...standing, observedAtMs: nowMs }
  const strikes = standing && !standing.known ? standing.strikes + 1 : 0
  const untilMs = nowMs + Math.min(FIRST_PROBE_MS * 2 ** strikes, LAST_PROBE_MS)
  return { untilMs, sinceMs, observedAtMs: nowMs, known: false, strikes, cleared: false }
}

export interface ExhaustionMarks {
  /** The standing marks that stop `model`: its own, and its limit's where it is covered. */
  of(model: string): Marked
  exhaust(exhaustion: Exhaustion): void
  serve(model: string, startedAtMs: number | undefined): boolean
  judge(model: string, options: { take: boolean }): Verdict
  release(model: string): void
}

type Marked = readonly (readonly [string, ExhaustionMark])[]

/** Of every model, nearly always; routing asks at each resolution. */
const UNMARKED: Marked = Object.freeze([])

/** The marks of `state` and the leases of the probes on them; the leases live in this process alone. */
export function createExhaustionMarks(state: QuotaState, now: () => number): ExhaustionMarks {
  const leases = new Map<string, number>()
  // A model that served after its limit's refusals began has proved to draw on something else.
  const servedAt = new Map<string, number>()

  const of = (model: string): Marked => {
    if (state.marks.size === 0) return UNMARKED
    const keys = [modelKey(model)]
    const limitId = state.limitOf.get(model)?.limitId
    const limitMark = limitId === undefined ? undefined : state.marks.get(limitKey(limitId))
    if (limitId !== undefined && limitMark && (servedAt.get(model) ?? Number.NEGATIVE_INFINITY) < limitMark.sinceMs) keys.push(limitKey(limitId))
    return keys.flatMap((key) => {
      const mark = state.marks.get(key)
      return mark && !mark.cleared ? [[key, mark] as [string, ExhaustionMark]] : []
    })
  }
  return {
    of,
    exhaust(exhaustion) {
      const nowMs = now()
      const key = modelKey(exhaustion.model)
      const limit = resolveLimit(state, exhaustion)
      const mark = buildMark(state.marks.get(key), resolveReset(state, exhaustion, limit, nowMs), leases.delete(key), nowMs)
      state.marks.set(key, mark)
      if (limit === undefined) return
      state.limitOf.set(exhaustion.model, { limitId: limit, observedAtMs: nowMs })
      leases.delete(limitKey(limit))
      if (listFullWindows(state, limit, nowMs, EVIDENCE_MS).length > 0) state.marks.set(limitKey(limit), mark)
    },
    serve(model, startedAtMs) {
      const nowMs = now()
      let cleared = false
      for (const [key, mark] of of(model)) {
        const due = leases.has(key) || nowMs >= mark.untilMs || nowMs - mark.observedAtMs > LONG_CALL_MS
        if (startedAtMs === undefined ? !due : startedAtMs < mark.observedAtMs) continue
        state.marks.set(key, { ...mark, cleared: true, observedAtMs: Math.max(nowMs, mark.observedAtMs + 1) })
        leases.delete(key)
        cleared = true
      }
      servedAt.set(model, startedAtMs ?? nowMs)
      return cleared
    },
    judge(model, { take }) {
      const marks = of(model)
      if (marks.length === 0) return { probe: false }
      const nowMs = now()
      const until = Math.max(...marks.map(([key, mark]) => Math.max(mark.untilMs, leases.get(key) ?? 0)))
      if (until > nowMs) return { exhaustedUntilMs: until, probe: false }
      if (take) for (const [key] of marks) leases.set(key, nowMs + LEASE_MS)
      return { probe: true }
    },
    release(model) {
      for (const [key] of of(model)) leases.delete(key)
    },
  }
}

