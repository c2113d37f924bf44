import { fileURLToPath } from 'node:url'
import * as grpc from '@grpc/grpc-js'
import { load } from '@grpc/proto-loader'
import { readFailure, type FailureReading, type OpenDoor, type RecordedEvent } from '../../src/conformance/index.js'
import type { ChatRequest, ChatResponse, ContentBlock, FinishReason, Message } from '../../src/contract/index.js'
import { createGrpcServer } from '../../src/grpc/index.js'
import { signInAt } from './sign-in.js'

const SECRET = 'made-up-secret'
const ROLES = ['', 'system', 'user', 'assistant', 'tool', 'function', 'developer']

interface WireBlock {
  text_block?: { text: string } | null
  thinking_block?: { thinking: string; content?: string } | null
  tool_call_block?: { id: string; name: string; input_json: string } | null
  image_block?: { source_json: string } | null
}
interface WireResponse {
  content_blocks: WireBlock[]
  tool_calls: { id: string; name: string; arguments_json: string }[]
  usage: Record<'prompt_tokens' | 'completion_tokens' | 'total_tokens' | 'reasoning_tokens' | 'cache_read_tokens', number> | null
  finish_reason: string
  metadata_json: string
}
type StreamClient = grpc.Client & { CompleteStreaming(request: object, metadata: grpc.Metadata): grpc.ClientReadableStream<WireResponse> }

/** The door for kernels in another process, by its protocol; every call is a streaming one, whose last message is the whole answer. */
export const openGrpcServer: OpenDoor = async (twin) => {
  const { config, remove } = await signInAt(twin)
  const door = await createGrpcServer({ secret: SECRET, config })
  const path = fileURLToPath(new URL('../../schemas/amplifier-module.proto', import.meta.url))
  const loaded = grpc.loadPackageDefinition(await load(path, { keepCase: true, defaults: true, oneofs: true }))
  const services = (loaded.amplifier as grpc.GrpcObject).module as Record<string, grpc.ServiceClientConstructor>
  const limits = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 }
  const Provider = services.ProviderService as grpc.ServiceClientConstructor
  const client = new Provider(`127.0.0.1:${door.port}`, grpc.credentials.createInsecure(), limits) as unknown as StreamClient
  const recorded: RecordedEvent[] = []

  async function* call(request: ChatRequest, signal: AbortSignal | undefined): AsyncGenerator<WireResponse> {
    const metadata = new grpc.Metadata()
    metadata.set('x-amplifier-token', SECRET)
    metadata.set('x-amplifier-events', '1')
    const running = client.CompleteStreaming(buildRequest(request), metadata)
    const cancel = () => running.cancel()
    signal?.addEventListener('abort', cancel, { once: true })
    for await (const message of running) {
      const { events = [] } = JSON.parse((message as WireResponse).metadata_json || '{}') as { events?: RecordedEvent[] }
      recorded.push(...events)
      yield message as WireResponse
    }
  }

  return {
    async complete(request, { signal }) {
      let last: WireResponse | undefined
      for await (const message of call(request, signal)) last = message
      if (!last) throw new Error('the call ended without an answer')
      return readResponse(last)
    },
    async *stream(request, { signal }) {
      for await (const message of call(request, signal)) {
        if (message.finish_reason) return
        for (const block of message.content_blocks) if (block.text_block) yield block.text_block.text
      }
    },
    events: () => recorded,
    lastErrorOf: readError,
    async close() {
      client.close()
      await door.close()
      await remove()
    },
  }
}

function buildRequest({ model, messages, tools, response_format: format, reasoning_effort: effort }: ChatRequest): object {
  return {
    model, reasoning_effort: effort ?? '', messages: messages.map(buildMessage),
    tools: (tools ?? []).map(({ name, description, parameters }) => ({ name, description, parameters_json: JSON.stringify(parameters) })),
    ...(format?.type === 'json' ? { response_format: { json: true } } : {}),
    ...(format?.type === 'json_schema' ? { response_format: { json_schema: { schema_json: JSON.stringify(format.schema), strict: format.strict } } } : {}),
  }
}

function buildMessage({ role, content, tool_call_id: callId, name }: Message): object {
  const head = { role: ROLES.indexOf(role), tool_call_id: callId ?? '', name: name ?? '' }
  return typeof content === 'string' ? { ...head, text_content: content } : { ...head, block_content: { blocks: content.map(buildBlock) } }
}

function buildBlock(block: ContentBlock): WireBlock {
  if (block.type === 'thinking') return { thinking_block: { thinking: block.thinking, content: JSON.stringify(block.content) } }
  if (block.type === 'image') return { image_block: { source_json: JSON.stringify(block.source) } }
  return block.type === 'tool_call' ? { tool_call_block: { id: block.id, name: block.name, input_json: JSON.stringify(block.input) } } : { text_block: { text: block.type === 'text' ? block.text : '' } }
}

function readResponse({ content_blocks: blocks, tool_calls: calls, usage, finish_reason: finish }: WireResponse): ChatResponse {
  return {
    content: blocks.flatMap((block): ContentBlock[] => {
      if (block.text_block) return [{ type: 'text', text: block.text_block.text }]
      if (block.thinking_block) return [{ type: 'thinking', thinking: block.thinking_block.thinking, content: JSON.parse(block.thinking_block.content || '[]') as unknown[] }]
      return block.tool_call_block ? [{ type: 'tool_call', id: block.tool_call_block.id, name: block.tool_call_block.name, input: JSON.parse(block.tool_call_block.input_json) as Record<string, unknown> }] : []
    }),
    tool_calls: calls.map((call) => ({ id: call.id, name: call.name, arguments: JSON.parse(call.arguments_json) as Record<string, unknown> })),
    usage: usage && {
      input_tokens: usage.prompt_tokens, output_tokens: usage.completion_tokens, total_tokens: usage.total_tokens,
      cache_read_tokens: usage.cache_read_tokens, reasoning_tokens: usage.reasoning_tokens,
    },
    finish_reason: finish as FinishReason,
  }
}

function readError(error: unknown): FailureReading {
  const { code, metadata } = error as Partial<grpc.ServiceError>
  if (code === grpc.status.CANCELLED) return { kind: 'AbortError', message: 'cancelled' }
  const [whole] = metadata?.get('amplifier-error-bin') ?? []
  return readFailure(whole === undefined ? error : JSON.parse(String(whole)))
}
