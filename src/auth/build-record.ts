import { decodeMoment, decodeNumber, defined, formatMoment, momentAfter } from '../lib/index.js'
import { decodePayload, originOf, readClaims } from './claims.js'
import { hideSecrets } from './hide-secrets.js'
import { toPlanRecord } from './plan-record.js'
import { isTokenOf } from './stored-record.js'
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

/**
 * The record to save after an exchange: what the server sent is in it before anything is made of it, so that nothing it
 * sent can lose a refresh token that is spent already. Undefined where there is no access token, neither new nor old.
 */
export async function buildRecord(input: BuildRecordInput): Promise<StoredCredential | undefined> {
  const answer = keepAnswer(input)
  if (answer === undefined) return undefined
  const described = await describeAnswer(input, answer).catch(() => answer)
  return hideSecrets(input.lane.name === 'plan' ? toPlanRecord(described, input.nowMs) : described)
}

/** What was sent, over what was there, with the origins it is bound to. */
function keepAnswer({ lane, reply, previous, nowMs, fields }: BuildRecordInput): StoredCredential | undefined {
  const accessToken = [reply.access_token, previous.access_token].find((token) => token !== undefined && isTokenOf(lane.name, token))
  if (accessToken === undefined) return undefined
  const { pending_refresh: _done, ...kept } = previous
  const lastRefresh = formatMoment(nowMs)
  return {
    ...kept,
    auth_mode: previous.auth_mode ?? lane.authMode,
    access_token: accessToken,
    refresh_token: reply.refresh_token ?? previous.refresh_token ?? null,
    id_token: reply.id_token ?? previous.id_token ?? null,
    account_id: previous.account_id ?? null,
    plan_type: previous.plan_type ?? null,
    expires_at: accessToken === previous.access_token ? (previous.expires_at ?? null) : null,
    lane: lane.name,
    issuer: originOf(previous.issuer) ?? originOf(lane.issuer) ?? lane.issuer,
    base_url: originOf(previous.base_url) ?? originOf(lane.baseUrl) ?? lane.baseUrl,
    ...defined({ last_refresh: lastRefresh }),
    ...(reply.scope === undefined ? {} : granted(reply.scope)),
    ...(fields?.scope === undefined ? {} : granted(fields.scope)),
    ...fields,
  }
}

/** A new grant takes the place of the stored one in either of its forms. */
function granted(scope: string): Pick<StoredRecord, 'scope' | 'scopes'> {
  return { scope, scopes: undefined }
}

/** The same with what its tokens and its times say. */
async function describeAnswer({ reply, previous, nowMs }: BuildRecordInput, answer: StoredCredential): Promise<StoredCredential> {
  const claims = await readClaims({ access_token: answer.access_token, id_token: answer.id_token })
  const isNew = answer.access_token === reply.access_token
  return {
    ...answer,
    account_id: answer.account_id ?? claims.accountId ?? null,
    plan_type: claims.planType ?? previous.plan_type ?? null,
    ...(isNew ? { expires_at: formatMoment(await readExpiry(reply, nowMs)) ?? null } : {}),
    ...defined({ subject: claims.subject, email: claims.email }),
    ...(reply.earliest_refresh_at === undefined ? {} : { earliest_refresh_at: formatMoment(readEarliest(reply, nowMs)) ?? null }),
  }
}

/**
 * When the access token ends, by this machine's clock: its lifetime counted from now. The token's own
 * `exp` is the server's clock, and a machine ten minutes off would refresh on every call, or too late.
 */
async function readExpiry(reply: TokenReply, nowMs: number): Promise<number | undefined> {
  const payload = await decodePayload(reply.access_token)
  const exp = decodeMoment(payload['exp'])
  const iat = decodeMoment(payload['iat'])
  const lifetimeMs = reply.expires_in !== undefined ? reply.expires_in * 1000 : exp !== undefined && iat !== undefined ? exp - iat : undefined
  return momentAfter(nowMs, lifetimeMs) ?? (exp === undefined ? undefined : momentAfter(exp, -reply.server_ahead_ms))
}

/**
 * The server's moment moved to our clock, with a second for the resolution of its Date header: a
 * refresh before it answers invalid_grant and burns the token. Small numbers are seconds from now.
 */
function readEarliest({ earliest_refresh_at: value, server_ahead_ms }: TokenReply, nowMs: number): number | undefined {
  const seconds = decodeNumber(value, { least: 0, most: 1e8 })
  if (seconds !== undefined) return momentAfter(nowMs, seconds * 1000)
  const at = decodeMoment(value)
  return at === undefined ? undefined : momentAfter(at, 1000 - server_ahead_ms)
}
