import { AuthenticationError } from '../contract/index.js'
import { isRecord, parseJson } from '../lib/index.js'
import { ExchangeError } from './token-endpoint.js'
import type { Transport } from '../transport/transport.js'

export interface VerifyIdTokenOptions {
  transport: Transport
  idToken: string
  issuer: string
  jwksUrl: string
  clientId: string
  /** absent where the token was not issued for a sign-in of ours */
  nonce?: string
  /** the server's time, ms since 1970 */
  serverNowMs: number
  signal?: AbortSignal
}

/**
 * RS256 by the issuer's keys, issuer, audience, expiry, nonce.
 * @returns the payload
 * @throws AuthenticationError `invalid_id_token`; ExchangeError where the keys cannot be had
 */
export async function verifyIdToken(options: VerifyIdTokenOptions): Promise<Record<string, unknown>> {
  const jose = await import('jose')
  const keys = await fetchKeys(options)
  try {
    const { payload } = await jose.jwtVerify(options.idToken, jose.createLocalJWKSet(keys as unknown as Parameters<typeof jose.createLocalJWKSet>[0]), {
      algorithms: ['RS256'],
      issuer: [options.issuer, `${options.issuer}/`],
      audience: options.clientId,
      requiredClaims: ['sub', 'exp', 'iat'],
      currentDate: new Date(options.serverNowMs),
      clockTolerance: 60,
    })
    if (options.nonce !== undefined && payload['nonce'] !== options.nonce) throw new Error('nonce differs')
    return { ...payload }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown reason'
    throw new AuthenticationError(`the ID token does not prove who signed in (${why}); nothing was changed. Try again`, { code: 'invalid_id_token', cause })
  }
}

async function fetchKeys({ transport, jwksUrl, signal }: VerifyIdTokenOptions): Promise<Record<string, unknown>> {
  const reply = await transport
    .fetch({ method: 'GET', url: jwksUrl, headers: { accept: 'application/json' }, timeouts: { connectMs: 15_000, totalMs: 30_000 }, ...(signal ? { signal } : {}) })
    .catch((cause: unknown) => {
      if (signal?.aborted) throw cause
      throw new ExchangeError(`${jwksUrl} cannot be reached`, { kind: 'transient', cause })
    })
  const keys = parseJson(reply.body)
  if (reply.status !== 200 || !isRecord(keys) || !Array.isArray(keys['keys'])) {
    throw new ExchangeError(`${jwksUrl} answered ${reply.status} without keys`, { kind: 'transient', status: reply.status })
  }
  return keys
}
