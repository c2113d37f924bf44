import { decodeMoment, decodeNumber, defined, momentAfter } from '../lib/index.js'

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

/** Of a window's limit; figures over 100 are told. */
export const USED_PERCENT = { least: 0, most: 1e6 }
/** Ten years. */
export const WINDOW_MINUTES = { least: 0, most: 5_256_000 }

/** Header names write `-` where bodies write `_`; ids are kept the second way. */
export function toLimitId(name: string): string {
  return name.trim().toLowerCase().replaceAll(/[\s-]+/g, '_')
}

/**
 * One window from its parts; undefined where it says nothing: no used percentage, or none used and
 * neither length nor reset.
 */
export function buildWindow(parts: { used: unknown; minutes: unknown; resetsAt: unknown; resetsAfterSeconds: unknown }, nowMs: number): WindowReading | undefined {
  const usedPercent = decodeNumber(parts.used, USED_PERCENT)
  if (usedPercent === undefined) return undefined
  const windowMinutes = decodeNumber(parts.minutes, WINDOW_MINUTES) ?? 0
  const afterSeconds = decodeNumber(parts.resetsAfterSeconds, { least: 0 })
  const resetsAtMs = decodeMoment(parts.resetsAt) ?? (afterSeconds ? momentAfter(nowMs, afterSeconds * 1000) : undefined)
  if (usedPercent === 0 && windowMinutes === 0 && resetsAtMs === undefined) return undefined
  return { windowMinutes, usedPercent, ...defined({ resetsAtMs }) }
}
