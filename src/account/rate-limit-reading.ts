/** What one message of the backend says about the account's limits. */
export interface RateLimitReading {
  limits: LimitReading[]
  /** the limit that the call itself draws on, where the message says it */
  activeLimitId?: string
  planType?: string
}

export interface LimitReading {
  limitId: string
  /** models that draw on this limit, where the message names them */
  models: string[]
  windows: WindowReading[]
}

export interface WindowReading {
  /** minutes; 0 where the message does not say */
  windowMinutes: number
  /** 0 to 100, or more */
  usedPercent: number
  /** ms since 1970 */
  resetsAtMs?: number
}

/** The account's general limit; every header and event without a name means it. */
export const GENERAL_LIMIT_ID = 'codex'

/** Header names write `-` where bodies write `_`; ids are kept the second way. */
export function toLimitId(name: string): string {
  return name.trim().toLowerCase().replaceAll(/[\s-]+/g, '_')
}

/** A number, also as text; undefined for the empty strings that the live service sends. */
export function readAmount(value: unknown): number | undefined {
  if (typeof value !== 'number' && (typeof value !== 'string' || value.trim() === '')) return undefined
  const amount = Number(value)
  return Number.isFinite(amount) ? amount : undefined
}

/** Ms since 1970 from seconds, milliseconds or a date's text; undefined for anything else, 0 and less included. */
export function readInstantMs(value: unknown): number | undefined {
  const amount = readAmount(value)
  if (amount === undefined) {
    const parsed = typeof value === 'string' ? Date.parse(value) : Number.NaN
    return Number.isFinite(parsed) ? parsed : undefined
  }
  if (amount <= 0) return undefined
  // As seconds this would be after the year 5000.
  return amount > 1e11 ? amount : amount * 1000
}

/**
 * One window from its parts; undefined where it says nothing: no used percentage, or none used and
 * neither length nor reset.
 */
export function buildWindow(parts: { used: unknown; minutes: unknown; resetsAt: unknown; resetsAfterSeconds: unknown }, nowMs: number): WindowReading | undefined {
  const usedPercent = readAmount(parts.used)
  if (usedPercent === undefined || usedPercent < 0) return undefined
  const windowMinutes = Math.max(0, readAmount(parts.minutes) ?? 0)
  const afterSeconds = readAmount(parts.resetsAfterSeconds)
  const resetsAtMs = readInstantMs(parts.resetsAt) ?? (afterSeconds !== undefined && afterSeconds > 0 ? nowMs + afterSeconds * 1000 : undefined)
  if (usedPercent === 0 && windowMinutes === 0 && resetsAtMs === undefined) return undefined
  return { windowMinutes, usedPercent, ...(resetsAtMs === undefined ? {} : { resetsAtMs }) }
}
