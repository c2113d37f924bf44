/** Names and payloads of everything we emit, in one table; lists and types derive from it. */
import type { Usage } from './chat.js'
import type { AdmissionRecord, ClampRecord, RolePinRecord, RouteReceipt } from './route.js'

export const EVENTS = {
  llmRequest: 'llm:request',
  llmResponse: 'llm:response',
  streamBlockStart: 'llm:stream_block_start',
  streamBlockDelta: 'llm:stream_block_delta',
  streamBlockEnd: 'llm:stream_block_end',
  streamAborted: 'llm:stream_aborted',
  retry: 'provider:retry',
  throttle: 'provider:throttle',
  resolve: 'provider:resolve',
  fallback: 'provider:fallback',
  toolSequenceRepaired: 'provider:tool_sequence_repaired',
  incompleteContinuation: 'provider:incomplete_continuation',
  admission: 'provider:admission',
  matrixLoaded: 'routing:matrix-loaded',
  intentClamped: 'routing:intent-clamped',
  rolePinReasserted: 'routing:role-pin-reasserted',
} as const

export type EventKey = keyof typeof EVENTS
export type EventName = (typeof EVENTS)[EventKey]
export type StreamBlockType = 'text' | 'thinking' | 'tool_use'

export interface EventPayloads {
  /** `operation`: of a call that makes a checkpoint */
  llmRequest: { provider: string; model: string; operation?: 'compaction'; message_count: number; raw?: unknown }
  llmResponse: {
    provider: string
    model: string
    operation?: 'compaction'
    status: 'ok' | 'error'
    duration_ms: number
    usage?: Pick<Usage, 'input_tokens' | 'output_tokens' | 'reasoning_tokens' | 'cache_read_tokens' | 'cache_write_tokens'>
    /** with `ok`: as in the response's metadata */
    route?: RouteReceipt
    error?: string
    /** the error's kind */
    error_type?: string
    raw?: unknown
  }
  streamBlockStart: { request_id: string; block_index: number; block_type: StreamBlockType; name?: string }
  streamBlockDelta: {
    request_id: string
    block_index: number
    block_type: StreamBlockType
    /** from 0 per block */
    sequence: number
    text: string
  }
  streamBlockEnd: { request_id: string; block_index: number; block_type: StreamBlockType }
  streamAborted: { request_id: string; error: { type: string; msg: string } }
  retry: {
    provider: string
    model: string
    /** from 1 */
    attempt: number
    max_retries: number
    /** seconds */
    delay: number
    error_type: string
    error_message: string
  }
  throttle: {
    provider: string
    model: string
    reason: string
    retry_after?: number
    concurrency?: number
    /** seconds until the next try */
    delay: number
    /** what there is too much of */
    dimension: 'requests'
    /** the backend names neither its limit nor what is left: none, until the wait is over */
    remaining: 0
  }
  resolve: { provider: string; route: RouteReceipt }
  fallback: {
    provider: string
    role: string
    from_model: string
    to_model: string | null
    reason: string
    error_type: string
  }
  toolSequenceRepaired: {
    provider: string
    repair_count: number
    repairs: { tool_call_id: string; tool_name: string }[]
  }
  incompleteContinuation: {
    provider: string
    response_id: string
    reason: string
    continuation_number: number
    max_attempts: number
  }
  /** before a call that gets a lower tier or waits, since a quota window would not last; `role`: absent for a call that names its model */
  admission: { provider: string; role?: string } & Omit<AdmissionRecord, 'waited_ms'>
  matrixLoaded: {
    /** as it was asked for */
    matrix_name: string
    /** null where the matrix came from code */
    matrix_path: string | null
    matrix_source: string | null
    matrix_shadowed: boolean
    shadowed_paths: readonly string[]
  }
  intentClamped: ClampRecord
  rolePinReasserted: RolePinRecord
}

/** Announced to the host on the `observability.events` channel. */
export const OBSERVABILITY_EVENTS: readonly EventName[] = Object.values(EVENTS)
