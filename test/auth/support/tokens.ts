/** Made-up tokens in the real shape. */
const AUTH = 'https://api.openai.com/auth'

export function jwt(payload: Record<string, unknown>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(payload)}.${Buffer.from('made-up signature').toString('base64url')}`
}

export interface TokenOptions {
  accountId?: string
  planType?: string
  issuer?: string
  subject?: string
  email?: string
  iatMs?: number
  expMs?: number
  serial?: number
}

export function accessToken(options: TokenOptions = {}): string {
  const iat = Math.floor((options.iatMs ?? Date.UTC(2026, 10, 1)) / 1000)
  return jwt({
    iss: options.issuer ?? 'https://auth.openai.com',
    sub: options.subject ?? 'auth0|made-up-user',
    aud: ['https://api.openai.com/v1'],
    iat,
    exp: options.expMs === undefined ? iat + 3600 : Math.floor(options.expMs / 1000),
    jti: `serial-${options.serial ?? 0}`,
    [AUTH]: { chatgpt_account_id: options.accountId ?? 'account-one', chatgpt_plan_type: options.planType ?? 'plus' },
  })
}

/** A record as the original module writes it. */
export function originalRecord(options: TokenOptions & { expiresAt?: string } = {}): Record<string, unknown> {
  return {
    auth_mode: 'oauth',
    access_token: accessToken(options),
    refresh_token: 'rt-made-up-refresh-token-one',
    id_token: null,
    account_id: options.accountId ?? 'account-one',
    plan_type: options.planType ?? 'plus',
    expires_at: options.expiresAt ?? '2099-01-01T00:00:00',
  }
}
