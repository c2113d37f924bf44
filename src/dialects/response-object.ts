/** The Responses dialect's own objects, built from the contract's: items, usage and the response around them. */
import type { ChatResponse, ContentBlock, JsonObject, Usage } from '../contract/index.js'
import { packReasoning } from '../responses/pack-reasoning.js'
import { renderArguments } from '../responses/read-arguments.js'

export interface ResponseIdentity {
  /** `resp_…` */
  responseId: string
  model: string
  /** seconds since 1970 */
  createdAt: number
  /** what the response says of its request, over the defaults */
  echo?: JsonObject
}

export type ResponseStatus = 'in_progress' | 'completed' | 'incomplete' | 'failed'

/** A response object with every field that the dialect's clients expect to find. */
export function buildResponseObject(identity: ResponseIdentity, status: ResponseStatus, fields: JsonObject = {}): JsonObject {
  return {
    id: identity.responseId,
    object: 'response',
    created_at: identity.createdAt,
    completed_at: null,
    status,
    background: false,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: null,
    max_tool_calls: null,
    model: identity.model,
    output: [],
    parallel_tool_calls: true,
    presence_penalty: 0,
    frequency_penalty: 0,
    previous_response_id: null,
    prompt_cache_key: null,
    reasoning: { effort: null, summary: null },
    safety_identifier: null,
    service_tier: 'default',
    store: false,
    temperature: 1,
    text: { format: { type: 'text' } },
    tool_choice: 'auto',
    tools: [],
    top_logprobs: 0,
    top_p: 1,
    truncation: 'disabled',
    usage: null,
    metadata: {},
    ...identity.echo,
    ...fields,
  }
}

export function buildResponseUsage(usage: Usage | null | undefined): JsonObject | null {
  if (!usage) return null
  return {
    input_tokens: usage.input_tokens,
    input_tokens_details: { cached_tokens: usage.cache_read_tokens ?? 0 },
    output_tokens: usage.output_tokens,
    output_tokens_details: { reasoning_tokens: usage.reasoning_tokens ?? 0 },
    total_tokens: usage.total_tokens,
  }
}

/** The status and its reason that a finish reason stands for. */
export function readEnd(response: ChatResponse | undefined): { status: ResponseStatus; reason?: string } {
  if (response?.finish_reason === 'length') return { status: 'incomplete', reason: 'max_output_tokens' }
  if (response?.finish_reason === 'content_filter') return { status: 'incomplete', reason: 'content_filter' }
  return { status: 'completed' }
}

/** The dialect's item for a block of an answer; undefined for blocks that no answer of it has. */
export function buildOutputItem(block: ContentBlock, id: string): JsonObject | undefined {
  switch (block.type) {
    case 'text':
      return { id, type: 'message', status: 'completed', role: 'assistant', content: [buildTextPart(block)], ...(block['phase'] !== undefined && { phase: block['phase'] }) }
    case 'thinking':
      return {
        id, type: 'reasoning', summary: block.thinking === '' ? [] : [{ type: 'summary_text', text: block.thinking }],
        ...(Array.isArray(block.content) && { encrypted_content: packReasoning(block.content) }),
      }
    case 'tool_call':
      return block['custom'] === true
        ? { id, type: 'custom_tool_call', status: 'completed', call_id: block.id, name: block.name, input: block.input['input'] ?? '' }
        : { id, type: 'function_call', status: 'completed', call_id: block.id, name: block.name, arguments: renderArguments(block.input) }
    case 'hosted':
      return { ...block.item, id, ...(Array.isArray(block.content) && { encrypted_content: packReasoning(block.content) }) }
    default:
      return undefined
  }
}

export function buildTextPart(block: JsonObject): JsonObject {
  if (block['refusal'] === true) return { type: 'refusal', refusal: block['text'] }
  return { type: 'output_text', text: block['text'], annotations: block['annotations'] ?? [], logprobs: block['logprobs'] ?? [] }
}
