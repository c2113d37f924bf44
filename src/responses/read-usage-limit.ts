import { decodeMoment, decodeNumber, momentAfter } from '../lib/index.js'
import { classifyFailure } from './classify-failure.js'
import { readFailureFacts, type FailureFacts } from './read-failure-facts.js'
import { readRetryAfter } from './read-retry-after.js'
import type { WireFailure } from './wire-failure.js'

/** What a used-up quota says about itself. */
export interface UsageLimit {
  /** the account's limit that is used up, where the wire names it, such as `codex` or `premium` */
  limitId?: string
  /** ms since 1970 */
  resetsAtMs?: number
  planType?: string
  windowMinutes?: number
}

/** The details of a used-up quota; undefined where the failure is another one. */
export function readUsageLimit(failure: WireFailure, nowMs: number = Date.now()): UsageLimit | undefined {
  const facts = readFailureFacts(failure)
  return classifyFailure(facts) === 'quota' ? readLimit(facts, nowMs) : undefined
}

export function readLimit(facts: FailureFacts, nowMs: number): UsageLimit {
  const { error, headers } = facts
  const limitId = readWord(headers['x-codex-active-limit']) ?? readWord(error['limit_id'])
  const window = readExhaustedWindow(headers, limitId)
  const planType = readWord(error['plan_type']) ?? readWord(headers['x-codex-plan-type'])
  const windowMinutes = decodeNumber(error['limit_window_minutes'], AMOUNT) ?? window?.minutes
  const resetsAtMs =
    decodeMoment(error['resets_at']) ?? addSeconds(nowMs, error['resets_in_seconds']) ??
    window?.resetsAtMs(nowMs) ?? addSeconds(nowMs, readRetryAfter(headers, facts.prose, nowMs))
  return { limitId, resetsAtMs, planType, windowMinutes }
}

interface Window {
  usedPercent: number
  minutes: number | undefined
  resetsAtMs: (nowMs: number) => number | undefined
}

const FULL_PERCENT = 100
const AMOUNT = { least: 0, most: 1e12 }

/** Of the windows in the headers the longest that is full: no shorter one's reset opens the way. */
function readExhaustedWindow(headers: Readonly<Record<string, string>>, limitId: string | undefined): Window | undefined {
  const prefixes = [...new Set([limitId?.toLowerCase().replaceAll('_', '-') ?? 'codex', 'codex'])]
  for (const prefix of prefixes) {
    // The active limit is named `codex_x` or `x`; its headers are `x-codex-x-…` or `x-x-…`.
    for (const start of [`x-${prefix}`, `x-codex-${prefix}`]) {
      const windows = ['primary', 'secondary'].flatMap((slot) => readWindow(headers, `${start}-${slot}`))
      const full = windows.filter((window) => window.usedPercent >= FULL_PERCENT)
      const longest = full.sort((left, right) => (right.minutes ?? 0) - (left.minutes ?? 0))[0]
      if (longest) return longest
    }
  }
  return undefined
}

function readWindow(headers: Readonly<Record<string, string>>, start: string): Window[] {
  const usedPercent = decodeNumber(headers[`${start}-used-percent`], AMOUNT)
  if (usedPercent === undefined) return []
  const minutes = decodeNumber(headers[`${start}-window-minutes`], AMOUNT)
  const resetsAtMs = (nowMs: number) =>
    decodeMoment(headers[`${start}-reset-at`]) ?? addSeconds(nowMs, headers[`${start}-reset-after-seconds`])
  return [{ usedPercent, minutes, resetsAtMs }]
}

function addSeconds(nowMs: number, value: unknown): number | undefined {
  const seconds = decodeNumber(value, AMOUNT)
  return seconds === undefined ? undefined : momentAfter(nowMs, seconds * 1000)
}

function readWord(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.-]{1,64}$/.test(value) ? value : undefined
}
