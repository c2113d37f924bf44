/**
 * The host's chat objects. Field names are the contract's (snake_case) because the objects
 * cross it as JSON; every object keeps fields that are not listed here.
 */

/** JSON as it crosses the contract. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
/** A JSON object whose shape nobody has checked yet. */
export type JsonObject = Record<string, unknown>

/** Who a message is from. */
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

/**
 * An item of the answer that the contract has no word for, as the wire had it: a tool that the server runs, a compaction,
 * whatever comes next. Ours adds it to the contract's blocks; in a history it goes back to the backend in its place.
 */
export interface HostedBlock extends BlockBase {
  type: 'hosted'
  item: JsonObject
  /** of an encrypted one `[encrypted_content, item_id, provenance]`, as a thinking block has it */
  content?: unknown[] | null
}

/** One part of a message or an answer. */
export type ContentBlock =
  | TextBlock
  | ThinkingBlock
  | RedactedThinkingBlock
  | ToolCallBlock
  | ToolResultBlock
  | ImageBlock
  | ReasoningBlock
  | HostedBlock

/** Where an encrypted reasoning item came from: it may be sent back only to the same place. */
export interface ReasoningProvenance {
  /** a short hash of the account id, never the id itself */
  account: string
  lane: string
  model_family: string
}

/** One message of the history. The caller's objects are never changed. */
export interface Message {
  role: Role
  content: string | ContentBlock[]
  name?: string | null
  tool_call_id?: string | null
  metadata?: JsonObject | null
  [extra: string]: unknown
}

/** A function that the model may call; `parameters` is its JSON Schema. Other fields (`type`, `strict`, `format`) make hosted and custom tools. */
export interface ToolSpec {
  name: string
  parameters: JsonObject
  description?: string | null
  [extra: string]: unknown
}

/** The form of the answer's text: free, any JSON object, or JSON of a schema. */
export type ResponseFormat =
  | { type: 'text' }
  | { type: 'json' }
  | { type: 'json_schema'; schema?: JsonObject; json_schema?: JsonObject; strict?: boolean | null; name?: string }

/**
 * What a host asks of a provider. Only `messages` is required; what is absent or null comes from the mount's config, then from the model.
 * @example { messages: [{ role: 'user', content: 'Say hello' }], model: 'gpt-5.5:high', conversation_id: 'c1' }
 */
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

/** A call of a tool with its arguments decoded. */
export interface ToolCall {
  id: string
  name: string
  arguments: JsonObject
  [extra: string]: unknown
}

/** Tokens of one answer, its continuations included. */
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

/** Another model than the one that was asked for answered, and why. */
export interface Degradation {
  requested: string
  actual: string
  reason: string
}

/** Why the answer ended: by itself, for its tool calls, at a length limit, or by a policy. */
export type FinishReason = 'stop' | 'tool_calls' | 'length' | 'content_filter'

/** A whole answer. `metadata.route` is the route receipt, `metadata.response_id` the backend's id of it. */
export interface ChatResponse {
  content: ContentBlock[]
  tool_calls?: ToolCall[] | null
  usage?: Usage | null
  degradation?: Degradation | null
  finish_reason?: FinishReason | null
  metadata?: JsonObject | null
  [extra: string]: unknown
}
