import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream'
import { ResponseStream } from 'openai/lib/responses/ResponseStream'
import { describe, expect, test } from 'vitest'
import type { ChatResponse, StreamEvent, StreamEventBody } from '../../src/contract/index.js'
import {
  createChatCompletionChunkMapper, createResponseEventMapper, packReasoning, responseToEvents, toChatCompletion, toResponseStreamEvents, unpackReasoning,
} from '../../src/dialects/index.js'
import { readRecordings } from '../responses/read-recording.js'

const identity = { responseId: 'resp_1', model: 'gpt-5.5', createdAt: 1_700_000_000 }
const completion = { id: 'chatcmpl-1', model: 'gpt-5.5', created: 1_700_000_000 }
const usage = { input_tokens: 10, output_tokens: 5, total_tokens: 15, cache_read_tokens: 4, reasoning_tokens: 2 }
const provenance = { account: 'a', lane: 'codex', model_family: 'gpt-5' }

const response: ChatResponse = {
  content: [
    { type: 'thinking', thinking: 'Let me see.', content: ['gAAA', 'rs_9', provenance] },
    { type: 'text', text: 'Hello there', annotations: [{ type: 'url_citation', url: 'https://example.com', title: 't', start_index: 0, end_index: 1 }] },
    { type: 'tool_call', id: 'call_1', name: 'read', input: { path: 'a' } },
    { type: 'tool_call', id: 'call_2', name: 'list', input: {} },
  ],
  tool_calls: [{ id: 'call_1', name: 'read', arguments: { path: 'a' } }, { id: 'call_2', name: 'list', arguments: {} }],
  usage, finish_reason: 'tool_calls', metadata: { response_id: 'resp_0', service_tier: 'default' },
}

const bodies: StreamEventBody[] = [
  { type: 'message.start' },
  { type: 'thinking.delta', text: 'Let me ', visibility: 'internal' }, { type: 'thinking.delta', text: 'see.', visibility: 'internal' },
  { type: 'text.delta', text: 'Hello' }, { type: 'text.delta', text: ' there' },
  { type: 'tool_call.start', id: 'call_1', name: 'read' }, { type: 'tool_call.delta', id: 'call_1', arguments_fragment: '{"path":' },
  { type: 'tool_call.start', id: 'call_2', name: 'list' },
  { type: 'tool_call.delta', id: 'call_1', arguments_fragment: ' "a"}' }, { type: 'tool_call.end', id: 'call_1', name: 'read', arguments: { path: 'a' } },
  { type: 'tool_call.end', id: 'call_2', name: 'list', arguments: {} },
  { type: 'message.end', usage, degradations: [] },
]
const stamp = (list: StreamEventBody[]): StreamEvent[] => list.map((body, seq) => ({ ...body, ts: '2026-11-20T12:00:00.000Z', session_id: 's', seq }))
const events = stamp(bodies)

function toReadable(lines: readonly unknown[]): ReadableStream {
  return new ReadableStream({
    start(controller) {
      for (const line of lines) controller.enqueue(new TextEncoder().encode(`${JSON.stringify(line)}\n`))
      controller.close()
    },
  })
}

function mapAll(list: readonly StreamEvent[], whole?: ChatResponse) {
  const mapper = createResponseEventMapper(identity)
  return list.flatMap((event) => mapper.push(event, event.type === 'message.end' ? whole : undefined))
}

describe('the Responses dialect', () => {
  test('says the whole sequence, numbered without gaps', () => {
    const mapped = mapAll(events, response)
    expect(mapped.map((event) => event.sequence_number)).toEqual(mapped.map((_, position) => position))
    expect(mapped.map((event) => event.type)).toEqual([
      'response.created', 'response.in_progress',
      'response.output_item.added', 'response.reasoning_summary_part.added', 'response.reasoning_summary_text.delta', 'response.reasoning_summary_text.delta',
      'response.reasoning_summary_text.done', 'response.reasoning_summary_part.done', 'response.output_item.done',
      'response.output_item.added', 'response.content_part.added', 'response.output_text.delta', 'response.output_text.delta',
      'response.output_text.done', 'response.content_part.done', 'response.output_item.done',
      'response.output_item.added', 'response.function_call_arguments.delta', 'response.output_item.added', 'response.function_call_arguments.delta',
      'response.function_call_arguments.done', 'response.output_item.done', 'response.function_call_arguments.done', 'response.output_item.done',
      'response.completed',
    ])
  })

  test('the official client\'s stream helper reads it unmodified', async () => {
    const stream = ResponseStream.fromReadableStream(toReadable(mapAll(events, response)))
    const deltas: string[] = []
    stream.on('response.output_text.delta', (event) => deltas.push(event.delta))
    const final = await stream.finalResponse()
    expect(deltas).toEqual(['Hello', ' there'])
    expect(final.output_text).toBe('Hello there')
    expect(final.output.map((item) => item.type)).toEqual(['reasoning', 'message', 'function_call', 'function_call'])
    expect(final.output.flatMap((item) => (item.type === 'function_call' ? [[item.call_id, item.name, JSON.parse(item.arguments)]] : [])))
      .toEqual([['call_1', 'read', { path: 'a' }], ['call_2', 'list', {}]])
    expect(final.usage).toMatchObject({ input_tokens: 10, input_tokens_details: { cached_tokens: 4 }, output_tokens_details: { reasoning_tokens: 2 }, total_tokens: 15 })
  })

  test('the last event keeps the streamed ids and adds what only the whole answer knows', () => {
    const mapped = mapAll(events, response)
    const ids = mapped.filter((event) => event.type === 'response.output_item.done').map((event) => (event['item'] as { id: string }).id)
    const last = mapped.at(-1)?.['response'] as { output: Record<string, unknown>[] }
    expect(last.output.map((item) => item['id']).sort()).toEqual([...ids].sort())
    expect(unpackReasoning(String(last.output[0]?.['encrypted_content']))).toEqual(['gAAA', 'rs_9', provenance])
    expect(last.output[1]).toMatchObject({ content: [{ type: 'output_text', annotations: [{ url: 'https://example.com' }] }] })
  })

  test('a cut by length is incomplete, a failure is failed, and nothing comes after either', () => {
    const cut = mapAll(events, { ...response, finish_reason: 'length' }).at(-1)
    expect(cut).toMatchObject({ type: 'response.incomplete', response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } } })
    const failing = stamp([{ type: 'message.start' }, { type: 'text.delta', text: 'x' }, { type: 'error', error: { type: 'StreamError', message: 'It stopped.', retryable: true, code: 'stream_cut' } }, { type: 'text.delta', text: 'y' }])
    expect(mapAll(failing).at(-1)).toMatchObject({ type: 'response.failed', response: { status: 'failed', error: { code: 'stream_cut', message: 'It stopped.' } } })
  })

  test('a whole answer becomes the same sequence', async () => {
    const mapped = responseToEvents(response, identity)
    expect(mapped.at(-1)).toMatchObject({ type: 'response.completed', response: { output: [{ type: 'reasoning' }, { type: 'message' }, { type: 'function_call', arguments: '{"path":"a"}' }, { arguments: '{}' }] } })
    const streamed = []
    for await (const event of toResponseStreamEvents(response, identity)) streamed.push(event)
    expect(streamed).toEqual(mapped)
  })

  test('a provider\'s stream is asked for its whole answer at its end', async () => {
    const source = { async *[Symbol.asyncIterator]() { yield* events }, response: () => Promise.resolve(response) }
    const streamed = []
    for await (const event of toResponseStreamEvents(source, identity)) streamed.push(event)
    expect(streamed).toEqual(mapAll(events, response))
  })

  test('the wire\'s own events pass renumbered, the private ones left out, and leaving early ends the source', async () => {
    const recording = readRecordings().find((one) => one.name === 'phases')
    const source = [{ type: 'codex.rate_limits' }, { type: 'response.metadata' }, ...(recording?.events ?? [])] as { type: string }[]
    const passed = []
    for await (const event of toResponseStreamEvents(source, identity)) passed.push(event)
    expect(passed.map((event) => event.sequence_number)).toEqual(recording?.events.map((_, position) => position))
    expect(passed.map((event) => event.type)).toEqual(recording?.events.map((event) => event['type']))

    let closed = false
    const endless = (async function* () {
      try {
        for (;;) yield { type: 'response.in_progress', response: {} }
      } finally {
        closed = true
      }
    })()
    for await (const _event of toResponseStreamEvents(endless, identity)) break
    expect(closed).toBe(true)
  })
})

describe('the Chat Completions dialect', () => {
  test('a whole answer', () => {
    expect(toChatCompletion(response, completion)).toEqual({
      id: 'chatcmpl-1', object: 'chat.completion', created: 1_700_000_000, model: 'gpt-5.5', system_fingerprint: null, service_tier: 'default',
      choices: [{
        index: 0, logprobs: null, finish_reason: 'tool_calls',
        message: {
          role: 'assistant', content: 'Hello there', refusal: null, reasoning_content: 'Let me see.',
          annotations: [{ type: 'url_citation', url: 'https://example.com', title: 't', start_index: 0, end_index: 1 }],
          tool_calls: [
            { id: 'call_1', type: 'function', function: { name: 'read', arguments: '{"path":"a"}' } },
            { id: 'call_2', type: 'function', function: { name: 'list', arguments: '{}' } },
          ],
        },
      }],
      usage: {
        prompt_tokens: 10, completion_tokens: 5, total_tokens: 15,
        prompt_tokens_details: { cached_tokens: 4 }, completion_tokens_details: { reasoning_tokens: 2 },
      },
    })
  })

  test('a refusal is no content; text that was no JSON goes out as it was; a custom call keeps its kind', () => {
    const choice = (content: ChatResponse['content'], calls?: ChatResponse['tool_calls']) =>
      (toChatCompletion({ content, ...(calls ? { tool_calls: calls } : {}) }, completion)['choices'] as Record<string, unknown>[])[0]
    expect(choice([{ type: 'text', text: 'No.', refusal: true }])).toMatchObject({ finish_reason: 'stop', message: { content: null, refusal: 'No.' } })
    expect(choice([], [{ id: 'c', name: 'f', arguments: { _raw: '{"a"' } }])).toMatchObject({ message: { tool_calls: [{ function: { arguments: '{"a"' } }] } })
    expect(choice([], [{ id: 'c', name: 'f', arguments: { input: 'SELECT' }, custom: true }])).toMatchObject({ message: { tool_calls: [{ type: 'custom', custom: { name: 'f', input: 'SELECT' } }] } })
  })

  test('rendered chunks are those that are pushed, as server-sent events, whatever the text and the model\'s name', () => {
    const named = { ...completion, model: '\0text"content":"\0text"' }
    const texts = ['Hello', ' there', '', '"\n\0text', '\ud800 $& 日本', '\u2028'].map((text, seq): StreamEvent => ({ type: 'text.delta', text, ts: '', session_id: '', seq }))
    const all = [...texts, ...events]
    const mappers = [createChatCompletionChunkMapper(named), createChatCompletionChunkMapper(named)] as const
    const whole = (event: StreamEvent) => (event.type === 'message.end' ? response : undefined)
    const pushed = all.map((event) => mappers[0].push(event, whole(event)).map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join(''))
    expect(all.map((event) => mappers[1].render(event, whole(event)))).toEqual(pushed)
    expect(mappers[1].render(texts[0] as StreamEvent)).toBe('')
  })

  test('the official client\'s stream helper reads the chunks unmodified', async () => {
    const mapper = createChatCompletionChunkMapper(completion, { includeUsage: true })
    const chunks = events.flatMap((event) => mapper.push(event, event.type === 'message.end' ? response : undefined))
    const final = await ChatCompletionStream.fromReadableStream(toReadable(chunks)).finalChatCompletion()
    expect(final.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: 'Hello there',
        tool_calls: [{ id: 'call_1', function: { name: 'read', arguments: '{"path": "a"}' } }, { id: 'call_2', function: { name: 'list', arguments: '{}' } }],
      },
    })
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 15 } })
    expect(mapper.push(events[3] as StreamEvent)).toEqual([])
  })
})

test('packed reasoning comes back whole, and foreign text is no packed reasoning', () => {
  const content = ['gAAA', null, provenance]
  expect(unpackReasoning(packReasoning(content))).toEqual(content)
  expect(unpackReasoning('gAAAAAB')).toBeUndefined()
  expect(unpackReasoning('apr1.%%%')).toBeUndefined()
})
