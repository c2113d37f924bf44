import { decodePayload, originOf, readClaims } from './claims.js'
import { hideSecrets } from './hide-secrets.js'
import { toPlanRecord } from './plan-record.js'
import { parseTime } from './stored-record.js'
import type { Lane } from './lane.js'
import type { StoredCredential, StoredRecord } from './token-store.js'
import type { TokenReply } from './token-endpoint.js'

export interface BuildRecordInput {
  lane: Lane
  reply: TokenReply
  /** what was stored before: what the reply leaves out keeps its value, and unknown keys stay */
  previous: StoredRecord
  nowMs: number
  /** what else a sign-in learned */
  fields?: Pick<StoredRecord, 'client_id' | 'ext_agent_host_id' | 'scope'>
}

/** The record to save after an exchange. Undefined where there is no access token, neither new nor old. */
export async function buildRecord(input: BuildRecordInput): Promise<StoredCredential | undefined> {
  const { lane, reply, previous, nowMs } = input
  const accessToken = reply.access_token ?? previous.access_token
  if (accessToken === undefined) return undefined
  const { pending_refresh: _done, ...kept } = previous
  const tokens = {
    access_token: accessToken,
    refresh_token: reply.refresh_token ?? previous.refresh_token ?? null,
    id_token: reply.id_token ?? previous.id_token ?? null,
  }
  const claims = await readClaims(tokens)
  const record: StoredCredential = {
    ...kept,
    auth_mode: previous.auth_mode ?? lane.authMode,
    ...tokens,
    account_id: previous.account_id ?? claims.accountId ?? null,
    plan_type: claims.planType ?? previous.plan_type ?? null,
    expires_at: await expiry(input),
    lane: lane.name,
    issuer: originOf(previous.issuer) ?? originOf(lane.issuer) ?? lane.issuer,
    base_url: originOf(previous.base_url) ?? originOf(lane.baseUrl) ?? lane.baseUrl,
    last_refresh: new Date(nowMs).toISOString(),
    ...(claims.subject === undefined ? {} : { subject: claims.subject }),
    ...(claims.email === undefined ? {} : { email: claims.email }),
    ...(reply.scope === undefined ? {} : granted(reply.scope)),
    ...(reply.earliest_refresh_at === undefined ? {} : { earliest_refresh_at: localEarliest(reply, nowMs) }),
    ...(input.fields?.scope === undefined ? {} : granted(input.fields.scope)),
    ...input.fields,
  }
  return hideSecrets(lane.name === 'plan' ? toPlanRecord(record, nowMs) : record)
}

/** A new grant takes the place of the stored one in either of its forms. */
function granted(scope: string): Pick<StoredRecord, 'scope' | 'scopes'> {
  return { scope, scopes: undefined }
}

/**
 * When the access token ends, by this machine's clock: its lifetime counted from now. The token's own
 * `exp` is the server's clock, and a machine ten minutes off would refresh on every call, or too late.
 */
async function expiry({ reply, previous, nowMs }: BuildRecordInput): Promise<string | number | null> {
  if (reply.access_token === undefined) return previous.expires_at ?? null
  const payload = await decodePayload(reply.access_token)
  const exp = parseTime(payload['exp'])
  const iat = parseTime(payload['iat'])
  const lifetimeMs = reply.expires_in !== undefined ? reply.expires_in * 1000 : exp !== undefined && iat !== undefined ? exp - iat : undefined
  if (lifetimeMs !== undefined) return new Date(nowMs + lifetimeMs).toISOString()
  return exp === undefined ? null : new Date(exp - reply.server_ahead_ms).toISOString()
}

/**
 * The server's moment moved to our clock, with a second for the resolution of its Date header: a
 * refresh before it answers invalid_grant and burns the token. Small numbers are seconds from now.
 */
function localEarliest(reply: TokenReply, nowMs: number): string | null {
  const value = reply.earliest_refresh_at
  if (typeof value === 'number' && value >= 0 && value < 1e8) return new Date(nowMs + value * 1000).toISOString()
  const numeric = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value
  const at = parseTime(numeric)
  return at === undefined ? null : new Date(at - reply.server_ahead_ms + 1000).toISOString()
}
