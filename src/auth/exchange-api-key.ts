import { AuthenticationError } from '../contract/index.js'
import { mapSignInFailure } from './exchange-code.js'
import { requestTokens, type TokenReply } from './token-endpoint.js'
import type { SignIn } from './sign-in.js'
import type { Transport } from '../transport/transport.js'

export interface ExchangeApiKeyOptions {
  transport: Transport
  issuer: string
  clientId: string
  /** of a codex sign-in to an account that has an API organization */
  idToken: string
  now?: () => number
  signal?: AbortSignal
}

/** Exchanges an ID token for an API key, whose use is billed. @throws AuthenticationError, NetworkError */
export async function exchangeApiKey(options: ExchangeApiKeyOptions): Promise<SignIn> {
  const reply = await requestTokens({
    transport: options.transport,
    url: `${options.issuer}/oauth/token`,
    encoding: 'form',
    fields: {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_id: options.clientId,
      requested_token: 'openai-api-key',
      subject_token: options.idToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    },
    ...(options.now ? { now: options.now } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  }).catch((error: unknown): TokenReply => { throw mapSignInFailure(error) })
  if (reply.access_token === undefined) throw new AuthenticationError('the exchange brought no API key', { code: 'no_api_key' })
  return { reply }
}
