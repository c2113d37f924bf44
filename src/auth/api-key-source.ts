import { AuthenticationError } from '../contract/index.js'
import { shortHash } from '../lib/index.js'
import { hideProperties } from './hide-secrets.js'
import type { Credential, ManagedCredentialSource } from './credential-source.js'
import type { Lane } from './lane.js'

/** A configured key: nothing is stored and nothing refreshed. */
export function createApiKeySource(lane: Lane, registerSecret?: (secret: string | undefined) => void): ManagedCredentialSource {
  const key = lane.apiKey ?? ''
  registerSecret?.(key)
  const credential: Credential = hideProperties(
    { lane: lane.name, accessToken: key, accountKey: shortHash(`${lane.name} ${key}`) }, 'accessToken')
  return {
    lane: lane.name,
    billing: lane.billing,
    baseUrl: lane.baseUrl,
    signIn: lane.signIn,
    held: () => undefined,
    async current() {
      if (!/^[\x21-\x7e]+$/.test(key)) throw new AuthenticationError('the configured api_key is no key: it holds spaces or characters that cannot be sent', { code: 'invalid_api_key' })
      return credential
    },
    async replace() {
      throw new AuthenticationError('the server refused the configured api_key. Check the option api_key', { code: 'invalid_api_key' })
    },
    peek: async () => credential,
    refusal: async () => undefined,
    headers: (of) => lane.headers(of),
    state: async () => ({ state: 'missing', message: 'the key comes from the configuration; nothing is stored' }),
    async accept() {
      throw new AuthenticationError('this mount uses a configured api_key; take the option out to sign in', { code: 'api_key_configured' })
    },
    async close() {},
  }
}
