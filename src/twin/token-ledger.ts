/** Every token of the twin: who it stands for, until when, and whether it is spent. */
import type { TwinBehaviour } from './behaviour.js'
import type { Grant, Lane } from './grant.js'
import type { Ids } from './ids.js'
import type { SigningKey } from './signing-key.js'
import { accessClaims, formatEarliest, idClaims } from './token-claims.js'

export type { Grant, Lane } from './grant.js'

export interface TokenSet {
  access_token: string
  refresh_token: string
  id_token: string
  token_type: 'Bearer'
  expires_in: number
  scope: string
  earliest_refresh_at?: number | string | null
}

export type BearerState = { state: 'valid'; grant: Grant } | { state: 'unknown' | 'expired' | 'revoked' }

interface AccessRecord {
  grant: Grant
  expiresAtMs: number
  revoked: boolean
}

interface RefreshRecord {
  grant: Grant
  state: 'active' | 'spent' | 'invalidated'
  expiresAtMs: number
  /** plan lane: a refresh before this burns the token */
  earliestMs?: number
}

export interface TokenLedger {
  issue(grant: Grant, options?: { expiresInSeconds?: number; nonce?: string }): TokenSet
  /** Spends the token and answers its successor, or the code of the refusal. */
  refresh(token: string, asked: { lane: Lane; clientId: string }): { tokens: TokenSet } | { code: string }
  issueApiKey(grant: Grant): string
  authenticate(bearer: string): BearerState
  grantOfIdToken(idToken: string): Grant | undefined
  expireAccessTokens(): void
  revokeAccess(token: string): boolean
  invalidateRefresh(token: string): boolean
  /** Ends a token; a refresh token takes its whole sign-in with it. False for one nobody knows. */
  revoke(token: string): boolean
}

export interface TokenLedgerParts {
  issuer: string
  now: () => number
  ids: Ids
  key: SigningKey
  behaviour: TwinBehaviour
  ttlSeconds: number
}

const REFRESH_TTL_MS = 30 * 24 * 3_600_000
/** wire: about six minutes before expiry */
const EARLIEST_REFRESH_MARGIN_S = 360

/** What the ledger keeps. */
interface Shelves {
  access: Map<string, AccessRecord>
  refreshable: Map<string, RefreshRecord>
  idTokens: Map<string, Grant>
  apiKeys: Map<string, { grant: Grant; revoked: boolean }>
}

type IssueOptions = { expiresInSeconds?: number; nonce?: string }

function issueTokenSet(parts: TokenLedgerParts, shelves: Shelves, grant: Grant, options: IssueOptions): TokenSet {
  const { now, ids, key, behaviour } = parts
  const expiresIn = options.expiresInSeconds ?? parts.ttlSeconds
  const iat = Math.floor(now() / 1000)
  const common = { iss: parts.issuer, iat, exp: iat + expiresIn, sub: grant.subject }
  const nonce = options.nonce === undefined ? {} : { nonce: options.nonce }
  const accessToken = key.sign({ ...common, ...accessClaims(grant), jti: ids.next('at') })
  const idToken = key.sign({ ...common, ...idClaims(grant), ...nonce, jti: ids.next('id') })
  const refreshToken = ids.secret('rt_', 48)
  const earliest = iat + Math.max(0, expiresIn - EARLIEST_REFRESH_MARGIN_S)
  const plan = grant.lane === 'plan'
  const enforced = plan && behaviour.earliestRefreshFormat !== 'null'
  shelves.access.set(accessToken, { grant, expiresAtMs: now() + expiresIn * 1000, revoked: false })
  shelves.refreshable.set(refreshToken, {
    grant, state: 'active', expiresAtMs: now() + REFRESH_TTL_MS, ...(enforced ? { earliestMs: earliest * 1000 } : {}),
  })
  shelves.idTokens.set(idToken, grant)
  return {
    access_token: accessToken, refresh_token: refreshToken, id_token: idToken, token_type: 'Bearer', expires_in: expiresIn,
    scope: grant.scope, ...(plan ? { earliest_refresh_at: formatEarliest(earliest, behaviour) } : {}),
  }
}

/** Spends the token, or answers the code of the refusal. */
function spend(parts: TokenLedgerParts, shelves: Shelves, token: string, asked: { lane: Lane; clientId: string }): { grant: Grant } | { code: string } {
  const { now, behaviour } = parts
  const record = shelves.refreshable.get(token)
  if (!record || record.grant.lane !== asked.lane) {
    return { code: asked.lane === 'plan' ? 'invalid_refresh_token' : 'refresh_token_invalidated' }
  }
  if (record.grant.clientId !== asked.clientId) return { code: 'invalid_client' }
  if (record.state === 'invalidated') return { code: 'refresh_token_invalidated' }
  if (record.state === 'spent') {
    if (behaviour.invalidateFamilyOnReuse) endRefreshing(shelves, record.grant)
    return { code: 'refresh_token_reused' }
  }
  if (record.expiresAtMs <= now()) return { code: 'refresh_token_expired' }
  record.state = 'spent'
  if (record.earliestMs !== undefined && now() < record.earliestMs) return { code: 'invalid_grant' }
  return { grant: record.grant }
}

function endRefreshing({ refreshable }: Shelves, grant: Grant): void {
  for (const record of refreshable.values()) if (record.grant === grant) record.state = 'invalidated'
}

function revokeAccess({ access, apiKeys }: Shelves, token: string): boolean {
  const record = access.get(token) ?? apiKeys.get(token)
  if (record) record.revoked = true
  return record !== undefined
}

export function createTokenLedger(parts: TokenLedgerParts): TokenLedger {
  const { now, ids } = parts
  const shelves: Shelves = { access: new Map(), refreshable: new Map(), idTokens: new Map(), apiKeys: new Map() }
  const { access, refreshable, idTokens, apiKeys } = shelves
  return {
    issue: (grant, options = {}) => issueTokenSet(parts, shelves, grant, options),
    refresh(token, asked) {
      const result = spend(parts, shelves, token, asked)
      return 'code' in result ? result : { tokens: issueTokenSet(parts, shelves, result.grant, {}) }
    },
    issueApiKey(grant) {
      const key = ids.secret('sk-twin-', 36)
      apiKeys.set(key, { grant: { ...grant, lane: 'api_key' }, revoked: false })
      return key
    },
    authenticate(bearer) {
      const key = apiKeys.get(bearer)
      if (key) return key.revoked ? { state: 'revoked' } : { state: 'valid', grant: key.grant }
      const record = access.get(bearer)
      if (!record) return { state: 'unknown' }
      if (record.revoked) return { state: 'revoked' }
      return record.expiresAtMs <= now() ? { state: 'expired' } : { state: 'valid', grant: record.grant }
    },
    grantOfIdToken: (idToken) => idTokens.get(idToken),
    expireAccessTokens() {
      for (const record of access.values()) record.expiresAtMs = Math.min(record.expiresAtMs, now())
    },
    revokeAccess: (token) => revokeAccess(shelves, token),
    revoke(token) {
      const grant = refreshable.get(token)?.grant
      if (!grant) return revokeAccess(shelves, token)
      endRefreshing(shelves, grant)
      for (const record of access.values()) if (record.grant === grant) record.revoked = true
      return true
    },
    invalidateRefresh(token) {
      const record = refreshable.get(token)
      if (record) record.state = 'invalidated'
      return record !== undefined
    },
  }
}
