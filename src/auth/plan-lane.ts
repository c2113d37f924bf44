import { LANES } from '../contract/index.js'
import { checkedIssuer, signInCommand, trimSlashes } from './lane-defaults.js'
import { ExchangeError, postFields, refusal, requestTokens, type TokenCall } from './token-endpoint.js'
import type { Lane, LaneConfig } from './lane.js'

/** What the scope of the token reply must hold for calls on the plan; without it the sign-in only identifies. */
export const PLAN_SCOPE = 'chatgpt.tokens.use.direct'
/** The `resource` that tokens are asked for, whatever the base URL. */
export const PLAN_RESOURCE = 'https://api.openai.com/v1'
const CONFIGURATION_CODES = new Set(['invalid_client', 'unauthorized_client'])

/** The documented "Sign in with ChatGPT": the plan pays, on the public API. */
export function createPlanLane(config: LaneConfig = {}): Lane {
  const issuer = checkedIssuer(config)
  const signIn = signInCommand('plan', config)
  return {
    name: 'plan',
    billing: LANES.plan.billing,
    authMode: LANES.plan.authMode,
    issuer,
    clientId: config.clientId ?? '',
    baseUrl: trimSlashes(config.baseUrl ?? LANES.plan.baseUrl),
    signIn,
    refuse: (credential) => credential.planEnabled === false
      ? `the sign-in identifies you but may not use your plan (scope ${PLAN_SCOPE} was not granted). Run ${signIn} and allow plan usage`
      : undefined,
    headers: (credential) => ({ authorization: `Bearer ${credential.accessToken}` }),
    refresh(record, context) {
      const clientId = record.client_id ?? config.clientId
      if (clientId === undefined || clientId === '') {
        throw new ExchangeError('the stored sign-in has no client id', { kind: 'permanent', code: 'missing_client_id' })
      }
      return requestTokens({
        ...context,
        url: `${issuer}/api/accounts/oauth/token`,
        encoding: 'form',
        configurationCodes: CONFIGURATION_CODES,
        fields: { grant_type: 'refresh_token', client_id: clientId, refresh_token: record.refresh_token ?? '', resource: PLAN_RESOURCE },
      })
    },
    async revoke(record, { transport, now, signal }) {
      if (record.refresh_token == null) return
      const call: TokenCall = {
        transport,
        now,
        ...(signal ? { signal } : {}),
        url: await findRevocationUrl(issuer, transport),
        encoding: 'form',
        fields: { token: record.refresh_token, token_type_hint: 'refresh_token', client_id: record.client_id ?? '' },
      }
      const reply = await postFields(call)
      if (reply.status < 200 || reply.status > 299) throw refusal(call, reply)
    },
  }
}

async function findRevocationUrl(issuer: string, transport: TokenCall['transport']): Promise<string> {
  const { discover } = await import('./discovery.js')
  const found = await discover({ issuer, transport })
  return found.revocationUrl ?? `${issuer}/api/accounts/oauth/revoke`
}
