/** Every token of the twin: who it stands for, until when, and whether it is spent. */
import type { TwinBehaviour } from './behaviour.js'
import type { Ids } from './ids.js'
import type { SigningKey } from './signing-key.js'

export type Lane = 'codex' | 'plan' | 'api_key'

/** What a sign-in gave; all tokens of one sign-in share it. */
export interface Grant {
  lane: Lane
  clientId: string
  accountId: string
  planType: string
  email: string
  subject: string
  scope: string
}

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

export function createTokenLedger(parts: TokenLedgerParts): TokenLedger {
  const { now, ids, behaviour } = parts
  const access = new Map<string, AccessRecord>()
  const refreshable = new Map<string, RefreshRecord>()
  const idTokens = new Map<string, Grant>()
  const apiKeys = new Map<string, { grant: Grant; revoked: boolean }>()

  const issue: TokenLedger['issue'] = (grant, options = {}) => {
    const expiresIn = options.expiresInSeconds ?? parts.ttlSeconds
    const iat = Math.floor(now() / 1000)
    const common = { iss: parts.issuer, iat, exp: iat + expiresIn, sub: grant.subject }
    const accessToken = parts.key.sign({ ...common, ...accessClaims(grant), jti: ids.next('at') })
    const nonce = options.nonce === undefined ? {} : { nonce: options.nonce }
    const idToken = parts.key.sign({ ...common, ...idClaims(grant), ...nonce, jti: ids.next('id') })
    const refreshToken = ids.secret('rt_', 48)
    const earliest = iat + Math.max(0, expiresIn - EARLIEST_REFRESH_MARGIN_S)
    const plan = grant.lane === 'plan'
    const enforced = plan && behaviour.earliestRefreshFormat !== 'null'
    access.set(accessToken, { grant, expiresAtMs: now() + expiresIn * 1000, revoked: false })
    refreshable.set(refreshToken, {
      grant, state: 'active', expiresAtMs: now() + REFRESH_TTL_MS, ...(enforced ? { earliestMs: earliest * 1000 } : {}),
    })
    idTokens.set(idToken, grant)
    return {
      access_token: accessToken, refresh_token: refreshToken, id_token: idToken, token_type: 'Bearer',
      expires_in: expiresIn, scope: grant.scope,
      ...(plan ? { earliest_refresh_at: formatEarliest(earliest, behaviour) } : {}),
    }
  }

  const refresh: TokenLedger['refresh'] = (token, asked) => {
    const record = refreshable.get(token)
    if (!record || record.grant.lane !== asked.lane) {
      return { code: asked.lane === 'plan' ? 'invalid_refresh_token' : 'refresh_token_invalidated' }
    }
    if (record.grant.clientId !== asked.clientId) return { code: 'invalid_client' }
    if (record.state === 'invalidated') return { code: 'refresh_token_invalidated' }
    if (record.state === 'spent') {
      if (behaviour.invalidateFamilyOnReuse) {
        for (const other of refreshable.values()) if (other.grant === record.grant) other.state = 'invalidated'
      }
      return { code: 'refresh_token_reused' }
    }
    if (record.expiresAtMs <= now()) return { code: 'refresh_token_expired' }
    record.state = 'spent'
    if (record.earliestMs !== undefined && now() < record.earliestMs) return { code: 'invalid_grant' }
    return { tokens: issue(record.grant) }
  }

  const revokeAccess = (token: string): boolean => {
    const record = access.get(token) ?? apiKeys.get(token)
    if (record) record.revoked = true
    return record !== undefined
  }

  return {
    issue,
    refresh,
    revokeAccess,
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
    revoke(token) {
      const grant = refreshable.get(token)?.grant
      if (!grant) return revokeAccess(token)
      for (const record of refreshable.values()) if (record.grant === grant) record.state = 'invalidated'
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

function formatEarliest(seconds: number, behaviour: TwinBehaviour): number | string | null {
  if (behaviour.earliestRefreshFormat === 'null') return null
  return behaviour.earliestRefreshFormat === 'iso' ? new Date(seconds * 1000).toISOString() : seconds
}

function authClaim(grant: Grant): Record<string, unknown> {
  return {
    chatgpt_account_id: grant.accountId,
    chatgpt_plan_type: grant.planType,
    chatgpt_user_id: grant.subject,
    user_id: grant.subject,
    chatgpt_account_user_id: `${grant.subject}__${grant.accountId}`,
    chatgpt_account_is_fedramp: false,
  }
}

function accessClaims(grant: Grant): Record<string, unknown> {
  return {
    aud: ['https://api.openai.com/v1'],
    client_id: grant.clientId,
    scp: grant.scope.split(' '),
    'https://api.openai.com/auth': authClaim(grant),
    'https://api.openai.com/profile': { email: grant.email, email_verified: true },
  }
}

function idClaims(grant: Grant): Record<string, unknown> {
  const organizations = [{ id: 'org-twin', is_default: true, role: 'owner', title: 'Personal' }]
  return {
    aud: [grant.clientId],
    email: grant.email,
    email_verified: true,
    'https://api.openai.com/auth': {
      ...authClaim(grant), organizations, organization_id: 'org-twin', project_id: 'proj-twin',
      completed_platform_onboarding: true, is_org_owner: true,
    },
    'https://api.openai.com/profile': { email: grant.email, email_verified: true },
  }
}
