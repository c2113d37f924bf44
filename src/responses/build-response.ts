/** The contract's response from the wire's `response` object and the blocks of its items. */
import type { ChatResponse, ContentBlock, FinishReason, JsonObject, ToolCall } from '../contract/index.js'
import { readString } from '../lib/index.js'
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
  return { ...rest, arguments: input }
}

function finishReason(terminal: Terminal | undefined, callCount: number): FinishReason {
  if (callCount > 0) return 'tool_calls'
  if (terminal?.kind !== 'incomplete') return 'stop'
  if (terminal.reason === 'max_output_tokens') return 'length'
  return terminal.reason === 'content_filter' ? 'content_filter' : 'stop'
}
