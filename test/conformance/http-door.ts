import OpenAI from 'openai'
import type { FailureReading, OpenDoor } from '../../src/conformance/index.js'
import type { ChatRequest, ChatResponse, ContentBlock, Message } from '../../src/contract/index.js'
import { createHttpServer } from '../../src/http/index.js'
import { mountOnTwin } from '../support/mounted.js'

const KEY = 'local-made-up-key'
type Item = Record<string, unknown>

/** The door for OpenAI clients, through their own package and the Responses dialect. */
export const openHttpDoor: OpenDoor = async (twin) => {
  const mounted = await mountOnTwin({ on: twin, config: { max_retries: 0 } })
  const door = await createHttpServer({ provider: mounted.provider, key: KEY })
  const client = new OpenAI({ apiKey: KEY, baseURL: door.baseUrl, maxRetries: 0 })
  return {
    async complete(request, { signal }) {
      const body = buildBody(request) as unknown as OpenAI.Responses.ResponseCreateParamsNonStreaming
      return readResponse(await client.responses.create(body, { signal }))
    },
    async *stream(request, { signal }) {
      const body = buildBody(request) as unknown as OpenAI.Responses.ResponseCreateParamsNonStreaming
      const stream = client.responses.stream({ ...body, stream: true }, { signal })
      for await (const event of stream) if (event.type === 'response.output_text.delta') yield event.delta
      await stream.finalResponse()
    },
    events: () => mounted.events,
    lastErrorOf: readError,
    async close() {
      await door.close()
      await mounted.close()
    },
  }
}

function buildBody({ model, messages, tools, response_format: format, reasoning_effort: effort }: ChatRequest): Item {
  // A system prompt is `instructions` in this dialect; a system message among the items stays one.
  const [first] = messages
  const instructions = first?.role === 'system' && typeof first.content === 'string' ? first.content : undefined
  return {
    model,
    ...(instructions === undefined ? {} : { instructions }),
    input: (instructions === undefined ? messages : messages.slice(1)).flatMap(buildItems),
    ...(tools ? { tools: tools.map((tool) => ({ type: 'function', strict: false, ...tool })) } : {}),
    ...(format ? { text: { format: format.type === 'json' ? { type: 'json_object' } : format } } : {}),
    ...(effort ? { reasoning: { effort } } : {}),
  }
}

function buildItems({ role, content, tool_call_id: callId }: Message): Item[] {
  if (role === 'tool') return [{ type: 'function_call_output', call_id: callId, output: content }]
  if (typeof content === 'string') return [{ type: 'message', role, content }]
  return content.flatMap((block): Item[] => {
    if (block.type === 'text') return [{ type: 'message', role, content: [{ type: role === 'assistant' ? 'output_text' : 'input_text', text: block.text }] }]
    if (block.type === 'image') return [{ type: 'message', role, content: [{ type: 'input_image', image_url: `data:${String(block.source.media_type)};base64,${String(block.source.data)}` }] }]
    if (block.type === 'tool_call') return [{ type: 'function_call', call_id: block.id, name: block.name, arguments: JSON.stringify(block.input) }]
    return block.type === 'thinking' ? [{ type: 'reasoning', summary: [{ type: 'summary_text', text: block.thinking }], encrypted_content: block.content?.[0] }] : []
  })
}

function readResponse(response: OpenAI.Responses.Response): ChatResponse {
  const content = response.output.flatMap((item): ContentBlock[] => {
    if (item.type === 'message') return item.content.flatMap((part) => (part.type === 'output_text' ? [{ type: 'text' as const, text: part.text }] : []))
    if (item.type === 'reasoning') return [{ type: 'thinking', thinking: item.summary.map(({ text }) => text).join('\n\n'), content: [item.encrypted_content] }]
    return item.type === 'function_call' ? [{ type: 'tool_call', id: item.call_id, name: item.name, input: JSON.parse(item.arguments) as Item }] : []
  })
  const calls = content.flatMap((block) => (block.type === 'tool_call' ? [{ id: block.id, name: block.name, arguments: block.input }] : []))
  const { usage } = response
  const reason = response.incomplete_details?.reason
  return {
    content,
    tool_calls: calls,
    finish_reason: reason === 'content_filter' ? reason : reason ? 'length' : calls.length > 0 ? 'tool_calls' : 'stop',
    ...(usage ? {
      usage: {
        input_tokens: usage.input_tokens, output_tokens: usage.output_tokens, total_tokens: usage.total_tokens,
        cache_read_tokens: usage.input_tokens_details.cached_tokens, reasoning_tokens: usage.output_tokens_details.reasoning_tokens,
      },
    } : {}),
  }
}

function readError(error: unknown): FailureReading {
  if (error instanceof OpenAI.APIUserAbortError) return { kind: 'AbortError', message: error.message }
  if (!(error instanceof OpenAI.APIError)) return { kind: 'StreamError', message: String(error) }
  const headers = error.headers as Headers | undefined
  const retryAfter = headers?.get('retry-after')
  return {
    kind: headers?.get('x-error-kind') ?? String(error.type),
    message: error.message,
    ...(retryAfter ? { retryAfter: Number(retryAfter) } : {}),
    ...(error.code ? { code: error.code } : {}),
    status: Number(error.status),
  }
}
