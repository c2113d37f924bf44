import { AccessDeniedError, AuthenticationError, ConfigurationError, NetworkError, ProviderUnavailableError, RateLimitError, type LLMError } from '../contract/index.js'
import { defined } from '../lib/index.js'
import { ExchangeError } from './token-endpoint.js'
import { TokenStoreError, type LoadResult, type PendingRefresh, type StoreFault } from './token-store.js'
import type { BindingVerdict } from './origin-binding.js'
import type { Lane } from './lane.js'

/** Nobody is signed in where `result` was loaded, code `token_store_<state>`; or nobody knows, as the place cannot be reached now. */
export function mapLoadFault(result: Extract<LoadResult, { message: string }>): LLMError {
  return result.transient
    ? new NetworkError(result.message, { code: 'token_store_unreachable' })
    : new AuthenticationError(result.message, { code: `token_store_${result.state satisfies StoreFault}` })
}

export function mapStoreError(error: TokenStoreError): LLMError {
  const code = `token_store_${error.code}`
  switch (error.code) {
    case 'locked':
    case 'stale_lock':
    case 'unreachable':
      return new NetworkError(error.message, { code, cause: error })
    case 'unwritable':
    case 'refused':
      return new AuthenticationError(`the sign-in was not refreshed, because what came back could not be kept: ${error.message}`, { code, cause: error })
    case 'unavailable':
      return new ConfigurationError(error.message, { code, cause: error })
  }
}

/** @param pending a refresh with the same token that began and was never saved */
export function mapExchangeError(error: ExchangeError, lane: Lane, pending?: PendingRefresh): LLMError {
  const fields = {
    cause: error,
    ...defined({ code: error.code, status_code: error.status }),
    ...(error.retryAfterMs === undefined ? {} : { retry_after: error.retryAfterMs / 1000 }),
  }
  switch (error.kind) {
    case 'permanent': {
      const cause = pending === undefined ? '' : ` The refresh that process ${pending.pid} began at ${pending.started_at} ended before its answer was saved, which spent the token.`
      return new AuthenticationError(`the sign-in has ended: ${error.message}.${cause} Run ${lane.signIn}`, fields)
    }
    case 'configuration':
      if (error.status === undefined && error.code === undefined) return new ConfigurationError(`the sign-in could not be refreshed: ${error.message}. The tokens are kept`, { ...fields, code: 'misconfigured' })
      return new ConfigurationError(`the sign-in server does not take this client: ${error.message}. Check client_id and issuer; the tokens are kept`, fields)
    case 'transient':
      if (error.status === 429) return new RateLimitError(`the sign-in could not be refreshed now: ${error.message}`, fields)
      return error.status === undefined
        ? new NetworkError(`the sign-in could not be refreshed: ${error.message}. ${error.advice ?? 'Check the network and the proxy settings'}`, fields)
        : new ProviderUnavailableError(`the sign-in could not be refreshed now: ${error.message}`, fields)
  }
}

/** @param otherwise what else the user may do */
export function mapBinding(verdict: Extract<BindingVerdict, { allowed: false }>, lane: Lane, otherwise?: string): AuthenticationError {
  return new AuthenticationError(
    `the stored sign-in was made for ${verdict.madeFor} and is sent to no other origin; ${verdict.option} is ${verdict.configured}. ` +
    `Run ${lane.signIn} with this configuration, or take ${verdict.option} back${otherwise === undefined ? '' : `; ${otherwise}`}`, { code: 'origin_mismatch' })
}

export function accountMismatch(expected: string, found: string, lane: Lane): AccessDeniedError {
  return new AccessDeniedError(
    `this uses account ${expected}, and the stored sign-in is for ${found}. Nothing was sent. Start anew, or run ${lane.signIn} for the right workspace`,
    { code: 'account_mismatch' })
}

/** Total over what this room throws; everything else stays as it is. */
export function mapAuthFailure(error: unknown, lane: Lane): unknown {
  if (error instanceof TokenStoreError) return mapStoreError(error)
  if (error instanceof ExchangeError) return mapExchangeError(error, lane)
  return error
}
