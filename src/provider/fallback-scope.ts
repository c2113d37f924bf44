import type { LLMError } from '../contract/index.js'

/**
 * What can cure a failure that came before any output, by its kind and code alone: the next candidate of the chain, the
 * next one on another provider, or nothing.
 */
export function fallbackScopeOf(error: LLMError): 'next' | 'next_other_provider' | 'none' {
  // Another candidate would run it a second time.
  if (error.may_have_run) return 'none'
  switch (error.name) {
    case 'QuotaExceededError':
    case 'RateLimitError':
      return 'next'
    case 'NotFoundError':
      return error.code === 'model_not_available' ? 'next' : 'none'
    case 'ProviderUnavailableError':
      return error.code === 'at_capacity' ? 'next' : 'next_other_provider'
    case 'NetworkError':
      return 'next_other_provider'
    default:
      return 'none'
  }
}
