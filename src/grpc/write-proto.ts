import type { ChatResponse, ConfigField, ContentBlock, HostedBlock, ModelInfo, ProviderInfo, RedactedThinkingBlock, ToolCall, Usage } from '../contract/index.js'
import { defined } from '../lib/index.js'
import { packReasoning } from '../dialects/index.js'
import { wellFormed } from '../lib/index.js'
import type { ProtoBlock, ProtoChatResponse, ProtoToolCall, ProtoUsage } from './proto-types.js'

const INT32_MAX = 2_147_483_647
const VISIBILITIES = { developer: 1, internal: 2, user: 3 } as const
/** Choices have no value of their own in the protocol: a string with choices. */
const FIELD_TYPES = { text: 1, choice: 1, boolean: 3, secret: 4 } as const

export function writeProviderInfo(info: ProviderInfo) {
  const { defaults, config_fields: fields, ...rest } = info
  return { ...rest, defaults_json: JSON.stringify(defaults), config_fields: fields.map(writeConfigField) }
}

function writeConfigField(field: ConfigField) {
  const { field_type: type, default: standard, ...rest } = field
  return { ...rest, field_type: FIELD_TYPES[type], ...defined({ default_value: standard }) }
}

export function writeModelInfo(model: ModelInfo) {
  return {
    id: model.id,
    display_name: model.display_name,
    context_window: toInt32(model.context_window),
    max_output_tokens: toInt32(model.max_output_tokens),
    capabilities: model.capabilities,
    defaults_json: JSON.stringify(model.defaults),
    ...(model.pricing ? { pricing_json: JSON.stringify(model.pricing) } : {}),
  }
}

/** A whole answer; its blocks stand in both fields, since kernels still read the deprecated one. */
export function writeChatResponse(response: ChatResponse): ProtoChatResponse {
  const { degradation, usage, metadata } = response
  return {
    content: JSON.stringify(response.content.map((block) => (block.type === 'hosted' ? packHosted(block) : block))),
    content_blocks: response.content.map(writeBlock),
    tool_calls: (response.tool_calls ?? []).map(writeToolCall),
    ...(usage ? { usage: writeUsage(usage) } : {}),
    ...(degradation ? { degradation } : {}),
    ...(response.finish_reason ? { finish_reason: response.finish_reason } : {}),
    ...(metadata ? { metadata_json: JSON.stringify(metadata) } : {}),
  }
}

export function writeToolCall(call: ToolCall): ProtoToolCall {
  return { id: wellFormed(call.id), name: wellFormed(call.name), arguments_json: JSON.stringify(call.arguments) }
}

function writeUsage(usage: Usage): ProtoUsage {
  const { reasoning_tokens: reasoning, cache_read_tokens: read, cache_write_tokens: written } = usage
  return {
    prompt_tokens: toInt32(usage.input_tokens),
    completion_tokens: toInt32(usage.output_tokens),
    total_tokens: toInt32(usage.total_tokens),
    ...(typeof reasoning === 'number' ? { reasoning_tokens: toInt32(reasoning) } : {}),
    ...(typeof read === 'number' ? { cache_read_tokens: toInt32(read) } : {}),
    ...(typeof written === 'number' ? { cache_creation_tokens: toInt32(written) } : {}),
    ...(usage.cost_usd ? { cost_usd: usage.cost_usd } : {}),
  }
}

/**
 * One block; structured parts travel as JSON text, provenance of a thinking block among them. Text is well-formed: strict
 * readers refuse a message with half a character, with all that stands beside it.
 */
export function writeBlock(block: ContentBlock): ProtoBlock {
  return { ...writeKind(block), ...(block.visibility ? { visibility: VISIBILITIES[block.visibility] } : {}) }
}

function writeKind(block: ContentBlock): ProtoBlock {
  switch (block.type) {
    case 'text': return { text_block: { text: wellFormed(block.text) } }
    case 'thinking': return {
      thinking_block: {
        thinking: wellFormed(block.thinking),
        ...(block.signature ? { signature: block.signature } : {}),
        ...(block.content ? { content: JSON.stringify(block.content) } : {}),
      },
    }
    case 'redacted_thinking': return { redacted_thinking_block: { data: block.data } }
    // The protocol has no such block: kernels keep a redacted thought whole, and send it back.
    case 'hosted': return { redacted_thinking_block: { data: packHosted(block).data } }
    case 'tool_call': return { tool_call_block: { id: wellFormed(block.id), name: wellFormed(block.name), input_json: JSON.stringify(block.input) } }
    case 'tool_result': return { tool_result_block: { tool_call_id: block.tool_call_id, output_json: JSON.stringify(block.output ?? null) } }
    case 'image': return { image_block: { media_type: String(block.source.media_type ?? ''), source_json: JSON.stringify(block.source) } }
    case 'reasoning': return {
      reasoning_block: {
        content: block.content.map((item) => JSON.stringify(item ?? null)),
        summary: block.summary.map((item) => JSON.stringify(item ?? null)),
      },
    }
  }
}

/** Only `data` survives the way through a kernel. */
function packHosted({ item, content }: HostedBlock): RedactedThinkingBlock {
  return { type: 'redacted_thinking', data: packReasoning([item, content ?? null]) }
}

function toInt32(value: number): number {
  return Math.max(-INT32_MAX - 1, Math.min(INT32_MAX, Math.trunc(value)))
}
