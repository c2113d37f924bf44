import { decodeMoment } from '../lib/index.js'
import { decodePayload } from './claims.js'
import type { StoredCredential } from './token-store.js'

/** How a token stands: `fresh` is left alone, `aging` should be refreshed and still serves, `expired` does not. */
export type Freshness = 'fresh' | 'aging' | 'expired'

const AHEAD_MS = 5 * 60_000
/** Of a token that lives for minutes only this part counts as ahead of expiry, or it would never be fresh. */
const AHEAD_SHARE = 0.2
/** Without a readable expiry. */
const MAX_AGE_MS = 8 * 24 * 3_600_000
/** Refresh tokens last 30 days: a moment further off than three times that is a misread number, and obeying it would end the sign-in. */
const LONGEST_BAN_MS = 90 * 24 * 3_600_000

export async function judgeFreshness(record: StoredCredential, nowMs: number): Promise<Freshness> {
  const expiresAt = decodeMoment(record.expires_at) ?? decodeMoment((await decodePayload(record.access_token))['exp'])
  return judgeExpiry(record, expiresAt, nowMs)
}

/** The same without a wait, for a record whose expiry is known: every call asks for it. */
export function judgeExpiry(record: StoredCredential, expiresAt: number | undefined, nowMs: number): Freshness {
  const lastRefresh = decodeMoment(record.last_refresh)
  if (mayNotRefreshUntil(record, nowMs) !== undefined) return 'fresh'
  if (expiresAt === undefined) return lastRefresh !== undefined && nowMs - lastRefresh > MAX_AGE_MS ? 'aging' : 'fresh'
  if (expiresAt <= nowMs) return 'expired'
  const lifetime = lastRefresh === undefined ? Number.POSITIVE_INFINITY : expiresAt - lastRefresh
  const ahead = lifetime > 0 ? Math.min(AHEAD_MS, lifetime * AHEAD_SHARE) : AHEAD_MS
  return expiresAt - nowMs > ahead ? 'fresh' : 'aging'
}

/** The moment before which a refresh would burn the token, undefined where it has come or there is none. */
export function mayNotRefreshUntil(record: StoredCredential, nowMs: number): number | undefined {
  const earliest = decodeMoment(record.earliest_refresh_at)
  return earliest !== undefined && earliest > nowMs && earliest < nowMs + LONGEST_BAN_MS ? earliest : undefined
}
