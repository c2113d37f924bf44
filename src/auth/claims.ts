import { decodeMoment, isRecord } from '../lib/index.js'
import type { StoredRecord } from './token-store.js'

const AUTH = 'https://api.openai.com/auth'
const PROFILE = 'https://api.openai.com/profile'

/** What a record and its tokens say of the account. Nothing is verified: the server does that. */
export interface Claims {
  accountId?: string
  planType?: string
  email?: string
  subject?: string
  fedramp: boolean
  /** origin of the `iss` claim */
  issuer?: string
  /** of the access token, ms since 1970 */
  expiresAtMs?: number
  /** of the access token, ms since 1970 */
  issuedAtMs?: number
  /** the account the tokens themselves name, whatever the record says */
  tokenAccountId?: string
}

type Payload = Record<string, unknown>

/** The payload of a JWT, `{}` where the text is none. */
export async function decodePayload(token: string | null | undefined): Promise<Payload> {
  if (typeof token !== 'string' || token.split('.').length < 2) return {}
  // The decoder alone loads in a third of the time the whole library takes.
  const { decodeJwt } = await import('jose/jwt/decode')
  try {
    const payload: unknown = decodeJwt(token)
    return isRecord(payload) ? payload : {}
  } catch {
    return {}
  }
}

/**
 * Account, plan and the rest, in the order the host contract gives: the stored record, the access
 * token, the ID token; in a token the `auth` claim, the top level, the first organization; at last
 * what the original module read, the ID token's profile and its subject.
 */
export async function readClaims(record: StoredRecord): Promise<Claims> {
  const access = await decodePayload(record.access_token)
  const id = await decodePayload(record.id_token)
  const both = [access, id]
  const claimed = first(both, accountOf)
  const profile = child(id, PROFILE)
  return dropUndefined({
    accountId: accountId(record.account_id) ?? claimed ?? accountId(profile['account_id']) ?? accountId(id['sub']),
    tokenAccountId: claimed,
    planType: text(record.plan_type) ?? first(both, (payload) => text(child(payload, AUTH)['chatgpt_plan_type'])),
    email: first([id, access], (payload) => text(payload['email']) ?? text(child(payload, PROFILE)['email'])) ?? text(record.email),
    subject: first([id, access], (payload) => text(payload['sub'])) ?? text(record.subject),
    fedramp: both.some((payload) => child(payload, AUTH)['chatgpt_account_is_fedramp'] === true),
    issuer: first(both, (payload) => originOf(text(payload['iss']))),
    expiresAtMs: decodeMoment(access['exp']),
    issuedAtMs: decodeMoment(access['iat']),
  })
}

/** `https://host:port` of a URL, undefined for anything else. */
export function originOf(url: string | undefined): string | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined
  const { origin } = new URL(url)
  return origin === 'null' ? undefined : origin
}

function accountOf(payload: Payload): string | undefined {
  const organizations = child(payload, AUTH)['organizations'] ?? payload['organizations']
  const organization: unknown = Array.isArray(organizations) ? organizations[0] : undefined
  return accountId(child(payload, AUTH)['chatgpt_account_id'])
    ?? accountId(payload['chatgpt_account_id'])
    ?? (isRecord(organization) ? accountId(organization['id']) : undefined)
}

function child(payload: Payload, key: string): Payload {
  const value = payload[key]
  return isRecord(value) ? value : {}
}

/** Longer than any name or address; a server's claim must not make the stored file too long to be read. */
const MOST_TEXT = 1024

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= MOST_TEXT ? value : undefined
}

/** An account goes out in a header, which takes visible ASCII. */
function accountId(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\x21-\x7e]{1,256}$/.test(value) ? value : undefined
}

function first<Item, Value>(items: readonly Item[], read: (item: Item) => Value | undefined): Value | undefined {
  for (const item of items) {
    const value = read(item)
    if (value !== undefined) return value
  }
  return undefined
}

function dropUndefined<T extends object>(value: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T
}
