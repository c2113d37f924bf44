import { isRecord, readString } from '../lib/index.js'
import { readAmount, readInstantMs } from './rate-limit-reading.js'

/** What a refusal for a used-up quota says. */
export interface UsageLimit {
  /** as the header writes it */
  limitId?: string
  resetsAtMs?: number
  planType?: string
  windowMinutes?: number
}

/**
 * Reads the error object of a `usage_limit_reached` (wire.md 2.5), as it stands in the body or under its
 * `error`, and the headers that came with it. What is missing or empty stays out.
 */
export function readUsageLimit(error: unknown, headers: Readonly<Record<string, string>>, nowMs: number): UsageLimit {
  const body = isRecord(error) ? error : {}
  const fields = isRecord(body['error']) ? body['error'] : body
  const lowered = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.trim()]))
  const inSeconds = readAmount(fields['resets_in_seconds'])
  const resetsAtMs = readInstantMs(fields['resets_at']) ?? (inSeconds !== undefined && inSeconds > 0 ? nowMs + inSeconds * 1000 : undefined)
  const windowMinutes = readAmount(fields['limit_window_minutes'])
  const limitId = lowered.get('x-codex-active-limit')
  const planType = readString(fields, 'plan_type')?.trim() || lowered.get('x-codex-plan-type')
  return {
    ...(limitId ? { limitId } : {}),
    ...(resetsAtMs === undefined ? {} : { resetsAtMs }),
    ...(planType ? { planType } : {}),
    ...(windowMinutes === undefined || windowMinutes <= 0 ? {} : { windowMinutes }),
  }
}
