import { decodeNumber, defined, isRecord, readString } from '../lib/index.js'
import { buildWindow, GENERAL_LIMIT_ID, toLimitId, type LimitReading, type RateLimitReading, type WindowReading } from './rate-limit-reading.js'

type Fields = Record<string, unknown>

function readText(record: Fields, key: string): string | undefined {
  const text = readString(record, key)?.trim()
  return text === '' ? undefined : text
}

function readWindow(value: unknown, nowMs: number): WindowReading | undefined {
  if (!isRecord(value)) return undefined
  const seconds = decodeNumber(value['limit_window_seconds'])
  return buildWindow({
    used: value['used_percent'],
    minutes: value['window_minutes'] ?? value['limit_window_minutes'] ?? (seconds === undefined ? undefined : Math.ceil(seconds / 60)),
    resetsAt: value['reset_at'] ?? value['resets_at'],
    resetsAfterSeconds: value['reset_after_seconds'] ?? value['resets_in_seconds'],
  }, nowMs)
}

function readLimit(limitId: string, models: string[], limits: unknown, nowMs: number): LimitReading | undefined {
  if (!isRecord(limits)) return undefined
  const windows = [limits['primary'] ?? limits['primary_window'], limits['secondary'] ?? limits['secondary_window']]
    .map((window) => readWindow(window, nowMs))
    .filter((window) => window !== undefined)
  return windows.length === 0 ? undefined : { limitId, models, windows }
}

const nameOf = (record: Fields): string | undefined =>
  readText(record, 'metered_feature') ?? readText(record, 'metered_limit_name') ?? readText(record, 'limit_name')

/** Seen as a list; a map by name is taken as well. */
function readAdditional(value: unknown, nowMs: number): LimitReading[] {
  const entries: [string | undefined, unknown][] = Array.isArray(value)
    ? (value as unknown[]).map((entry) => [undefined, entry])
    : Object.entries(isRecord(value) ? value : {})
  return entries.flatMap(([key, entry]) => {
    if (!isRecord(entry)) return []
    const name = nameOf(entry) ?? key
    if (name === undefined) return []
    const slug = readText(entry, 'normal_model_slug')
    return readLimit(toLimitId(name), slug === undefined ? [] : [slug], entry['rate_limit'] ?? entry['rate_limits'] ?? entry, nowMs) ?? []
  })
}

/**
 * Reads a `codex.rate_limits` event (wire.md 4.2) or the answer of the usage endpoint (4.3), which says
 * the same with other names. Anything else reads as nothing.
 */
export function readRateLimitEvent(payload: unknown, nowMs: number): RateLimitReading {
  if (!isRecord(payload)) return { limits: [] }
  const name = nameOf(payload)
  const limitId = name === undefined ? GENERAL_LIMIT_ID : toLimitId(name)
  const own = readLimit(limitId, [], payload['rate_limits'] ?? payload['rate_limit'], nowMs)
  const planType = readText(payload, 'plan_type')
  return {
    limits: [...(own ? [own] : []), ...readAdditional(payload['additional_rate_limits'], nowMs)],
    ...(name === undefined ? {} : { activeLimitId: limitId }),
    ...defined({ planType }),
  }
}
