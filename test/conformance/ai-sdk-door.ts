import type { JSONSchema7, JSONValue, LanguageModelV3CallOptions, LanguageModelV3Message, LanguageModelV3StreamPart, SharedV3ProviderOptions } from '@ai-sdk/provider'
import { createChatGPT } from '../../src/ai-sdk/index.js'
import { readFailure, type OpenDoor, type RecordedEvent } from '../../src/conformance/index.js'
import type { ChatRequest, ChatResponse, ContentBlock, FinishReason, Message } from '../../src/contract/index.js'
import { signInAt } from './sign-in.js'

/** The door for the AI SDK, by its language model interface. */
export const openAiSdkDoor: OpenDoor = async (twin) => {
  const { config, remove } = await signInAt(twin)
  const recorded: RecordedEvent[] = []
  const chatgpt = createChatGPT({ config, warn: () => undefined, onEvent: (event, data) => void recorded.push({ event, data }) })
  const modelOf = (request: ChatRequest) => chatgpt(request.model ?? 'gpt-5.5')
  return {
    async complete(request, { signal }) {
      const { content, usage, finishReason } = await modelOf(request).doGenerate(buildOptions(request, signal))
      const blocks = content.flatMap((part): ContentBlock[] => {
        if (part.type === 'text') return [{ type: 'text', text: part.text, provider: part.providerMetadata }]
        if (part.type === 'reasoning') return [{ type: 'thinking', thinking: part.text, provider: part.providerMetadata }]
        return part.type === 'tool-call' ? [{ type: 'tool_call', id: part.toolCallId, name: part.toolName, input: JSON.parse(part.input) as Record<string, unknown> }] : []
      })
      const [input, output] = [usage.inputTokens.total ?? 0, usage.outputTokens.total ?? 0]
      return {
        content: blocks,
        tool_calls: blocks.flatMap((block) => (block.type === 'tool_call' ? [{ id: block.id, name: block.name, arguments: block.input }] : [])),
        usage: {
          input_tokens: input, output_tokens: output, total_tokens: input + output,
          cache_read_tokens: usage.inputTokens.cacheRead ?? 0, reasoning_tokens: usage.outputTokens.reasoning ?? 0,
        },
        finish_reason: finishReason.unified.replace('-', '_') as FinishReason,
      } satisfies ChatResponse
    },
    async *stream(request, { signal }) {
      const { stream } = await modelOf(request).doStream(buildOptions(request, signal))
      for await (const part of stream as unknown as AsyncIterable<LanguageModelV3StreamPart>) {
        if (part.type === 'error') throw part.error
        if (part.type === 'text-delta') yield part.delta
      }
    },
    events: () => recorded,
    lastErrorOf: readFailure,
    async close() {
      await chatgpt.close()
      await remove()
    },
  }
}

function buildOptions(request: ChatRequest, signal: AbortSignal | undefined): LanguageModelV3CallOptions {
  const { messages, tools, response_format: format, reasoning_effort: effort } = request
  return {
    prompt: messages.map(buildMessage),
    ...(tools ? { tools: tools.map(({ name, description, parameters }) => ({ type: 'function' as const, name, description: description ?? '', inputSchema: parameters as JSONSchema7 })) } : {}),
    ...(format && format.type !== 'text' ? { responseFormat: { type: 'json' as const, ...(format.type === 'json_schema' ? { schema: format.schema as JSONSchema7, name: format.name ?? 'answer' } : {}) } } : {}),
    ...(effort ? { providerOptions: { chatgpt: { reasoningEffort: effort } } } : {}),
    ...(signal ? { abortSignal: signal } : {}),
  }
}

type UserPart = Extract<LanguageModelV3Message, { role: 'user' }>['content'][number]

function buildUserPart(block: ContentBlock): UserPart[] {
  if (block.type === 'text') return [{ type: 'text', text: block.text }]
  return block.type === 'image' ? [{ type: 'file', mediaType: String(block.source.media_type), data: String(block.source.data) }] : []
}

type AssistantPart = Extract<LanguageModelV3Message, { role: 'assistant' }>['content'][number]

function buildMessage({ role, content, tool_call_id: callId, name }: Message): LanguageModelV3Message {
  if (role === 'system') return { role, content: String(content) }
  if (role === 'tool') return { role, content: [{ type: 'tool-result', toolCallId: callId ?? '', toolName: name ?? '', output: { type: 'text', value: String(content) } }] }
  if (role !== 'assistant') return { role: 'user', content: typeof content === 'string' ? [{ type: 'text', text: content }] : content.flatMap(buildUserPart) }
  return {
    role,
    content: (content as ContentBlock[]).flatMap((block): AssistantPart[] => {
      const options = block['provider'] ? { providerOptions: block['provider'] as SharedV3ProviderOptions } : {}
      if (block.type === 'text') return [{ type: 'text' as const, text: block.text, ...options }]
      if (block.type === 'thinking') return [{ type: 'reasoning' as const, text: block.thinking, ...options }]
      return block.type === 'tool_call' ? [{ type: 'tool-call' as const, toolCallId: block.id, toolName: block.name, input: block.input as JSONValue }] : []
    }),
  }
}
