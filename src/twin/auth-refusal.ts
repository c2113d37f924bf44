/** Refusals of the token endpoints. */
import type { TwinBehaviour } from './behaviour.js'
import type { Refusal } from './refusal.js'
import type { Lane } from './token-ledger.js'

const MESSAGES: Record<string, string> = {
  refresh_token_reused: 'Your refresh token has already been used to generate a new access token. Please try signing in again.',
  refresh_token_expired: 'Your refresh token has expired. Please try signing in again.',
  refresh_token_invalidated: 'Your session has ended. Please log in again.',
  invalid_grant: 'The provided authorization grant is invalid, expired, or revoked.',
  invalid_client: 'The client is unknown, or is not the one the token was issued to.',
  temporarily_unavailable: 'The service is temporarily unavailable.',
}

/** The status a code has by itself: on the codex lane the refresh-token codes are 401, all else of a client's making 400. */
export function statusOfCode(code: string, lane: Lane): number {
  if (code === 'temporarily_unavailable') return 503
  if (code === 'server_error') return 500
  if (code === 'invalid_client') return 401
  return lane === 'codex' && code.startsWith('refresh_token_') ? 401 : 400
}

export function buildAuthRefusal(
  code: string, options: { lane: Lane; shape: TwinBehaviour['authErrorShape']; status?: number; message?: string },
): Refusal {
  const status = options.status ?? statusOfCode(code, options.lane)
  const message = options.message ?? MESSAGES[code] ?? `The request was refused: ${code}.`
  if (options.shape === 'code') return { status, body: { code, message } }
  // RFC 6749 codes are strings in `error` whatever the shape: that is how the issuer sends them.
  const standard = ['invalid_grant', 'invalid_client', 'invalid_request', 'unsupported_grant_type', 'temporarily_unavailable']
  if (options.shape === 'error' || standard.includes(code)) return { status, body: { error: code, error_description: message } }
  return { status, body: { error: { message, type: 'invalid_request_error', param: null, code } } }
}
