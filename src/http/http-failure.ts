import { isLLMError, type JsonObject } from '../contract/index.js'
import { defined } from '../lib/index.js'

/** A refusal in OpenAI's shape. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure'
  constructor(
    readonly status: number,
    message: string,
    readonly fields: { type: string; code?: string; param?: string; headers?: Record<string, string> },
    options?: ErrorOptions,
  ) {
    super(message, options)
  }

  /** For a stream's error: a code always. */
  describe(): { type: string; code: string; message: string; param: string | null } {
    const { type, code, param } = this.fields
    return { type, code: code ?? type, message: this.message, param: param ?? null }
  }

  /** What goes out as JSON: `{error: {message, type, code, param}}`, null where there is nothing to say. */
  body(): JsonObject {
    const { type, code, param } = this.fields
    return { error: { message: this.message, type, code: code ?? null, param: param ?? null } }
  }
}

/** What to throw for a request that cannot be read: status 400; `param` names the field at fault. */
export const badRequest = (message: string, param?: string): HttpFailure =>
  new HttpFailure(400, message, { type: 'invalid_request_error', ...defined({ param }) })

/** What an error of the provider is in this dialect: status, type and when to come back. */
export function toHttpFailure(error: unknown): HttpFailure {
  if (error instanceof HttpFailure) return error
  if (!isLLMError(error)) return new HttpFailure(500, 'The provider failed in an unexpected way.', { type: 'server_error' })
  const [usual, type] = kindOf(error.name)
  const status = error.may_have_run && isRepeated(usual) ? 424 : usual
  const retry: Record<string, string> = error.retry_after === undefined ? {} : { 'retry-after': String(Math.ceil(error.retry_after)) }
  return new HttpFailure(status, error.message, {
    type,
    code: error.code ?? error.name,
    // The official clients repeat by themselves unless told not to: what provider retries were left is spent.
    // The kind in the contract's words beside: the dialect has one status for several of them.
    headers: { ...retry, 'x-should-retry': String(error.retryable && error.name === 'RateLimitError' && !error.may_have_run), 'x-error-kind': error.name },
  })
}

/**
 * Statuses that clients repeat by themselves, the AI SDK whatever the headers say. A request that may have run answers none of them,
 * but 424, Failed Dependency (RFC 4918, 11.4): it would be run and billed twice.
 */
const isRepeated = (status: number): boolean => status >= 500 || status === 429

function kindOf(name: string): [number, string] {
  switch (name) {
    case 'QuotaExceededError':
      return [429, 'insufficient_quota']
    case 'RateLimitError':
      return [429, 'rate_limit_error']
    case 'AuthenticationError':
      // 401 would say that the caller's own key is wrong.
      return [502, 'authentication_error']
    case 'AccessDeniedError':
      return [403, 'permission_error']
    case 'NotFoundError':
      return [404, 'not_found_error']
    case 'ContextLengthError':
    case 'ContentFilterError':
    case 'InvalidRequestError':
    case 'InvalidToolCallError':
      return [400, 'invalid_request_error']
    case 'ConfigurationError':
      return [500, 'configuration_error']
    case 'LLMTimeoutError':
      return [504, 'timeout_error']
    case 'AbortError':
      return [499, 'aborted']
    default:
      return [503, 'service_unavailable_error']
  }
}
