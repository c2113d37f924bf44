/**
 * The host's chat objects. Field names are the contract's (snake_case) because the objects
 * cross it as JSON; every object keeps fields that are not listed here.
 */

/** JSON as it crosses the contract. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
/** A JSON object whose shape nobody has checked yet. */
export type JsonObject = Record<string, unknown>

export type Role = 'system' | 'developer' | 'user' | 'assistant' | 'function' | 'tool'
export type Visibility = 'internal' | 'developer' | 'user'

interface BlockBase {
  visibility?: Visibility
  [extra: string]: unknown
}

export interface TextBlock extends BlockBase {
  type: 'text'
  text: string
}

/**
 * Reasoning that the model showed. Ours carries `content: [encrypted_content, item_id, provenance]`
 * so that the item can be sent back; see {@link ReasoningProvenance}.
 */
export interface ThinkingBlock extends BlockBase {
  type: 'thinking'
  thinking: string
  signature?: string | null
  content?: unknown[] | null
}

export interface RedactedThinkingBlock extends BlockBase {
  type: 'redacted_thinking'
  data: string
}

export interface ToolCallBlock extends BlockBase {
  type: 'tool_call'
  id: string
  name: string
  input: JsonObject
}

export interface ToolResultBlock extends BlockBase {
  type: 'tool_result'
  tool_call_id: string
  output: unknown
}

export interface ImageBlock extends BlockBase {
  type: 'image'
  /** `{type:"base64", media_type, data}` or `{type:"url", url}` */
  source: JsonObject
}

export interface ReasoningBlock extends BlockBase {
  type: 'reasoning'
  content: unknown[]
  summary: unknown[]
}

export type ContentBlock =
  | TextBlock
  | ThinkingBlock
  | RedactedThinkingBlock
  | ToolCallBlock
  | ToolResultBlock
  | ImageBlock
  | ReasoningBlock

/** Where an encrypted reasoning item came from: it may be sent back only to the same place. */
export interface ReasoningProvenance {
  /** a short hash of the account id, never the id itself */
  account: string
  lane: string
  model_family: string
}

export interface Message {
  role: Role
  content: string | ContentBlock[]
  name?: string | null
  tool_call_id?: string | null
  metadata?: JsonObject | null
  [extra: string]: unknown
}

export interface ToolSpec {
  name: string
  parameters: JsonObject
  description?: string | null
  [extra: string]: unknown
}

export type ResponseFormat =
  | { type: 'text' }
  | { type: 'json' }
  | { type: 'json_schema'; schema?: JsonObject; json_schema?: JsonObject; strict?: boolean | null; name?: string }

export interface ChatRequest {
  messages: Message[]
  tools?: ToolSpec[] | null
  response_format?: ResponseFormat | null
  temperature?: number | null
  top_p?: number | null
  max_output_tokens?: number | null
  conversation_id?: string | null
  stream?: boolean | null
  metadata?: JsonObject | null
  model?: string | null
  tool_choice?: string | JsonObject | null
  stop?: string[] | null
  reasoning_effort?: string | null
  /** seconds of silence on the wire after which the call is given up */
  timeout?: number | null
  [extra: string]: unknown
}

export interface ToolCall {
  id: string
  name: string
  arguments: JsonObject
  [extra: string]: unknown
}

export interface Usage {
  /** gross: cached tokens included */
  input_tokens: number
  output_tokens: number
  total_tokens: number
  reasoning_tokens?: number | null
  cache_read_tokens?: number | null
  cache_write_tokens?: number | null
  /** a decimal as string, never a float */
  cost_usd?: string | null
  [extra: string]: unknown
}

export interface Degradation {
  requested: string
  actual: string
  reason: string
}

export type FinishReason = 'stop' | 'tool_calls' | 'length' | 'content_filter'

export interface ChatResponse {
  content: ContentBlock[]
  tool_calls?: ToolCall[] | null
  usage?: Usage | null
  degradation?: Degradation | null
  finish_reason?: FinishReason | null
  metadata?: JsonObject | null
  [extra: string]: unknown
}
