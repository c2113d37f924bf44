import type { JsonObject } from '../contract/index.js'
import type { HttpFailure } from './http-failure.js'

const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error', 401: 'authentication_error', 403: 'permission_error', 404: 'not_found_error', 405: 'invalid_request_error',
  413: 'request_too_large', 429: 'rate_limit_error', 503: 'overloaded_error', 504: 'timeout_error',
}

/** A failure in the Messages dialect: `{type: 'error', error: {type, message}, request_id}`. */
export function describeMessagesFailure({ status, message }: HttpFailure, requestId: string): JsonObject & { type: 'error' } {
  return { type: 'error', error: { type: TYPES[status] ?? 'api_error', message }, request_id: requestId }
}

/** True for requests whose client reads failures of the Messages dialect. */
export const isMessagesPath = (url: string | undefined): boolean => /^\/v1\/messages(?:[/?]|$)/.test(url ?? '')
