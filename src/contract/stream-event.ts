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
  /** our additions to the schema's list, this and `hosted.*`: consumers that don't know them pass them over */
  | { type: 'thinking.delta'; text: string; visibility: 'internal' }
  | { type: 'tool_call.start'; id: string; name: string }
  | { type: 'tool_call.delta'; id: string; arguments_fragment: string }
  | { type: 'tool_call.end'; id: string; name: string; arguments: JsonObject }
  /** an item that the contract has no word for begins: `name` is its type, such as `web_search_call` */
  | { type: 'hosted.start'; name: string }
  /** the wire's own event of it, such as `response.web_search_call.searching` */
  | { type: 'hosted.progress'; name: string; event: JsonObject }
  /** `item` is the raw item, as `ChatResponse.content` has it in a hosted block; absent where the answer ended before it did */
  | { type: 'hosted.end'; name: string; item?: JsonObject }
  | { type: 'message.end'; usage: Usage | null; degradations: Degradation[] }
  | { type: 'error'; error: StreamErrorInfo }

export type StreamEvent = StreamEventBase & StreamEventBody
