/** The Chat Completions dialect's whole answer, built from the contract's. */
import type { ChatResponse, JsonObject, ToolCall, Usage } from '../contract/index.js'
import { renderArguments } from '../responses/read-arguments.js'

export interface CompletionIdentity {
  /** `chatcmpl-…` */
  id: string
  model: string
  /** seconds since 1970 */
  created: number
}

/** A whole answer as a `chat.completion` object. */
export function toChatCompletion(response: ChatResponse, identity: CompletionIdentity): JsonObject {
  const texts = response.content.flatMap((block) => (block.type === 'text' ? [block] : []))
  const join = (isRefusal: boolean) => texts.filter((block) => (block['refusal'] === true) === isRefusal).map((block) => block.text).join('\n\n')
  const reasoning = response.content.flatMap((block) => (block.type === 'thinking' && block.thinking !== '' ? [block.thinking] : [])).join('\n\n')
  const annotations = texts.flatMap((block) => (Array.isArray(block['annotations']) ? (block['annotations'] as unknown[]) : []))
  const calls = response.tool_calls ?? []
  const refusal = join(true)
  const serviceTier = response.metadata?.['service_tier']
  return {
    ...completionHead(identity, 'chat.completion'),
    choices: [{
      index: 0,
      message: {
        role: 'assistant',
        content: join(false) || null,
        refusal: refusal || null,
        ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
        ...(annotations.length > 0 && { annotations }),
        ...(calls.length > 0 && { tool_calls: calls.map(buildToolCall) }),
      },
      logprobs: null,
      finish_reason: response.finish_reason ?? 'stop',
    }],
    usage: buildCompletionUsage(response.usage),
    ...(typeof serviceTier === 'string' && { service_tier: serviceTier }),
  }
}

export function completionHead(identity: CompletionIdentity, object: string): JsonObject {
  return { id: identity.id, object, created: identity.created, model: identity.model, system_fingerprint: null }
}

function buildToolCall(call: ToolCall): JsonObject {
  if (call['custom'] === true) return { id: call.id, type: 'custom', custom: { name: call.name, input: call.arguments['input'] ?? '' } }
  return { id: call.id, type: 'function', function: { name: call.name, arguments: renderArguments(call.arguments) } }
}

export function buildCompletionUsage(usage: Usage | null | undefined): JsonObject | null {
  if (!usage) return null
  return {
    prompt_tokens: usage.input_tokens,
    completion_tokens: usage.output_tokens,
    total_tokens: usage.total_tokens,
    prompt_tokens_details: { cached_tokens: usage.cache_read_tokens ?? 0 },
    completion_tokens_details: { reasoning_tokens: usage.reasoning_tokens ?? 0 },
  }
}
