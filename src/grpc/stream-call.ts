import { EVENTS, type ChatRequest, type ChatResponse, type StreamEvent, type TraceContext } from '../contract/index.js'
import type { ChatGPTProvider } from '../index.js'
import type { CallEvent, CallEvents } from './call-events.js'
import { openCall } from './open-call.js'
import type { ProtoChatResponse } from './proto-types.js'
import { writeBlock, writeChatResponse } from './write-proto.js'

export interface StreamCall {
  provider: ChatGPTProvider
  request: ChatRequest
  signal: AbortSignal
  /** the span that the caller works in */
  trace: TraceContext | undefined
  events: CallEvents
  /** whether the client asked for the call's events beside the answer */
  withEvents: boolean
  /** the answer is a checkpoint of the request's messages, in its metadata */
  asCheckpoint: boolean
  /** Resolves when the client has room for more. */
  write(message: ProtoChatResponse): Promise<void>
}

/**
 * Sends an answer step by step: each message has only what is new, the last is the whole answer. Events go
 * in `metadata_json` of the messages before the last, which stays what `complete()` answers. @throws LLMError
 */
export async function streamCall(call: StreamCall): Promise<void> {
  const { provider, request, signal, trace, events, withEvents, asCheckpoint, write } = call
  let pending: CallEvent[] = []
  const writeStep = createStepWriter()
  const flush = async (event?: StreamEvent) => {
    const message = event ? writeStep(event) : undefined
    if (!message && pending.length === 0) return
    const caused = pending
    pending = []
    await write({ ...message, ...(caused.length > 0 ? { metadata_json: JSON.stringify({ events: caused }) } : {}) })
  }
  const stream = async (): Promise<ChatResponse> => {
    const answer = openCall(provider, request, { signal, ...(trace ? { trace } : {}) })
    try {
      for await (const event of answer) await flush(event)
      return await answer.response()
    } finally {
      if (!signal.aborted) await flush()
    }
  }
  const compact = async (): Promise<ChatResponse> => {
    try {
      const { message, usage, response_id, route } = await provider.compact(request, { signal })
      return { content: [], usage, finish_reason: 'stop', metadata: { response_id, route, ...message.metadata } }
    } finally {
      if (!signal.aborted) await flush()
    }
  }
  const work = asCheckpoint ? compact : stream
  const take = (event: CallEvent) => {
    pending.push(event)
    // Told before the request is sent: where we die after that, the client knows that it may have run.
    if (event.event === EVENTS.llmRequest) void flush()
  }
  const response = await (withEvents ? events.run(take, work) : work())
  await write(writeChatResponse(response))
}

/** A finished tool call is one block: kernels know no fragments of it. */
function createStepWriter(): (event: StreamEvent) => ProtoChatResponse | undefined {
  const says = joinCharacters()
  const thinks = joinCharacters()
  return (event) => {
    switch (event.type) {
      case 'text.delta': return { content_blocks: [writeBlock({ type: 'text', text: says(event.text) })] }
      case 'thinking.delta': return { content_blocks: [writeBlock({ type: 'thinking', thinking: thinks(event.text), visibility: 'internal' })] }
      case 'message.end': {
        const [thinking, text] = [thinks(), says()]
        const blocks = [
          ...(thinking === '' ? [] : [writeBlock({ type: 'thinking', thinking, visibility: 'internal' })]),
          ...(text === '' ? [] : [writeBlock({ type: 'text', text })]),
        ]
        return blocks.length === 0 ? undefined : { content_blocks: blocks }
      }
      case 'tool_call.end': return { content_blocks: [writeBlock({ type: 'tool_call', id: event.id, name: event.name, input: event.arguments })] }
      default: return undefined
    }
  }
}

/** Protobuf carries whole characters: the first half of one at a delta's end waits for the second; at the end (no text) it is what the whole answer shows for it. */
function joinCharacters(): (text?: string) => string {
  let half = ''
  return (text) => {
    if (text === undefined) return half === '' ? '' : '\uFFFD'
    const joined = half + text
    half = /[\uD800-\uDBFF]$/.test(joined) ? joined.slice(-1) : ''
    return joined.slice(0, joined.length - half.length)
  }
}
