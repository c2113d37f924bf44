/** A refusal as the WebSocket says it. Pure. */
import { isRecord } from '../lib/index.js'
import type { TwinBehaviour } from './behaviour.js'
import type { Refusal } from './refusal.js'
import type { TwinFaults } from './types.js'

function toErrorObject(body: unknown, status: number): Record<string, unknown> {
  const error = isRecord(body) ? (body['error'] ?? body['detail'] ?? body) : body
  const type = status >= 500 ? 'server_error' : 'invalid_request_error'
  if (isRecord(error)) return { type, ...error }
  return { type, code: null, message: typeof error === 'string' ? error : 'The request was refused.', param: null }
}

/** The frame of a usage limit was seen with `status_code`, the others with `status`. */
export function buildErrorFrame(refusal: Refusal, headers: Record<string, string>, statusKey: TwinFaults['statusKey']): Record<string, unknown> {
  const error = toErrorObject(refusal.body, refusal.status)
  const key = statusKey ?? (error['type'] === 'usage_limit_reached' ? 'status_code' : 'status')
  return { type: 'error', ...(key === 'none' ? {} : { [key]: refusal.status }), error, headers: { ...headers, ...refusal.headers } }
}

/** "Not found" in each of the shapes that were seen. */
export function buildLostResponseFrame(refusal: Refusal, responseId: string, shape: TwinBehaviour['previousResponseNotFoundShape']): Record<string, unknown> {
  const error = toErrorObject(refusal.body, refusal.status)
  const { message, param } = error
  switch (shape) {
    case 'nested': return { type: 'error', status: refusal.status, error, headers: {} }
    case 'top_level': return { type: 'error', code: 'previous_response_not_found', message, param, sequence_number: 0 }
    case 'message_only': return { type: 'error', status: refusal.status, error: { message } }
    case 'failed':
      return {
        type: 'response.failed', sequence_number: 0,
        response: { id: `${responseId}_next`, object: 'response', status: 'failed', output: [], error: { code: 'previous_response_not_found', message } },
      }
  }
}
