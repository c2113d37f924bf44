import { AuthenticationError, ConfigurationError, NetworkError } from '../contract/index.js'
import { defined } from '../lib/index.js'
import { ExchangeError, requestTokens, type TokenReply } from './token-endpoint.js'
import type { Transport } from '../transport/transport.js'

export interface ExchangeCodeInput {
  transport: Transport
  /** the token endpoint */
  url: string
  clientId: string
  code: string
  codeVerifier: string
  redirectUri: string
  /** what this lane adds, such as `resource` */
  extra?: Record<string, string>
  now?: () => number
  signal?: AbortSignal
}

/** Exchanges an authorization code for tokens; a code works once, so it is sent once. @throws AuthenticationError, NetworkError */
export async function exchangeCode(input: ExchangeCodeInput): Promise<TokenReply> {
  try {
    return await requestTokens({
      transport: input.transport,
      url: input.url,
      encoding: 'form',
      fields: {
        grant_type: 'authorization_code',
        client_id: input.clientId,
        code: input.code,
        redirect_uri: input.redirectUri,
        code_verifier: input.codeVerifier,
        ...input.extra,
      },
      ...(input.now ? { now: input.now } : {}),
      ...(input.signal ? { signal: input.signal } : {}),
    })
  } catch (error) {
    throw mapSignInFailure(error)
  }
}

/** A failed exchange of a sign-in as the contract's error; everything else stays as it is. */
export function mapSignInFailure(error: unknown): unknown {
  if (!(error instanceof ExchangeError)) return error
  const fields = { cause: error, ...defined({ code: error.code, status_code: error.status }) }
  if (error.kind === 'configuration' && error.status === undefined && error.code === undefined) return new ConfigurationError(`sign-in failed: ${error.message}`, { ...fields, code: 'misconfigured' })
  if (error.kind === 'configuration') return new ConfigurationError(`sign-in failed: ${error.message}. Check issuer and client_id`, fields)
  return error.status === undefined
    ? new NetworkError(`sign-in failed: ${error.message}. ${error.advice ?? 'Check the network and the proxy settings, then try again'}`, fields)
    : new AuthenticationError(`sign-in failed: ${error.message}. Try again`, fields)
}
