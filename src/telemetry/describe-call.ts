import type { Attributes } from '@opentelemetry/api'
import type { ChatResponse, LLMError, Message, ObservedCall } from '../contract/index.js'

/** What is known when a call begins; the same on its metrics. */
export function describeRequest({ route }: ObservedCall, server: Attributes): Attributes {
  return { 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'openai', 'gen_ai.request.model': route.resolved_model, ...server }
}

/** What a call's span says beside that, once it has ended. */
export function describeOutcome({ route, request, sessionId }: ObservedCall, response: ChatResponse | undefined): Attributes {
  const { usage, finish_reason: finish, metadata, degradation } = response ?? {}
  const known: Record<string, string | number | boolean | string[] | null | undefined> = {
    'gen_ai.request.stream': true,
    'gen_ai.conversation.id': request.conversation_id ?? sessionId,
    'gen_ai.output.type': request.response_format && request.response_format.type !== 'text' ? 'json' : undefined,
    'gen_ai.response.id': typeof metadata?.['response_id'] === 'string' ? metadata['response_id'] : undefined,
    'gen_ai.response.model': route.served_model === 'unknown' ? undefined : route.served_model,
    'gen_ai.response.finish_reasons': finish ? [finish] : undefined,
    'gen_ai.usage.input_tokens': usage?.input_tokens,
    'gen_ai.usage.output_tokens': usage?.output_tokens,
    'gen_ai.usage.cache_read.input_tokens': usage?.cache_read_tokens,
    'gen_ai.usage.cache_creation.input_tokens': usage?.cache_write_tokens,
    'gen_ai.usage.reasoning.output_tokens': usage?.reasoning_tokens,
    'amplifier.role': route.role,
    'amplifier.lane': route.lane,
    'amplifier.transport': route.transport,
    'amplifier.retries': Math.max(0, route.attempts.length - 1),
    'amplifier.degraded': degradation ? true : undefined,
  }
  return Object.fromEntries(Object.entries(known).filter((entry): entry is [string, string | number | boolean | string[]] => entry[1] != null))
}

/** The prompt and the answer, for users who ask for them. */
export function describeContent({ request }: ObservedCall, response: ChatResponse | undefined): Attributes {
  const system = request.messages.filter(({ role }) => role === 'system' || role === 'developer')
  const others = request.messages.filter((message) => !system.includes(message))
  return {
    ...(system.length > 0 ? { 'gen_ai.system_instructions': JSON.stringify(system.flatMap(partsOf)) } : {}),
    'gen_ai.input.messages': JSON.stringify(others.map((message) => ({ role: message.role, parts: partsOf(message) }))),
    ...(response
      ? { 'gen_ai.output.messages': JSON.stringify([{ role: 'assistant', parts: partsOf({ role: 'assistant', content: response.content }), finish_reason: response.finish_reason ?? 'stop' }]) }
      : {}),
  }
}

/** Blocks as the conventions' schema of messages has them; what it has no word for is named only. */
function partsOf({ content }: Pick<Message, 'role' | 'content'>): object[] {
  if (typeof content === 'string') return [{ type: 'text', content }]
  return content.map((block) => {
    switch (block.type) {
      case 'text': return { type: 'text', content: block.text }
      case 'thinking': return { type: 'reasoning', content: block.thinking }
      case 'tool_call': return { type: 'tool_call', id: block.id, name: block.name, arguments: block.input }
      case 'tool_result': return { type: 'tool_call_response', id: block.tool_call_id, response: block.output }
      default: return { type: block.type }
    }
  })
}

export const errorType = (error: LLMError): string => (error.code === undefined ? error.name : `${error.name}.${error.code}`)
