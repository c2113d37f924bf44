import type { AnswerEvent } from './block-event.js'
import type { TraceContext } from './call-observer.js'
import type { ChatRequest, ChatResponse, ContentBlock, JsonObject, ReasoningProvenance, ToolCall } from './chat.js'
import type { RouteReceipt } from './route.js'
import type { StreamEvent } from './stream-event.js'

export type ConfigFieldType = 'text' | 'secret' | 'choice' | 'boolean'

/** One question of a host's set-up dialogue. */
export interface ConfigField {
  id: string
  display_name: string
  field_type: ConfigFieldType
  prompt: string
  env_var?: string
  choices?: string[]
  required: boolean
  default?: string
  show_when?: Record<string, string>
  requires_model: boolean
}

/** What a provider says of itself; answered without a call to anybody. */
export interface ProviderInfo {
  id: string
  display_name: string
  credential_env_vars: string[]
  capabilities: string[]
  /** `context_window` and `max_output_tokens` here feed the host's context budget */
  defaults: JsonObject
  config_fields: ConfigField[]
}

/** List prices for a million tokens. */
export interface ModelPricing {
  input: number
  output: number
  cache_read: number
  cache_write: number
  currency: 'USD'
}

/** One model of the account, with its limits in tokens. */
export interface ModelInfo {
  id: string
  display_name: string
  context_window: number
  max_output_tokens: number
  capabilities: string[]
  defaults: JsonObject
  /** `cost_tier`: free, low, medium, high, extreme; ours adds `source` (live, last_good, fallback) and `age_seconds` */
  metadata?: JsonObject
  /** of the metered lane, where the model's price is known */
  pricing?: ModelPricing
  cost_per_input_token?: number | null
  cost_per_output_token?: number | null
}

/** How one call runs, beside what it asks. */
export interface CallOptions {
  signal?: AbortSignal
  /** false leaves `thinking.delta` out of the stream; default true */
  thinking?: boolean
  /** true lets the call go ahead of background calls when the account's places are all taken; default false */
  interactive?: boolean
  /** W3C trace context of who asks: the call's spans are its children where the host traces; never sent to the backend */
  trace?: TraceContext
  /**
   * Is given the wire's own events before anything is made of them, in batches as they came: those of the request
   * that answers, none of an attempt that was repeated. Never called where another provider of the host answers.
   */
  onWireEvents?: (events: readonly { readonly type: string }[], source: WireSource) => void
  /** Is given what the answer's blocks are made of, its items' own events among them, under the terms of {@link onWireEvents}. */
  onBlocks?: (blocks: readonly AnswerEvent[], source: WireSource) => void
}

/** Where a call's wire events come from. */
export interface WireSource {
  /** who the answer's encrypted items are for */
  provenance: ReasoningProvenance
  /** as far as it is known while the answer runs */
  route: RouteReceipt
}

/**
 * A running answer. The iteration never throws: a failure is yielded as one `error` event and ends
 * it, `response()` rejects with the typed error. The call starts with the first `next()` or
 * `response()`; leaving the loop early cancels it.
 */
export interface ResponseStream extends AsyncIterable<StreamEvent> {
  /** Drains what is left and answers the whole response. @throws LLMError */
  response(): Promise<ChatResponse>
}

/** The five protocol methods of the contract, and what ours adds. */
export interface Provider {
  readonly name: string
  getInfo(): ProviderInfo
  /** Waits under the terms of a call: the signal and `total_timeout` end it. @throws LLMError */
  listModels(options?: { signal?: AbortSignal }): Promise<ModelInfo[]>
  /** @throws LLMError */
  complete(request: ChatRequest, options?: CallOptions): Promise<ChatResponse>
  parseToolCalls(response: ChatResponse): ToolCall[]
  stream(request: ChatRequest, options?: CallOptions): ResponseStream
  /** Resolves the roles through the mounted matrix and runs the request on the first candidate that serves. */
  delegate(roles: string | readonly string[], request: ChatRequest, options?: CallOptions): ResponseStream
  close(): Promise<void>
}

export type { ContentBlock }
