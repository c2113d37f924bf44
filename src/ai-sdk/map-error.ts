/**
 * Our failures as the AI SDK's. Its classes recognise each other by markers under `Symbol.for`, across
 * versions and installs, so nothing of it is loaded for an error.
 */
import { isLLMError, type AnyLLMError } from '../contract/index.js'
import { defined } from '../lib/index.js'

const FAMILY = 'vercel.ai.error'

function markedError(kind: string, message: string, fields: Record<string, unknown>): Error {
  const { cause, ...own } = fields
  const error = new Error(message, cause === undefined ? undefined : { cause })
  error.name = `AI_${kind}`
  const hidden = { value: true, enumerable: false }
  Object.defineProperties(error, { [Symbol.for(FAMILY)]: hidden, [Symbol.for(`${FAMILY}.AI_${kind}`)]: hidden })
  return Object.assign(error, own)
}

export const loadKeyError = (message: string, cause?: unknown): Error => markedError('LoadAPIKeyError', message, { cause })

export const loadSettingError = (message: string, cause?: unknown): Error => markedError('LoadSettingError', message, { cause })

export const unsupported = (functionality: string): Error =>
  markedError('UnsupportedFunctionalityError', `'${functionality}' functionality not supported.`, { functionality })

export const noSuchModel = (modelId: string, modelType: string, message = `No such ${modelType}: ${modelId}`, cause?: unknown): Error =>
  markedError('NoSuchModelError', message, { modelId, modelType, cause })

export interface ErrorTerms {
  modelId: string
  /** true where the provider retries by itself: the AI SDK then must not, or every retry would be multiplied */
  retriesInside: boolean
}

/** The AI SDK's error for one of ours, which is its `cause`; an abort and what isn't ours pass as they are. */
export function mapError(thrown: unknown, { modelId, retriesInside }: ErrorTerms): unknown {
  if (!isLLMError(thrown)) return thrown
  switch (thrown.name) {
    case 'AbortError':
      return thrown
    case 'AuthenticationError':
      return thrown.status_code === undefined ? loadKeyError(thrown.message, thrown) : apiCallError(thrown, retriesInside)
    case 'ConfigurationError':
      return loadSettingError(thrown.message, thrown)
    case 'NotFoundError':
      return noSuchModel(modelId, 'languageModel', thrown.message, thrown)
    default:
      return apiCallError(thrown, retriesInside)
  }
}

function apiCallError(cause: AnyLLMError, retriesInside: boolean): Error {
  const { message, status_code: statusCode, retry_after: retryAfter, request_id: requestId, retryable, code, may_have_run: mayHaveRun } = cause
  const headers = {
    ...(retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfter)) }),
    ...(requestId === undefined ? {} : { 'x-request-id': requestId }),
  }
  return markedError('APICallError', message, {
    cause,
    url: '',
    // Prompts stay out of errors.
    requestBodyValues: {},
    // A candidate that is passed over is not asked: the status is what it would have answered.
    statusCode: statusCode ?? (cause.name === 'QuotaExceededError' || cause.name === 'RateLimitError' ? 429 : undefined),
    responseHeaders: headers,
    responseBody: undefined,
    // Nor a request that may have run.
    isRetryable: retryable && !retriesInside && !mayHaveRun,
    data: { type: cause.name, ...defined({ code }) },
  })
}
