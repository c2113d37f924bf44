import type { TwinContext } from './context.js'
import { PLAN_SCOPE } from './behaviour.js'

/** What `/.well-known/openid-configuration` answers: the documented sign-in's endpoints. */
export function describeIssuer(context: TwinContext): Record<string, unknown> {
  const { url } = context
  return {
    issuer: url,
    authorization_endpoint: `${url}/api/accounts/authorize`,
    token_endpoint: `${url}/api/accounts/oauth/token`,
    revocation_endpoint: `${url}/api/accounts/oauth/revoke`,
    jwks_uri: `${url}/.well-known/jwks.json`,
    response_types_supported: ['code'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_methods_supported: ['none'],
    code_challenge_methods_supported: ['S256'],
    scopes_supported: PLAN_SCOPE.split(' '),
  }
}
