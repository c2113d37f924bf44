/** Builds the contract's blocks from the wire's finished items. */
import type { ContentBlock, JsonObject, ReasoningProvenance, TextBlock, ThinkingBlock, ToolCallBlock } from '../contract/index.js'
import { readString } from '../lib/index.js'
import { buildHostedBlock } from './hosted-item.js'
import { decodeArguments, readCallText } from './read-arguments.js'
import { readMessageParts, readReasoningParts } from './read-item-parts.js'

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
