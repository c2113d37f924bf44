/**
 * The error family. Whatever leaves the provider is one of these; `name` is the discriminant, also
 * across two installs of the package. Nothing here carries a request or response body.
 */
import type { ChatResponse } from './chat.js'
import type { StreamErrorInfo } from './stream-event.js'

export type LLMErrorName =
  | 'LLMError'
  | 'RateLimitError'
  | 'AuthenticationError'
  | 'AccessDeniedError'
  | 'ContextLengthError'
  | 'ContentFilterError'
  | 'InvalidRequestError'
  | 'NotFoundError'
  | 'ProviderUnavailableError'
  | 'NetworkError'
  | 'LLMTimeoutError'
  | 'AbortError'
  | 'StreamError'
  | 'ConfigurationError'
  | 'QuotaExceededError'
  | 'InvalidToolCallError'

/** What an error carries beside its message; absent where nobody said. */
export interface LLMErrorFields {
  provider?: string
  model?: string
  status_code?: number
  retryable?: boolean
  /** seconds */
  retry_after?: number
  /** factor on the host's own backoff; default 1 */
  delay_multiplier?: number
  /** the wire's own word, such as `usage_limit_reached` */
  code?: string
  /** the backend's request id, to quote in a report */
  request_id?: string
  /** nothing proves that the request did not run: it is not sent again by itself */
  may_have_run?: boolean
  cause?: unknown
  /** what had arrived before the failure; not enumerable */
  partial?: ChatResponse
}

const FAMILY = Symbol.for('amplifier.llm-error')

/** How an error's message ends: with its code in brackets, to be looked up in docs/troubleshooting.md by those who see the message alone. */
function codeEnd(code: string | undefined): string {
  return code === undefined ? '' : ` [${code}]`
}

/** Words with the code at their end, once. */
export function withCode(words: string, code: string | undefined): string {
  const end = codeEnd(code)
  return words.endsWith(end) ? words : words + end
}

/** The family's base, and what is thrown where no kind fits. `retryable` says whether the same request may be sent again. */
export class LLMError extends Error {
  override readonly name: LLMErrorName = 'LLMError'
  readonly provider?: string
  readonly model?: string
  readonly status_code?: number
  readonly retryable: boolean
  readonly retry_after?: number
  readonly delay_multiplier: number
  readonly code?: string
  readonly request_id?: string
  /** True where the request was sent and nothing proves that it did not run; absent otherwise. Sent again it may run twice. */
  readonly may_have_run?: boolean
  /** What had arrived before the failure, where anything had. */
  declare readonly partial?: ChatResponse

  constructor(message: string, fields: LLMErrorFields = {}, retryableByDefault = false) {
    super(withCode(message, fields.code), fields.cause === undefined ? undefined : { cause: fields.cause })
    // Prompts and answers stay out of every log that prints an error's own properties.
    if (fields.partial) Object.defineProperty(this, 'partial', { value: fields.partial, enumerable: false, configurable: true })
    Object.defineProperty(this, FAMILY, { value: true, enumerable: false })
    if (fields.provider !== undefined) this.provider = fields.provider
    if (fields.model !== undefined) this.model = fields.model
    if (fields.status_code !== undefined) this.status_code = fields.status_code
    if (fields.retry_after !== undefined) this.retry_after = fields.retry_after
    if (fields.code !== undefined) this.code = fields.code
    if (fields.request_id !== undefined) this.request_id = fields.request_id
    if (fields.may_have_run) this.may_have_run = true
    this.delay_multiplier = fields.delay_multiplier ?? 1
    this.retryable = fields.retryable ?? retryableByDefault
  }

  /** The message without the code at its end: to quote it in a longer sentence, or to hold it against words of others. */
  get words(): string {
    const end = codeEnd(this.code)
    return this.message.endsWith(end) ? this.message.slice(0, this.message.length - end.length) : this.message
  }
}

/** Too many requests for now (HTTP 429): retryable, after `retry_after` seconds where the backend named them. */
export class RateLimitError extends LLMError {
  override readonly name: LLMErrorName = 'RateLimitError'
  constructor(message: string, fields: LLMErrorFields = {}, retryableByDefault = true) {
    super(message, fields, retryableByDefault)
  }
}

/** The plan's or the key's quota is used up until `retry_after` has passed. */
export class QuotaExceededError extends RateLimitError {
  override readonly name = 'QuotaExceededError'
  constructor(message: string, fields: LLMErrorFields = {}) {
    super(message, fields, false)
  }
}

/** Nobody is signed in, or the sign-in is refused and could not be refreshed; the message names the command to run. Not retryable. */
export class AuthenticationError extends LLMError {
  override readonly name: LLMErrorName = 'AuthenticationError'
}

/** Signed in, but the account or its plan may not do this (HTTP 403). Not retryable. */
export class AccessDeniedError extends AuthenticationError {
  override readonly name = 'AccessDeniedError'
}

/** The request is longer than the model's context window. Not retryable: shorten it. */
export class ContextLengthError extends LLMError {
  override readonly name = 'ContextLengthError'
}

/** A policy of the backend stopped the request or the answer; what had come is in `partial`. Not retryable. */
export class ContentFilterError extends LLMError {
  override readonly name = 'ContentFilterError'
}

/** The request cannot be sent, or the backend refused its content (HTTP 400, 413, 422); the message names the part. Not retryable. */
export class InvalidRequestError extends LLMError {
  override readonly name = 'InvalidRequestError'
}

/** A model or an address that does not exist (HTTP 404); the message names the nearest models. Not retryable. */
export class NotFoundError extends LLMError {
  override readonly name = 'NotFoundError'
}

/** The backend is overloaded or broken (HTTP 5xx, a model at capacity). Retryable. */
export class ProviderUnavailableError extends LLMError {
  override readonly name: LLMErrorName = 'ProviderUnavailableError'
  constructor(message: string, fields: LLMErrorFields = {}) {
    super(message, fields, true)
  }
}

/** No connection came about, so nothing was sent. Retryable, unless the far side's certificate is not trusted. */
export class NetworkError extends ProviderUnavailableError {
  override readonly name = 'NetworkError'
}

/** The limit on the whole call ran out, code `total_timeout`. Retryable. Silence on the wire is a StreamError. */
export class LLMTimeoutError extends LLMError {
  override readonly name = 'LLMTimeoutError'
  constructor(message: string, fields: LLMErrorFields = {}) {
    super(message, fields, true)
  }
}

/** The caller, the host or the provider's end cancelled the call; what had come is in `partial`. Not retryable. */
export class AbortError extends LLMError {
  override readonly name = 'AbortError'
}

/** The answer ended before its terminal event; what came is in `partial`. */
export class StreamError extends LLMError {
  override readonly name = 'StreamError'
  constructor(message: string, fields: LLMErrorFields = {}) {
    super(message, fields, true)
  }
}

/** A setting is wrong: the message names the key, what was found and the file it came from. */
export class ConfigurationError extends LLMError {
  override readonly name = 'ConfigurationError'
}

/** A tool call whose arguments are no JSON object, with both as they came. Not retryable. */
export class InvalidToolCallError extends LLMError {
  override readonly name = 'InvalidToolCallError'
  readonly tool_name: string
  readonly raw_arguments: string
  constructor(message: string, fields: LLMErrorFields & { tool_name: string; raw_arguments: string }) {
    super(message, fields)
    this.tool_name = fields.tool_name
    this.raw_arguments = fields.raw_arguments
  }
}

/** The family as a union that `switch (error.name)` narrows. */
export type AnyLLMError = {
  [Name in LLMErrorName]: LLMError & { readonly name: Name } &
    (Name extends 'InvalidToolCallError' ? Pick<InvalidToolCallError, 'tool_name' | 'raw_arguments'> : unknown)
}[LLMErrorName]

/** True for any error of the family, also one that another install of the package made. */
export function isLLMError(value: unknown): value is AnyLLMError {
  return typeof value === 'object' && value !== null && FAMILY in value
}

/** What events say of an error: its kind and words, never a body. */
export function describeError(error: LLMError): StreamErrorInfo {
  return {
    type: error.name,
    message: error.message,
    retryable: error.retryable,
    ...(error.code !== undefined && { code: error.code }),
    ...(error.retry_after !== undefined && { retry_after: error.retry_after }),
    ...(error.request_id !== undefined && { request_id: error.request_id }),
    ...(error.may_have_run && { may_have_run: true }),
  }
}
