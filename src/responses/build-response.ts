/** The contract's response, and its blocks, from the wire's `response` object and its finished items. */
import type { ChatResponse, ContentBlock, FinishReason, JsonObject, ReasoningProvenance, TextBlock, ThinkingBlock, ToolCall, ToolCallBlock } from '../contract/index.js'
import { readString } from '../lib/index.js'
import { buildHostedBlock } from './hosted-item.js'
import { decodeArguments, readCallText } from './read-arguments.js'
import { readMessageParts, readReasoningParts } from './read-item-parts.js'
import type { Terminal } from './read-terminal.js'
import { readUsage } from './read-usage.js'

export function buildResponse(content: ContentBlock[], wire: JsonObject, terminal: Terminal | undefined): ChatResponse {
  const calls = content.flatMap((block) => (block.type === 'tool_call' ? [toToolCall(block)] : []))
  const serviceTier = readString(wire, 'service_tier')
  const endTurn = wire['end_turn']
  const metadata: JsonObject = { response_id: readString(wire, 'id') ?? null }
  if (typeof endTurn === 'boolean') metadata['end_turn'] = endTurn
  if (serviceTier !== undefined) metadata['service_tier'] = serviceTier
  const response: ChatResponse = { content, usage: readUsage(wire['usage']) ?? null, finish_reason: finishReason(terminal, calls.length), metadata }
  if (calls.length > 0) response.tool_calls = calls
  return response
}

function toToolCall(block: ContentBlock & { type: 'tool_call' }): ToolCall {
  const { type: _type, input, ...rest } = block
  return { arguments: input, ...rest }
}

function finishReason(terminal: Terminal | undefined, callCount: number): FinishReason {
  if (callCount > 0) return 'tool_calls'
  if (terminal?.kind !== 'incomplete') return 'stop'
  if (terminal.reason === 'max_output_tokens') return 'length'
  return terminal.reason === 'content_filter' ? 'content_filter' : 'stop'
}

/** The blocks of one item in its order. */
export function buildBlocks(item: JsonObject, provenance: ReasoningProvenance, call: { blockId: string; name: string }): ContentBlock[] {
  switch (item['type']) {
    case 'message':
      return buildText(item)
    case 'reasoning':
      return buildThinking(item, provenance)
    case 'function_call':
    case 'custom_tool_call':
      return buildToolCall(item, call)
    default:
      return [buildHostedBlock(item, provenance)]
  }
}

function buildText(item: JsonObject): TextBlock[] {
  const phase = readString(item, 'phase')
  return readMessageParts(item).flatMap(({ text, isRefusal, fields }) => {
    if (text === '') return []
    const { annotations, logprobs } = fields
    return [{
      type: 'text',
      text,
      ...(isRefusal && { refusal: true }),
      ...(phase !== undefined && { phase }),
      ...(Array.isArray(annotations) && annotations.length > 0 && { annotations: annotations as unknown[] }),
      ...(Array.isArray(logprobs) && logprobs.length > 0 && { logprobs: logprobs as unknown[] }),
    }]
  })
}

/** A thought that shows nothing is kept where it can be sent back. */
function buildThinking(item: JsonObject, provenance: ReasoningProvenance): ThinkingBlock[] {
  const thinking = readReasoningParts(item).map((part) => part.text).join('\n\n')
  const encrypted = readString(item, 'encrypted_content')
  if (!encrypted) return thinking === '' ? [] : [{ type: 'thinking', thinking }]
  return [{ type: 'thinking', thinking, content: [encrypted, readString(item, 'id') ?? null, { ...provenance }] }]
}

function buildToolCall(item: JsonObject, { blockId, name }: { blockId: string; name: string }): ToolCallBlock[] {
  const isCustom = item['type'] === 'custom_tool_call'
  const namespace = readString(item, 'namespace')
  return [{
    type: 'tool_call',
    id: blockId,
    name,
    input: decodeArguments(readCallText(item), isCustom ? 'custom' : 'function'),
    ...(isCustom && { custom: true }),
    ...(namespace !== undefined && { namespace }),
  }]
}
