import { defined } from '../lib/index.js'
import { buildWindow, GENERAL_LIMIT_ID, toLimitId, type LimitReading, type RateLimitReading } from './rate-limit-reading.js'

const WINDOW_HEADER = /^x-(.+)-(primary|secondary)-(used-percent|window-minutes|reset-at|reset-after-seconds)$/

type Slot = Partial<Record<string, string>>

/** Limit id → slot (primary, secondary) → field → text. */
function collectFamilies(headers: ReadonlyMap<string, string>): Map<string, Map<string, Slot>> {
  const families = new Map<string, Map<string, Slot>>()
  for (const [name, value] of headers) {
    const [, family, slot, field] = WINDOW_HEADER.exec(name) ?? []
    if (family === undefined || slot === undefined || field === undefined) continue
    const limitId = toLimitId(family)
    const slots = families.get(limitId) ?? new Map<string, Slot>()
    families.set(limitId, slots)
    slots.set(slot, Object.assign(slots.get(slot) ?? {}, { [field]: value }))
  }
  return families
}

/**
 * Which limit the call drew on. The family `x-codex-…` describes whatever limit is active for the call,
 * so where the active one has a family of its own, that one is meant; a name of another kind (`premium`
 * on paid plans) means the general limit.
 */
function resolveActive(name: string | undefined, families: ReadonlyMap<string, unknown>): string | undefined {
  if (name === undefined || name.trim() === '') return undefined
  const id = toLimitId(name)
  if (families.has(id) || id.startsWith(`${GENERAL_LIMIT_ID}_`)) return id
  const prefixed = `${GENERAL_LIMIT_ID}_${id}`
  return families.has(prefixed) ? prefixed : GENERAL_LIMIT_ID
}

/** Reads the rate-limit headers of an answer or a refusal (wire.md 4.1); empty values count as absent. */
export function readRateLimitHeaders(headers: Readonly<Record<string, string>>, nowMs: number): RateLimitReading {
  const lowered = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase().replaceAll('_', '-'), value]))
  const families = collectFamilies(lowered)
  const activeLimitId = resolveActive(lowered.get('x-codex-active-limit'), families)
  const planType = lowered.get('x-codex-plan-type')?.trim()
  const limits: LimitReading[] = []
  for (const [family, slots] of families) {
    // The general family is then a copy of the active one, or the only one that carries it.
    const isCopy = family === GENERAL_LIMIT_ID && activeLimitId !== undefined && activeLimitId !== GENERAL_LIMIT_ID
    if (isCopy && families.has(activeLimitId)) continue
    const windows = [...slots.values()]
      .map((slot) => buildWindow({
        used: slot['used-percent'], minutes: slot['window-minutes'], resetsAt: slot['reset-at'], resetsAfterSeconds: slot['reset-after-seconds'],
      }, nowMs))
      .filter((window) => window !== undefined)
    if (windows.length > 0) limits.push({ limitId: isCopy ? activeLimitId : family, models: [], windows })
  }
  return { limits, ...defined({ activeLimitId }), ...(planType ? { planType } : {}) }
}
