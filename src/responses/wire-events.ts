/**
 * The wire's events, as far as an answer depends on them. The wire's own union is open: what is not
 * listed here, `decodeEvent` passes over, and `readOtherEvent` keeps. An event is the parsed JSON itself, so fields that
 * are not listed are still there.
 */
import type { JsonObject } from '../contract/index.js'

/** How an event names the item it speaks of: by position, by id, or (some gateways) not at all. */
export interface ItemReference {
  output_index?: number
  item_id?: string
  call_id?: string
}

export interface TextDelta extends ItemReference {
  type: 'response.output_text.delta' | 'response.refusal.delta'
  content_index?: number
  delta: string
  logprobs?: unknown
}

export interface ReasoningDelta extends ItemReference {
  type: 'response.reasoning_summary_text.delta' | 'response.reasoning_text.delta'
  summary_index?: number
  content_index?: number
  delta: string
}

interface ArgumentsDelta extends ItemReference {
  type: 'response.function_call_arguments.delta' | 'response.custom_tool_call_input.delta'
  delta: string
}

export interface TextDone extends ItemReference {
  type: 'response.output_text.done' | 'response.refusal.done'
  content_index?: number
  text?: string
  refusal?: string
}

export interface ReasoningDone extends ItemReference {
  type: 'response.reasoning_summary_text.done' | 'response.reasoning_text.done'
  summary_index?: number
  content_index?: number
  text: string
}

interface ArgumentsDone extends ItemReference {
  type: 'response.function_call_arguments.done' | 'response.custom_tool_call_input.done'
  /** JSON text; some servers send the object itself */
  arguments?: unknown
  input?: unknown
}

export interface PartEvent extends ItemReference {
  type:
    | 'response.content_part.added'
    | 'response.content_part.done'
    | 'response.reasoning_summary_part.added'
    | 'response.reasoning_summary_part.done'
  content_index?: number
  summary_index?: number
  part: JsonObject
}

export interface AnnotationEvent extends ItemReference {
  type: 'response.output_text.annotation.added'
  content_index?: number
  annotation: unknown
}

export interface ItemEvent extends ItemReference {
  type: 'response.output_item.added' | 'response.output_item.done'
  item: JsonObject & { type: string }
}

export interface LifecycleEvent {
  type: 'response.created' | 'response.in_progress' | 'response.queued'
  response: JsonObject
}

/** `response.done` is the older twin of `response.completed`. */
export interface TerminalEvent {
  type:
    | 'response.completed'
    | 'response.done'
    | 'response.incomplete'
    | 'response.failed'
    | 'response.cancelled'
  response: JsonObject
}

/** Either shape of the wire's error frame, brought to one. */
export interface ErrorEvent {
  type: 'error'
  /** the HTTP status that the frame stands for */
  status?: number
  /** lower-cased names */
  headers?: Record<string, string>
  /** `code`, `type`, `message`, `param` and whatever else it says; empty for a bare `{"type":"error"}` */
  error: JsonObject
}

/** Headers that came after the head of the answer was sent. */
interface MetadataEvent {
  type: 'response.metadata' | 'codex.response.metadata'
  /** lower-cased names */
  headers: Record<string, string>
  metadata?: unknown
}

/** What it says of quota windows is read by who keeps them. */
interface RateLimitsEvent {
  type: 'codex.rate_limits'
}

/** Any other event, as it came: a hosted tool's progress, or newer than this code. */
export interface OtherEvent {
  readonly type: string
  readonly [field: string]: unknown
}

export type WireEvent =
  | TextDelta
  | ReasoningDelta
  | ArgumentsDelta
  | TextDone
  | ReasoningDone
  | ArgumentsDone
  | PartEvent
  | AnnotationEvent
  | ItemEvent
  | LifecycleEvent
  | TerminalEvent
  | ErrorEvent
  | MetadataEvent
  | RateLimitsEvent
