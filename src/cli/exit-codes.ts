import { isLLMError } from '../contract/index.js'

/** What a script can tell failures apart by. */
export const EXIT = {
  ok: 0,
  failed: 1,
  /** a wrong option, a wrong file, a wrong setting */
  usage: 2,
  /** nobody is signed in, or the sign-in is not accepted */
  auth: 3,
  /** a limit of the plan or the key */
  quota: 4,
  /** the network or the service */
  unavailable: 5,
  interrupted: 130,
} as const

export function exitCodeOf(error: unknown): number {
  if (!isLLMError(error)) return EXIT.failed
  switch (error.name) {
    case 'ConfigurationError':
    case 'InvalidRequestError':
    case 'NotFoundError':
      return EXIT.usage
    case 'AuthenticationError':
    case 'AccessDeniedError':
      return EXIT.auth
    case 'QuotaExceededError':
    case 'RateLimitError':
      return EXIT.quota
    case 'ProviderUnavailableError':
    case 'NetworkError':
    case 'LLMTimeoutError':
    case 'StreamError':
      return EXIT.unavailable
    case 'AbortError':
      return EXIT.interrupted
    default:
      return EXIT.failed
  }
}
