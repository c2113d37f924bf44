import Anthropic from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Exchange } from '../../src/http/endpoint.js'
import { createHttpServer, type HttpServer } from '../../src/http/index.js'
import { chooseMessageModel } from '../../src/http/message-models.js'
import { mountOnTwin, type Mounted } from '../support/mounted.js'

const KEY = 'local-made-up-key'
const TOOL: Anthropic.Tool = { name: 'read_file', description: 'Reads', input_schema: { type: 'object', properties: { path: { type: 'string' } } } }

describe.each(['sse', 'websocket'])('the Messages dialect over %s upstream', (transport) => {
  let mounted: Mounted
  let server: HttpServer
  let client: Anthropic
  beforeAll(async () => {
    mounted = await mountOnTwin({ config: { max_retries: 0, transport } })
    server = await createHttpServer({ provider: mounted.provider, key: KEY, roles: ['coding', 'fast', 'general', 'reasoning'], messageModels: { 'claude-made-up': 'gpt-5.5' } })
    client = new Anthropic({ apiKey: KEY, baseURL: server.baseUrl.replace(/\/v1$/, ''), maxRetries: 0 })
  })
  afterAll(async () => {
    await server.close()
    await mounted.close()
  })
  const sent = () => mounted.twin.responses().at(-1)?.body as { model: string; input: Record<string, unknown>[]; instructions: string; tools?: unknown[]; tool_choice?: unknown; parallel_tool_calls?: boolean; reasoning?: { effort?: string }; text?: unknown }

  test('answers whole, with the usage that this dialect counts', async () => {
    const message = await client.messages.create({ model: 'claude-sonnet-5', max_tokens: 1000, system: 'Be brief.', messages: [{ role: 'user', content: 'hello' }] })
    expect(message).toMatchObject({ type: 'message', role: 'assistant', model: 'claude-sonnet-5', content: [{ type: 'text', text: 'You said: hello' }], stop_reason: 'end_turn' })
    expect(message.usage.input_tokens + (message.usage.cache_read_input_tokens ?? 0)).toBeGreaterThan(0)
    expect(message.usage.output_tokens).toBeGreaterThan(0)
    expect(sent().model).toBe('gpt-6.1-sol')
    expect(sent().instructions).toContain('Be brief.')
  })

  test.each([['gpt-5.5', 'gpt-5.5'], ['claude-made-up', 'gpt-5.5'], ['claude-made-up-20270101', 'gpt-5.5'], ['role:coding', 'gpt-6.1-sol'], ['coding', 'gpt-6.1-sol'], ['claude-sonnet-5[1m]', 'gpt-6.1-sol']])('%s is served by %s', async (model, served) => {
    await client.messages.create({ model, max_tokens: 10, messages: [{ role: 'user', content: 'hello' }] })
    expect(sent().model).toBe(served)
  })

  test.each([
    ['claude-opus-4-8', 'reasoning'], ['claude-opus-4-8[1m]', 'reasoning'], ['opus', 'reasoning'], ['claude-haiku-4-5-20251001', 'fast'], ['claude-sonnet-4-5[1m]', 'coding'],
    ['claude-sonnet-4-5-20250929', 'coding'], ['claude-3-7', 'general'],
  ])('without a map of the user %s is role %s', async (model, role) => {
    const exchange = { endpoint: { roles: ['coding', 'fast', 'general', 'reasoning'], messageModels: {}, provider: mounted.provider } } as unknown as Exchange
    expect(await chooseMessageModel(exchange, model)).toBe(`role:${role}`)
  })

  test('words of the user come before the families, the longest first', async () => {
    const exchange = { endpoint: { roles: ['fast', 'reasoning'], messageModels: { opus: 'gpt-5.5', claude: 'role:fast' }, provider: mounted.provider } } as unknown as Exchange
    expect(await chooseMessageModel(exchange, 'claude-opus-4-8')).toBe('role:fast')
    expect(await chooseMessageModel(exchange, 'opus')).toBe('gpt-5.5')
  })

  test('a tool loop of the official client streams thoughts with a signature, and they go back as they came', async () => {
    const messages: Anthropic.MessageParam[] = [{ role: 'user', content: 'call read_file {"path":"a.txt"}' }]
    const ask = () => client.messages.stream({ model: 'gpt-5.5', max_tokens: 8000, thinking: { type: 'enabled', budget_tokens: 4000 }, tools: [TOOL], messages }).finalMessage()
    const first = await ask()
    expect(first.stop_reason).toBe('tool_use')
    expect(first.content.map(({ type }) => type)).toEqual(['thinking', 'tool_use'])
    expect(first.content[0]).toMatchObject({ thinking: expect.stringMatching(/./) as string, signature: expect.stringMatching(/^apr1\./) as string })
    const [, call] = first.content as [Anthropic.ThinkingBlock, Anthropic.ToolUseBlock]
    expect(call.input).toEqual({ path: 'a.txt' })
    messages.push({ role: 'assistant', content: first.content }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'what it holds' }, { type: 'text', text: 'go on' }] })
    const second = await ask()
    expect(second.stop_reason).toBe('end_turn')
    const { input } = mounted.twin.responses().at(-1)?.body as { input: Record<string, unknown>[] }
    // Over WebSocket the second turn continues the first: the backend has its items already.
    expect(input.map(({ type, role }) => role ?? type)).toEqual(transport === 'sse' ? ['user', 'reasoning', 'function_call', 'function_call_output', 'user'] : ['function_call_output', 'user'])
  })

  test('thoughts that the client did not ask for are not shown and still go back, by their tool call', async () => {
    const tools = [TOOL]
    const question = { role: 'user' as const, content: 'call read_file {"path":"b.txt"}' }
    const first = await client.messages.create({ model: 'gpt-5.5', max_tokens: 100, tools, messages: [question] })
    expect(first.content.map(({ type }) => type)).toEqual(['tool_use'])
    const [call] = first.content as [Anthropic.ToolUseBlock]
    await client.messages.create({
      model: 'gpt-5.5', max_tokens: 100, tools,
      messages: [question, { role: 'assistant', content: first.content }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'gone', is_error: true }] }],
    })
    const { input } = mounted.twin.responses().at(-1)?.body as { input: Record<string, unknown>[] }
    if (transport === 'sse') expect(input.map(({ type, role }) => role ?? type)).toEqual(['user', 'reasoning', 'function_call', 'function_call_output'])
    expect(input.at(-1)).toMatchObject({ type: 'function_call_output', output: 'Error: gone' })
  })

  test('images, documents, effort, tool choice and a schema for the answer reach the backend', async () => {
    const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
    await client.messages.create({
      model: 'gpt-5.5', max_tokens: 100, tools: [TOOL], tool_choice: { type: 'auto', disable_parallel_tool_use: true },
      output_config: { effort: 'high', format: { type: 'json_schema', schema: { type: 'object', properties: {}, additionalProperties: false } } },
      messages: [{ role: 'user', content: [
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } },
        { type: 'document', title: 'a.pdf', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' } },
        { type: 'text', text: 'hello' },
      ] }],
    })
    expect(sent()).toMatchObject({
      parallel_tool_calls: false, reasoning: { effort: 'high' }, text: { format: { type: 'json_schema' } },
      input: [{ role: 'user', content: [{ type: 'input_image' }, { type: 'input_file', filename: 'a.pdf' }, { type: 'input_text', text: 'hello' }] }],
    })
  })

  test('what differs in every request of a client is left out of the prompt, so that the rest of it is cached', async () => {
    await client.messages.create({ model: 'gpt-5.5', max_tokens: 10, system: [{ type: 'text', text: 'x-anthropic-billing-header: cch=12ab;' }, { type: 'text', text: 'You are made up.' }], messages: [{ role: 'user', content: 'hello' }] })
    expect(sent().instructions).toBe('You are made up.')
  })

  test('errors have the shape of the dialect, before a stream and in it', async () => {
    const refusal = await client.messages.create({ model: 'no-such', max_tokens: 10, messages: [{ role: 'user', content: 'x' }] }).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(Anthropic.NotFoundError)
    expect((refusal as InstanceType<typeof Anthropic.APIError>).error).toMatchObject({ type: 'error', error: { type: 'not_found_error', message: expect.stringContaining('no-such') as string }, request_id: expect.stringMatching(/^req_/) as string })
    await expect(new Anthropic({ apiKey: 'wrong', baseURL: server.baseUrl.replace(/\/v1$/, ''), maxRetries: 0 }).messages.create({ model: 'gpt-5.5', max_tokens: 1, messages: [{ role: 'user', content: 'x' }] })).rejects.toBeInstanceOf(Anthropic.AuthenticationError)
    await expect(client.messages.create({ model: 'gpt-5.5', max_tokens: 1, messages: [] })).rejects.toBeInstanceOf(Anthropic.BadRequestError)
    await expect(client.messages.create({ model: 'gpt-5.5', max_tokens: 1, messages: [{ role: 'user', content: 'x' }], tools: [{ type: 'bash_20250124', name: 'bash' }] })).rejects.toThrow('bash_20250124')
    mounted.twin.enqueue({ text: 'an answer that is cut in the middle', cutAfterEvents: 9, eventsPerWrite: 1 })
    const events: string[] = []
    const stream = client.messages.stream({ model: 'gpt-5.5', max_tokens: 100, messages: [{ role: 'user', content: 'x' }] })
    stream.on('streamEvent', ({ type }) => events.push(type))
    await expect(stream.finalMessage()).rejects.toThrow(/overloaded_error|api_error/)
    expect(events).not.toContain('message_stop')
  })

  test('models are listed and tokens estimated for clients of the dialect', async () => {
    const ids: string[] = []
    for await (const { id } of client.models.list()) ids.push(id)
    expect(ids).toEqual(expect.arrayContaining(['gpt-5.5', 'role:coding']))
    const { input_tokens: tokens } = await client.messages.countTokens({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'word '.repeat(1000) }] })
    expect(tokens).toBeGreaterThan(1000)
    expect(tokens).toBeLessThan(1600)
  })
})
