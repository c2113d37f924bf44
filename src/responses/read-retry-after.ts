import { decodeMoment, decodeNumber } from '../lib/index.js'

type Headers = Readonly<Record<string, string>>

const SECOND = 1000
/** In seconds or milliseconds: what is longer is no time to wait. */
const WAIT = { least: 0, most: 1e12 }
const UNITS: readonly (readonly [RegExp, number])[] = [
  [/^(?:ms|msecs?|milliseconds?)$/, 1],
  [/^(?:s|secs?|seconds?)$/, SECOND],
  [/^(?:m|mins?|minutes?)$/, 60 * SECOND],
  [/^(?:h|hrs?|hours?)$/, 3600 * SECOND],
  [/^(?:d|days?)$/, 86_400 * SECOND],
]

/**
 * How long the server asks to wait, in seconds: `retry-after-ms`, `retry-after` as seconds or as an
 * HTTP date, else "try again in 1.5 s" of its text. Undefined where it names no time.
 * @param headers names lower-cased
 */
export function readRetryAfter(headers: Headers, text: string, nowMs: number): number | undefined {
  const ms = readMs(headers, nowMs) ?? readProseMs(text)
  return ms === undefined ? undefined : Math.max(0, Math.round(ms)) / SECOND
}

function readMs(headers: Headers, nowMs: number): number | undefined {
  const ms = decodeNumber(headers['retry-after-ms'], WAIT)
  if (ms !== undefined) return ms
  const value = headers['retry-after']?.trim()
  if (!value) return undefined
  const seconds = decodeNumber(value, WAIT)
  if (seconds !== undefined) return seconds * SECOND
  const date = decodeMoment(value)
  return date === undefined ? undefined : Math.max(0, date - nowMs)
}

/** "try again in" and then amounts with units: `1.5s`, `350ms`, `2 minutes 30 seconds`, `1h, 5m`. */
function readProseMs(text: string): number | undefined {
  const opening = /\b(?:try again|retry) (?:in|after)\b/i.exec(text)
  if (!opening) return undefined
  const amounts = /\s*(?:,|and\b)?\s*(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]{1,12})/iy
  amounts.lastIndex = opening.index + opening[0].length
  let total: number | undefined
  for (let match = amounts.exec(text); match; match = amounts.exec(text)) {
    const factor = UNITS.find(([unit]) => unit.test((match?.[2] ?? '').toLowerCase()))?.[1]
    if (factor === undefined) break
    total = (total ?? 0) + Number(match[1]) * factor
  }
  return total
}
