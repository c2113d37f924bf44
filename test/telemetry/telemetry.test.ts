import { trace, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { type ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createHttpServer } from '../../src/http/index.js'
import { ask, mountOnTwin, type Mounted } from '../support/mounted.js'
import { register } from './support.js'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function mount(options: Parameters<typeof mountOnTwin>[0] = {}): Promise<Mounted> {
  const mounted = await mountOnTwin(options)
  ends.push(() => mounted.close())
  return mounted
}

const shown = ({ name, kind, attributes, status }: ReadableSpan) => ({ name, kind, attributes, status: status.code })
const USAGE = { input_tokens: 1000, input_tokens_details: { cached_tokens: 600 }, output_tokens: 50, output_tokens_details: { reasoning_tokens: 20 }, total_tokens: 1050 }

describe('a call', () => {
  test('is a span by the conventions, with its attempts as children, and says no word of its content', async () => {
    const { spans } = register()
    const { provider, twin, host } = await mount()
    twin.enqueue({ status: 503, body: { detail: 'busy' }, headers: { 'retry-after': '0' } }, { text: 'the answer', usage: USAGE })
    await provider.complete(ask('a secret question', { conversation_id: 'c1' }))
    const [first, second, chat] = spans()
    const { port } = new URL(twin.url)
    expect([first, second].map((span) => span && [span.name, span.kind, span.parentSpanContext?.spanId === chat?.spanContext().spanId, span.status.code, span.attributes['error.type']])).toEqual([
      ['attempt 1', SpanKind.INTERNAL, true, SpanStatusCode.ERROR, expect.stringMatching(/^ProviderUnavailableError/)],
      ['attempt 2', SpanKind.INTERNAL, true, SpanStatusCode.UNSET, undefined],
    ])
    expect(second?.events.map(({ name }) => name)).toEqual(['queued', 'connecting', 'waiting', 'streaming'])
    expect(chat && shown(chat)).toEqual({
      name: 'chat gpt-5.5', kind: SpanKind.CLIENT, status: SpanStatusCode.UNSET,
      attributes: {
        'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'openai', 'gen_ai.request.model': 'gpt-5.5', 'gen_ai.request.stream': true, 'gen_ai.conversation.id': 'c1',
        'server.address': '127.0.0.1', 'server.port': Number(port), 'gen_ai.response.id': expect.stringMatching(/^resp_/), 'gen_ai.response.model': 'gpt-5.5',
        'gen_ai.response.finish_reasons': ['stop'], 'gen_ai.response.time_to_first_chunk': expect.any(Number), 'gen_ai.usage.input_tokens': 1000, 'gen_ai.usage.output_tokens': 50,
        'gen_ai.usage.cache_read.input_tokens': 600, 'gen_ai.usage.reasoning.output_tokens': 20, 'amplifier.lane': 'codex', 'amplifier.transport': 'sse', 'amplifier.retries': 1,
      },
    })
    expect(JSON.stringify(spans().map((span) => [span.attributes, span.events]))).not.toMatch(/secret|the answer/)
    expect(host.coordinator.sessionId).not.toBe('')
  })

  test('is counted by the four client metrics', async () => {
    const { histograms } = register()
    const { provider, twin } = await mount()
    twin.enqueue({ text: 'one two three four five', usage: USAGE, eventDelayMs: 20, eventsPerWrite: 1 })
    await provider.complete(ask('hello'))
    const found = await histograms()
    expect(found.map(({ descriptor: { name, unit } }) => [name, unit]).sort()).toEqual([
      ['gen_ai.client.operation.duration', 's'], ['gen_ai.client.operation.time_per_output_chunk', 's'],
      ['gen_ai.client.operation.time_to_first_chunk', 's'], ['gen_ai.client.token.usage', '{token}'],
    ])
    const tokens = found.find(({ descriptor }) => descriptor.name === 'gen_ai.client.token.usage')
    expect(tokens?.dataPoints.map(({ attributes, value }) => [attributes['gen_ai.token.type'], value.sum])).toEqual([['input', 1000], ['output', 50]])
    expect(found.find(({ descriptor }) => descriptor.name === 'gen_ai.client.operation.duration')?.dataPoints.map(({ attributes, value }) => [attributes['gen_ai.response.model'], value.count])).toEqual([['gpt-5.5', 1]])
  })

  test('that failed has its kind as error.type, and no message', async () => {
    const { spans } = register()
    const { provider, twin } = await mount({ config: { max_retries: 0 } })
    twin.enqueue({ status: 400, body: { detail: 'a secret was refused' } })
    await expect(provider.complete(ask('hello'))).rejects.toThrow()
    const chat = spans().at(-1)
    expect([chat?.status, chat?.attributes['error.type']]).toEqual([{ code: SpanStatusCode.ERROR }, expect.stringMatching(/^InvalidRequestError/)])
    expect(chat?.events).toEqual([])
  })

  test('carries content where the user asks for it', async () => {
    const { spans } = register()
    const { provider, twin } = await mount({ config: { telemetry_content: true } })
    twin.enqueue({ text: 'blue' })
    await provider.complete({ messages: [{ role: 'system', content: 'be short' }, { role: 'user', content: 'which colour?' }] })
    const { attributes } = spans().at(-1) as ReadableSpan
    expect([attributes['gen_ai.system_instructions'], attributes['gen_ai.input.messages'], attributes['gen_ai.output.messages']].map((text) => JSON.parse(String(text)) as unknown)).toEqual([
      [{ type: 'text', content: 'be short' }],
      [{ role: 'user', parts: [{ type: 'text', content: 'which colour?' }] }],
      [{ role: 'assistant', parts: [{ type: 'text', content: 'blue' }], finish_reason: 'stop' }],
    ])
  })

  test('stands under the span that is open around it, and under the one that a client of the endpoint sends', async () => {
    const { spans } = register()
    const { provider, twin } = await mount()
    await trace.getTracer('host').startActiveSpan('turn', async (turn) => {
      await provider.complete(ask('hello'))
      turn.end()
    })
    const [chat, turn] = ['chat gpt-5.5', 'turn'].map((name) => spans().find((span) => span.name === name))
    expect(chat?.parentSpanContext?.spanId).toBe(turn?.spanContext().spanId)
    const server = await createHttpServer({ provider, key: 'made-up' })
    ends.push(() => server.close())
    const answer = await fetch(`${server.baseUrl}/chat/completions`, {
      method: 'POST', headers: { authorization: 'Bearer made-up', 'content-type': 'application/json', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
      body: JSON.stringify({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'hello' }] }),
    })
    await answer.text()
    const sent = spans().filter(({ name }) => name === 'chat gpt-5.5').at(-1)
    expect([sent?.spanContext().traceId, sent?.parentSpanContext?.spanId]).toEqual(['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'])
    // The vendor is told nothing of it.
    expect(twin.requests.filter(({ headers }) => headers['traceparent'] !== undefined)).toEqual([])
  })

  test('loads nothing and makes no span while no provider is registered', async () => {
    const { provider } = await mount()
    const start = vi.spyOn(trace, 'getTracer')
    ends.push(() => start.mockRestore())
    await provider.complete(ask('hello'))
    expect(start).not.toHaveBeenCalled()
    const { spans } = register()
    await provider.complete(ask('hello'))
    expect(spans().map(({ name }) => name)).toEqual(['attempt 1', 'chat gpt-5.5'])
  })
})

test("tools that the host tells of are spans", async () => {
  const { spans } = register()
  const { host } = await mount()
  const { hooks } = host.coordinator
  await hooks.emit('tool:pre', { tool_name: 'read_file', tool_call_id: 'call_1', tool_input: { path: 'secret' } })
  await hooks.emit('tool:pre', { tool_name: 'bash', tool_call_id: 'call_2' })
  await hooks.emit('tool:error', { tool_name: 'bash', tool_call_id: 'call_2' })
  await hooks.emit('tool:post', { tool_name: 'read_file', tool_call_id: 'call_1' })
  const common = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.type': 'function' }
  expect(spans().map(shown)).toEqual([
    { name: 'execute_tool bash', kind: SpanKind.INTERNAL, status: SpanStatusCode.ERROR, attributes: { ...common, 'gen_ai.tool.name': 'bash', 'gen_ai.tool.call.id': 'call_2', 'error.type': '_OTHER' } },
    { name: 'execute_tool read_file', kind: SpanKind.INTERNAL, status: SpanStatusCode.UNSET, attributes: { ...common, 'gen_ai.tool.name': 'read_file', 'gen_ai.tool.call.id': 'call_1' } },
  ])
})
