/** Who is calling: the bearer and, on the codex door, the account header; or the refusal in that door's words. */
import type { TwinContext } from './context.js'
import { detailRefusal, errorRefusal, type Refusal } from './refusal.js'
import type { Grant } from './token-ledger.js'
import { DIRECT_SCOPE } from './behaviour.js'

/** `/backend-api/codex`, or the public `/v1` */
export type Door = 'codex' | 'api'

type Headers = Readonly<Record<string, string | string[] | undefined>>

export function identify(context: TwinContext, door: Door, headers: Headers): Grant | Refusal {
  const header = headers['authorization']
  const bearer = typeof header === 'string' ? /^Bearer (\S+)$/i.exec(header)?.[1] : undefined
  const found = bearer === undefined ? undefined : context.ledger.authenticate(bearer)
  if (door === 'codex') return identifyCodex(context, found, headers)
  if (!found || !bearer) {
    return errorRefusal(401, { message: "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth.", code: null })
  }
  if (found.state !== 'valid') {
    if (bearer.split('.').length === 3) return detailRefusal(401, { error_code: 'invalid_token' })
    return errorRefusal(401, { message: 'Incorrect API key provided.', code: 'invalid_api_key' })
  }
  const { grant } = found
  if (grant.lane === 'codex') {
    return errorRefusal(401, { message: 'You have insufficient permissions for this operation. Missing scopes: model.request.', code: 'missing_scope' })
  }
  if (grant.lane === 'plan' && !grant.scope.split(' ').includes(DIRECT_SCOPE)) {
    return detailRefusal(403, { code: 'chatpass_v2_scope_not_authorized', message: 'The sign-in does not include plan usage.', param: null })
  }
  return grant
}

const REASONS = {
  missing: { code: 'missing_token', message: 'Unauthorized' },
  unknown: { code: 'token_invalid', message: 'Could not parse your authentication token. Please try signing in again.' },
  expired: { code: 'token_expired', message: 'Provided authentication token is expired. Please try signing in again.' },
  revoked: { code: 'token_revoked', message: 'Encountered invalidated oauth token for user, failing request' },
}

function identifyCodex(context: TwinContext, found: ReturnType<TwinContext['ledger']['authenticate']> | undefined, headers: Headers): Grant | Refusal {
  if (!found) return refuseCodex(context, 'missing')
  if (found.state !== 'valid') return refuseCodex(context, found.state)
  const { grant } = found
  if (grant.lane !== 'codex') return refuseCodex(context, 'unknown')
  const account = headers['chatgpt-account-id']
  if (account === grant.accountId) return grant
  const reason = account === undefined || account === '' ? 'missing_account_id' : 'account_mismatch'
  return detailRefusal(401, 'Unauthorized', { 'x-openai-authorization-error': reason })
}

function refuseCodex(context: TwinContext, reason: keyof typeof REASONS): Refusal {
  const { code, message } = REASONS[reason]
  const error = { message, type: 'invalid_request_error', code, param: null }
  switch (context.behaviour.unauthorizedShape) {
    case 'detail': return detailRefusal(401, 'Unauthorized')
    case 'error.code': return { status: 401, body: { error, status: 401 } }
    case 'x-error-json': {
      const encoded = Buffer.from(JSON.stringify({ error })).toString('base64')
      return detailRefusal(401, 'Unauthorized', { 'x-error-json': encoded, 'x-openai-authorization-error': code })
    }
  }
}
