import { LANES } from '../contract/index.js'
import { checkedIssuer, signInCommand, trimSlashes } from './lane-defaults.js'
import { hideProperties } from './hide-secrets.js'
import type { Lane, LaneConfig } from './lane.js'

/** A key that was configured for this and is billed by use. A key that merely lies in the environment is never looked for. */
export function createApiKeyLane(config: LaneConfig = {}): Lane {
  const lane: Lane = {
    name: 'api_key',
    billing: LANES.api_key.billing,
    authMode: LANES.api_key.authMode,
    issuer: checkedIssuer(config),
    clientId: config.clientId ?? '',
    baseUrl: trimSlashes(config.baseUrl ?? LANES.api_key.baseUrl),
    signIn: signInCommand('api_key', config),
    ...(config.apiKey === undefined || config.apiKey === '' ? {} : { apiKey: config.apiKey }),
    refuse: () => undefined,
    headers: (credential) => ({ authorization: `Bearer ${credential.accessToken}` }),
  }
  return hideProperties(lane, 'apiKey')
}
