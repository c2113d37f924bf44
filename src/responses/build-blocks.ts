/** Builds the contract's blocks from the wire's finished items. */
import type { ContentBlock, JsonObject, ReasoningProvenance, TextBlock, ThinkingBlock, ToolCallBlock } from '../contract/index.js'
import { readString } from '../lib/index.js'
import { decodeArguments, readArgumentsText } from './read-arguments.js'
import { readMessageParts, readReasoningParts } from './read-item-parts.js'

/** The blocks of one item in its order; none for kinds that the contract has no block for. */
export function buildBlocks(item: JsonObject, provenance: ReasoningProvenance, position: number): ContentBlock[] {
  switch (item['type']) {
    case 'message':
      return buildText(item)
    case 'reasoning':
      return buildThinking(item, provenance)
    case 'function_call':
    case 'custom_tool_call':
      return buildToolCall(item, position)
    default:
      return []
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
      ...(isRefusal ? { refusal: true } : {}),
      ...(phase === undefined ? {} : { phase }),
      ...(Array.isArray(annotations) && annotations.length > 0 ? { annotations: annotations as unknown[] } : {}),
      ...(Array.isArray(logprobs) && logprobs.length > 0 ? { logprobs: logprobs as unknown[] } : {}),
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

function buildToolCall(item: JsonObject, position: number): ToolCallBlock[] {
  const name = readString(item, 'name')
  if (!name) return []
  const isCustom = item['type'] === 'custom_tool_call'
  const text = readArgumentsText(item['arguments'] ?? item['input']) ?? ''
  const namespace = readString(item, 'namespace')
  return [{
    type: 'tool_call',
    id: readString(item, 'call_id') || readString(item, 'id') || `call_${position}`,
    name,
    input: decodeArguments(text, isCustom ? 'custom' : 'function'),
    ...(isCustom ? { custom: true } : {}),
    ...(namespace === undefined ? {} : { namespace }),
  }]
}
