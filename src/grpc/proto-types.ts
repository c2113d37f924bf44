/** The messages as the loader decodes them: kept names, defaults filled in, enums as numbers. */
export interface ProtoBlock {
  text_block?: { text: string } | null
  thinking_block?: { thinking: string; signature?: string; content?: string } | null
  redacted_thinking_block?: { data: string } | null
  tool_call_block?: { id: string; name: string; input_json: string } | null
  tool_result_block?: { tool_call_id: string; output_json: string } | null
  image_block?: { media_type: string; data?: Uint8Array; source_json: string } | null
  reasoning_block?: { content: string[]; summary: string[] } | null
  visibility?: number
}

export interface ProtoMessage {
  role: number
  text_content?: string
  block_content?: { blocks: ProtoBlock[] } | null
  name: string
  tool_call_id: string
  metadata_json: string
}

export interface ProtoToolCall {
  id: string
  name: string
  arguments_json: string
}

export interface ProtoChatRequest {
  messages: ProtoMessage[]
  tools: { name: string; description: string; parameters_json: string }[]
  response_format?: { text?: boolean; json?: boolean; json_schema?: { schema_json: string; strict: boolean } | null } | null
  temperature: number
  top_p: number
  max_output_tokens: number
  conversation_id: string
  stream: boolean
  metadata_json: string
  model: string
  tool_choice: string
  stop: string[]
  reasoning_effort: string
  timeout: number
}

export interface ProtoUsage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
  reasoning_tokens?: number
  cache_read_tokens?: number
  cache_creation_tokens?: number
  cost_usd?: string
}

export interface ProtoChatResponse {
  content?: string
  tool_calls?: ProtoToolCall[]
  usage?: ProtoUsage | null
  degradation?: { requested: string; actual: string; reason: string } | null
  finish_reason?: string
  metadata_json?: string
  content_blocks?: ProtoBlock[]
}

export interface ProtoMountRequest {
  config: Record<string, string>
  module_id: string
}
