/** StreamEvent v1: one per step of an answer, `seq` counting from 0 without gaps. */
import type { Degradation, JsonObject, Usage, Visibility } from './chat.js'

interface StreamEventBase {
  /** ISO 8601 */
  ts: string
  session_id: string
  seq: number
  turn_id?: string
  span_id?: string
  parent_span_id?: string
  visibility?: Visibility
}

/** What an `error` event and the `llm:*` events say of a failure: no body, no secret. */
export interface StreamErrorInfo {
  /** the error's kind, equal to `LLMError.name` */
  type: string
  message: string
  code?: string
  retryable: boolean
  /** seconds */
  retry_after?: number
  request_id?: string
  /** the request was sent and nothing proves that it did not run */
  may_have_run?: boolean
}

export type StreamEventBody =
  | { type: 'message.start' }
  | { type: 'text.delta'; text: string }
  /** our one addition to the schema's list: consumers that don't know it pass it over */
  | { type: 'thinking.delta'; text: string; visibility: 'internal' }
  | { type: 'tool_call.start'; id: string; name: string }
  | { type: 'tool_call.delta'; id: string; arguments_fragment: string }
  | { type: 'tool_call.end'; id: string; name: string; arguments: JsonObject }
  | { type: 'message.end'; usage: Usage | null; degradations: Degradation[] }
  | { type: 'error'; error: StreamErrorInfo }

export type StreamEvent = StreamEventBase & StreamEventBody
