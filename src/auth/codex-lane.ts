import { LANES } from '../contract/index.js'
import { checkedIssuer, signInCommand, trimSlashes } from './lane-defaults.js'
import { postFields, refusal, requestTokens, type TokenCall } from './token-endpoint.js'
import type { Lane, LaneConfig } from './lane.js'

const CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann'

/** The sign-in of the Codex command line: the plan pays, the account rides in a header. */
export function createCodexLane(config: LaneConfig = {}): Lane {
  const issuer = checkedIssuer(config)
  const clientId = config.clientId ?? CLIENT_ID
  const signIn = signInCommand('codex', config)
  return {
    name: 'codex',
    billing: LANES.codex.billing,
    authMode: LANES.codex.authMode,
    issuer,
    clientId,
    baseUrl: trimSlashes(config.baseUrl ?? LANES.codex.baseUrl),
    signIn,
    refuse: (credential) => credential.accountId === undefined
      ? 'the stored sign-in names no ChatGPT account, and this lane sends nothing without one. ' +
        `Run ${signIn} and choose the workspace whose plan is to be used`
      : undefined,
    headers: (credential) => ({
      authorization: `Bearer ${credential.accessToken}`,
      ...(credential.accountId === undefined ? {} : { 'chatgpt-account-id': credential.accountId }),
      ...(credential.fedramp ? { 'x-openai-fedramp': 'true' } : {}),
    }),
    refresh: (record, context) => requestTokens({
      ...context,
      url: `${issuer}/oauth/token`,
      encoding: 'json',
      fields: { client_id: record.client_id ?? clientId, grant_type: 'refresh_token', refresh_token: record.refresh_token ?? '' },
    }),
    async revoke(record, { transport, now, signal }) {
      const refresh = record.refresh_token
      const token = refresh ?? record.access_token
      if (token == null) return
      const call: TokenCall = {
        transport,
        now,
        ...(signal ? { signal } : {}),
        url: `${issuer}/oauth/revoke`,
        encoding: 'json',
        fields: refresh == null
          ? { token, token_type_hint: 'access_token' }
          : { token, token_type_hint: 'refresh_token', client_id: record.client_id ?? clientId },
      }
      const reply = await postFields(call)
      if (reply.status < 200 || reply.status > 299) throw refusal(call, reply)
    },
  }
}
