import {
  InvalidRequestError, type ChatRequest, type ChatResponse, type ContentBlock, type JsonObject, type Message, type ResponseFormat,
  type Role, type ToolCall, type Visibility,
} from '../contract/index.js'
import { isRecord, parseJson } from '../lib/index.js'
import type { CallOrder } from './call-order.js'
import type { ProtoBlock, ProtoChatRequest, ProtoChatResponse, ProtoMessage, ProtoToolCall } from './proto-types.js'

const ROLES: readonly (Role | undefined)[] = [undefined, 'system', 'user', 'assistant', 'tool', 'function', 'developer']
const VISIBILITIES: readonly (Visibility | undefined)[] = [undefined, 'developer', 'internal', 'user']

/** A kernel's request in the contract's words; false, zero and empty mean absent. @throws InvalidRequestError */
export function readChatRequest(proto: ProtoChatRequest, calls: CallOrder): ChatRequest {
  const responseFormat = readResponseFormat(proto.response_format)
  const metadata = proto.metadata_json ? readObject(proto.metadata_json, 'metadata_json') : undefined
  const choice = proto.tool_choice.startsWith('{') ? parseJson(proto.tool_choice) : undefined
  return {
    messages: proto.messages.map((message, index) => readMessage(message, index, calls)),
    ...(proto.tools.length > 0 ? { tools: proto.tools.map(readTool) } : {}),
    ...(responseFormat ? { response_format: responseFormat } : {}),
    ...(proto.temperature ? { temperature: proto.temperature } : {}),
    ...(proto.top_p ? { top_p: proto.top_p } : {}),
    ...(proto.max_output_tokens ? { max_output_tokens: proto.max_output_tokens } : {}),
    ...(proto.conversation_id ? { conversation_id: proto.conversation_id } : {}),
    ...(proto.stream ? { stream: true } : {}),
    ...(metadata ? { metadata } : {}),
    ...(proto.model ? { model: proto.model } : {}),
    ...(proto.tool_choice ? { tool_choice: isRecord(choice) ? choice : proto.tool_choice } : {}),
    ...(proto.stop.length > 0 ? { stop: proto.stop } : {}),
    ...(proto.reasoning_effort ? { reasoning_effort: proto.reasoning_effort } : {}),
    ...(proto.timeout ? { timeout: proto.timeout } : {}),
  }
}

function readMessage(proto: ProtoMessage, index: number, calls: CallOrder): Message {
  const role = ROLES[proto.role]
  if (!role) throw new InvalidRequestError(`messages[${index}].role: ${proto.role} is no role`, { code: 'invalid_role' })
  return {
    role,
    content: proto.block_content ? proto.block_content.blocks.map((block) => restoreOrder(readBlock(block), calls)) : (proto.text_content ?? ''),
    ...(proto.name ? { name: proto.name } : {}),
    ...(proto.tool_call_id ? { tool_call_id: proto.tool_call_id } : {}),
    ...(proto.metadata_json ? { metadata: readObject(proto.metadata_json, `messages[${index}].metadata_json`) } : {}),
  }
}

function restoreOrder(block: ContentBlock, calls: CallOrder): ContentBlock {
  return block.type === 'tool_call' ? { ...block, input: calls.keep(block.id, block.input) } : block
}

function readTool(proto: ProtoChatRequest['tools'][number]) {
  return {
    name: proto.name,
    parameters: proto.parameters_json ? readObject(proto.parameters_json, `tools.${proto.name}.parameters_json`) : {},
    ...(proto.description ? { description: proto.description } : {}),
  }
}

function readResponseFormat(proto: ProtoChatRequest['response_format']): ResponseFormat | undefined {
  if (proto?.json_schema) {
    const { schema_json: schema, strict } = proto.json_schema
    return { type: 'json_schema', schema: readObject(schema || '{}', 'response_format.json_schema.schema_json'), ...(strict ? { strict } : {}) }
  }
  if (proto?.json) return { type: 'json' }
  return proto?.text ? { type: 'text' } : undefined
}

/** One block of a message. @throws InvalidRequestError where it has no kind */
export function readBlock(proto: ProtoBlock): ContentBlock {
  const visibility = VISIBILITIES[proto.visibility ?? 0]
  return { ...readKind(proto), ...(visibility ? { visibility } : {}) }
}

function readKind(proto: ProtoBlock): ContentBlock {
  if (proto.text_block) return { type: 'text', text: proto.text_block.text }
  if (proto.thinking_block) {
    const { thinking, signature, content } = proto.thinking_block
    const parsed = content ? parseJson(content) : undefined
    return { type: 'thinking', thinking, ...(signature ? { signature } : {}), ...(Array.isArray(parsed) ? { content: parsed } : {}) }
  }
  if (proto.redacted_thinking_block) return { type: 'redacted_thinking', data: proto.redacted_thinking_block.data }
  if (proto.tool_call_block) {
    const { id, name, input_json: input } = proto.tool_call_block
    return { type: 'tool_call', id, name, input: readArguments(input) }
  }
  if (proto.tool_result_block) {
    const { tool_call_id: id, output_json: output } = proto.tool_result_block
    return { type: 'tool_result', tool_call_id: id, output: readLoosely(output) }
  }
  if (proto.image_block) return { type: 'image', source: readSource(proto.image_block) }
  if (proto.reasoning_block) {
    const { content, summary } = proto.reasoning_block
    return { type: 'reasoning', content: content.map(readLoosely), summary: summary.map(readLoosely) }
  }
  throw new InvalidRequestError('a content block has no kind', { code: 'invalid_block' })
}

/** Kernels read `source_json` alone; whoever fills in the bytes instead is understood too. */
function readSource(proto: NonNullable<ProtoBlock['image_block']>): JsonObject {
  if (proto.source_json) return readObject(proto.source_json, 'image_block.source_json')
  return { type: 'base64', media_type: proto.media_type, data: Buffer.from(proto.data ?? []).toString('base64') }
}

/** An answer handed back to us, from either of the fields its blocks may stand in. */
export function readChatResponse(proto: ProtoChatResponse): ChatResponse {
  const blocks = proto.content_blocks ?? []
  const written = proto.content ? parseJson(proto.content) : undefined
  return {
    // A JSON array of blocks is what the deprecated field holds; anything else in it is text.
    content: blocks.length > 0 ? blocks.map(readBlock)
      : Array.isArray(written) ? (written as ContentBlock[])
        : proto.content ? [{ type: 'text', text: proto.content }] : [],
    ...(proto.tool_calls?.length ? { tool_calls: proto.tool_calls.map(readToolCall) } : {}),
  }
}

function readToolCall(proto: ProtoToolCall): ToolCall {
  return { id: proto.id, name: proto.name, arguments: readArguments(proto.arguments_json) }
}

function readArguments(text: string): JsonObject {
  const value = text ? parseJson(text) : {}
  return isRecord(value) ? value : { _raw: text }
}

function readLoosely(text: string): unknown {
  return parseJson(text) ?? (text === 'null' ? null : text)
}

/** With its keys sorted: the Rust kernel sends them in another order each time, and a tool that reads differently breaks the prompt cache. */
function readObject(text: string, field: string): JsonObject {
  const value = parseJson(text)
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
  throw new InvalidRequestError(`${field} must be the JSON text of an object`, { code: 'invalid_json' })
}

/** What the protocol takes for absent and the client means: `x-amplifier-fields`, JSON of temperature, top_p and timeout. */
export function readLostFields(text: { toString(): string } | undefined): Pick<ChatRequest, 'temperature' | 'top_p' | 'timeout'> {
  const fields = parseJson(text?.toString() ?? '')
  if (!isRecord(fields)) return {}
  return {
    ...(fields['temperature'] === 0 ? { temperature: 0 } : {}),
    ...(fields['top_p'] === 0 ? { top_p: 0 } : {}),
    ...(fields['timeout'] === null ? { timeout: null } : {}),
  }
}
