import { afterEach, describe, expect, test } from 'vitest'
import type { Twin } from '../../src/twin/index.js'
import { ask, doneItems, post, readEvents, responseOf, send, signIn, textOf, typesOf, usageOf, user, type Json, type SignedIn } from './support/raw-client.js'
import { measureCpu } from '../documents/support.js'

let open: Twin[] = []
afterEach(async () => {
  await Promise.all(open.map((twin) => twin.close()))
  open = []
})

async function start(options: Parameters<typeof signIn>[0] = {}): Promise<SignedIn & { ask(body: Json, headers?: Record<string, string>): ReturnType<typeof post> }> {
  const signed = await signIn(options)
  open.push(signed.twin)
  return { ...signed, ask: (body, headers = {}) => post(`${signed.twin.baseUrl}/responses`, body, { ...signed.headers, ...headers }) }
}

const tool = (name: string): Json => ({ type: 'function', name, description: name, parameters: { type: 'object', properties: {} }, strict: false })

describe('an answer over SSE', () => {
  test('a plain request is echoed in the order of events that recordings show', async () => {
    const { ask: turn, twin } = await start()
    const reply = await turn(ask('hello'))
    const events = readEvents(reply.text)
    expect(reply.status).toBe(200)
    expect(reply.headers['content-type']).toBe('text/event-stream; charset=utf-8')
    expect(reply.headers['openai-model']).toBe('gpt-5.5')
    expect(reply.headers['x-codex-primary-used-percent']).toBe('12')
    expect(typesOf(events)).toEqual([
      'response.created', 'response.in_progress', 'response.output_item.added', 'response.content_part.added',
      'response.output_text.delta', 'response.output_text.delta', 'response.output_text.done', 'response.content_part.done',
      'response.output_item.done', 'response.completed',
    ])
    expect(textOf(events)).toBe('You said: hello')
    expect(events.map((event) => event['sequence_number'])).toEqual(events.map((_, index) => index))
    expect(responseOf(events)).toMatchObject({ status: 'completed', output: [], model: 'gpt-5.5', store: false })
    expect(twin.requests).toHaveLength(1)
    expect(twin.requests[0]).toMatchObject({ method: 'POST', path: '/backend-api/codex/responses', transport: 'http', status: 200, ended: 'completed', connection: 1 })
    expect(twin.responses()[0]?.body).toEqual(ask('hello'))
  })

  test('asked with an effort it reasons first, sealed where the request includes it', async () => {
    const { ask: turn } = await start()
    const reply = await turn(ask('why?', { reasoning: { effort: 'high', summary: 'auto' }, include: ['reasoning.encrypted_content'] }))
    const [reasoning, message] = doneItems(readEvents(reply.text))
    expect(reasoning).toMatchObject({ type: 'reasoning', summary: [{ type: 'summary_text' }] })
    expect(String(reasoning?.['encrypted_content'])).toMatch(/^gAAAAA/)
    expect(message).toMatchObject({ type: 'message', status: 'completed', role: 'assistant' })
    expect(typesOf(readEvents(reply.text))).toContain('response.reasoning_summary_text.delta')
  })

  test('a call in the user\'s words becomes function calls, and their outputs come back in the next answer, behind what a loop adds to them', async () => {
    const { ask: turn } = await start()
    const tools = [tool('read_file'), tool('list')]
    const first = doneItems(readEvents((await turn(ask('call read_file {"path":"a {b}.txt"} and call list', { tools }))).text))
    expect(first).toMatchObject([
      { type: 'function_call', name: 'read_file', arguments: '{"path":"a {b}.txt"}' }, { type: 'function_call', name: 'list', arguments: '{}' },
    ])
    const outputs = first.map((call, index) => ({ type: 'function_call_output', call_id: call['call_id'], output: `output ${index}` }))
    const second = await turn(ask('', { tools, input: [user('call read_file and call list'), ...first, ...outputs] }))
    expect(textOf(readEvents(second.text))).toBe('The tool read_file gave: output 0\nThe tool list gave: output 1')
    const reminder = { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'It is nine.' }] }
    const third = await turn(ask('', { tools, input: [user('call read_file and call list'), ...first, ...outputs, reminder] }))
    expect(textOf(readEvents(third.text))).toBe(textOf(readEvents(second.text)))
  })

  test('a custom tool is called with plain text, a namespaced one with its namespace', async () => {
    const { ask: turn } = await start()
    const tools = [
      { type: 'custom', name: 'apply_patch', format: { type: 'grammar', syntax: 'lark', definition: 'x' } },
      { type: 'namespace', name: 'image_gen', description: 'd', tools: [tool('draw')] },
    ]
    const custom = doneItems(readEvents((await turn(ask('call apply_patch *** Begin', { tools }))).text))
    expect(custom).toMatchObject([{ type: 'custom_tool_call', name: 'apply_patch', input: '*** Begin' }])
    const spaced = doneItems(readEvents((await turn(ask('call draw {"a":1}', { tools }))).text))
    expect(spaced).toMatchObject([{ type: 'function_call', name: 'draw', namespace: 'image_gen', arguments: '{"a":1}' }])
  })

  test('a required tool choice and a JSON schema are met with values that fit', async () => {
    const { ask: turn } = await start()
    const schema = { type: 'object', required: ['name', 'count'], properties: { name: { type: 'string' }, count: { type: 'integer', minimum: 3 } } }
    const tools = [{ type: 'function', name: 'save', parameters: schema }]
    const call = doneItems(readEvents((await turn(ask('x', { tools, tool_choice: 'required' }))).text))[0]
    expect(JSON.parse(String(call?.['arguments']))).toEqual({ name: 'x', count: 3 })
    const text = textOf(readEvents((await turn(ask('x', { text: { format: { type: 'json_schema', name: 'n', schema, strict: true } } }))).text))
    expect(JSON.parse(text)).toEqual({ name: 'You said: x', count: 3 })
  })

  test('cached tokens are the real common prefix under one key, in steps of 128 above 1,024', async () => {
    const { ask: turn } = await start()
    const long = 'a'.repeat(8_000)
    const cached = async (text: string, key: string) => usageOf(readEvents((await turn(ask(text, { instructions: long, prompt_cache_key: key }))).text))
    const first = await cached('one', 'k1')
    expect(first.input_tokens_details.cached_tokens).toBe(0)
    expect((await cached('two', 'k1')).input_tokens_details.cached_tokens).toBe(1_920)
    expect((await cached('two', 'k2')).input_tokens_details.cached_tokens).toBe(0)
    const broken = await turn(ask('three', { instructions: `b${long}`, prompt_cache_key: 'k1' }))
    expect(usageOf(readEvents(broken.text)).input_tokens_details.cached_tokens).toBe(0)
    const small = await turn(ask('tiny', { prompt_cache_key: 'k3' }))
    await turn(ask('tiny', { prompt_cache_key: 'k3' }))
    expect(usageOf(readEvents(small.text)).input_tokens_details.cached_tokens).toBe(0)
  })

  test('a prompt over the context window fails in the stream', async () => {
    const { ask: turn } = await start()
    const events = readEvents((await turn(ask('x'.repeat(272_001 * 4)))).text)
    expect(events.at(-1)).toMatchObject({ type: 'response.failed', response: { status: 'failed', error: { code: 'context_length_exceeded' } } })
  })

  test('a compaction trigger at the end is answered with a compaction item that can be sent back', async () => {
    const { ask: turn } = await start()
    const items = doneItems(readEvents((await turn(ask('x', { input: [user('hi'), { type: 'compaction_trigger' }] }))).text))
    expect(items).toMatchObject([{ type: 'compaction' }])
    expect((await turn(ask('x', { input: [...items, user('go on')] }))).status).toBe(200)
  })
})

describe('scripted answers', () => {
  test('come first in, first out, match only what they name, and then answers are computed again', async () => {
    const { ask: turn, twin } = await start()
    twin.enqueue(
      { text: 'for b', match: (request) => JSON.stringify(request.body).includes('bbb') },
      { text: 'first' },
      { text: 'cut short', incomplete: 'max_output_tokens', usage: { output_tokens: 7 } },
      { status: 503, headers: { 'retry-after': '2' }, body: { error: { code: 'server_is_overloaded', message: 'busy' } } },
    )
    expect(textOf(readEvents((await turn(ask('aaa'))).text))).toBe('first')
    expect(textOf(readEvents((await turn(ask('bbb'))).text))).toBe('for b')
    const incomplete = readEvents((await turn(ask('aaa'))).text).at(-1)
    expect(incomplete).toMatchObject({ type: 'response.incomplete', response: { incomplete_details: { reason: 'max_output_tokens' }, usage: { output_tokens: 7 } } })
    const refused = await turn(ask('aaa'))
    expect([refused.status, refused.headers['retry-after'], refused.json]).toEqual([503, '2', { error: { code: 'server_is_overloaded', message: 'busy' } }])
    expect(textOf(readEvents((await turn(ask('aaa'))).text))).toBe('You said: aaa')
    expect(twin.pendingReplies()).toBe(0)
  })

  test('replies that nobody has taken can be taken back', async () => {
    const { ask: turn, twin } = await start()
    const [taken, kept, back] = [{ text: 'taken' }, { text: 'kept' }, { text: 'back' }]
    twin.enqueue(taken, back, kept)
    expect(textOf(readEvents((await turn(ask('a'))).text))).toBe('taken')
    twin.withdraw(taken, back)
    expect(twin.pendingReplies()).toBe(1)
    expect(textOf(readEvents((await turn(ask('a'))).text))).toBe('kept')
  })

  test('reasoning, text and calls of a script come as items in that order', async () => {
    const { ask: turn, twin } = await start()
    twin.enqueue({ reasoning: 'one\n\ntwo', text: 'hello', toolCalls: [{ name: 'x', arguments: { a: 1 }, call_id: 'call_1' }], model: 'gpt-5.4' })
    const events = readEvents((await turn(ask('go'))).text)
    expect(doneItems(events)).toMatchObject([
      { type: 'reasoning', summary: [{ text: 'one' }, { text: 'two' }] }, { type: 'message', content: [{ text: 'hello' }] },
      { type: 'function_call', call_id: 'call_1', arguments: '{"a":1}' },
    ])
    expect(responseOf(events)['model']).toBe('gpt-5.4')
    twin.enqueue({ text: 'x', terminal: 'response.done' })
    expect(typesOf(readEvents((await turn(ask('go'))).text)).at(-1)).toBe('response.done')
  })

  test('sixteen thousand deltas cost well under two seconds', async () => {
    const { ask: turn, twin } = await start()
    twin.enqueue({ toolCalls: [{ name: 'write', arguments: 'x'.repeat(16_000) }], deltaChars: 1 })
    const { value: events, cpuMs } = await measureCpu(async () => readEvents((await turn(ask('go'))).text))
    expect(cpuMs).toBeLessThan(2_000)
    expect(events.filter((event) => event['type'] === 'response.function_call_arguments.delta')).toHaveLength(16_000)
  })
})

describe('the catalog', () => {
  test('lists what the client version may see, with an etag that answers carry too', async () => {
    const { twin, headers, ask: turn } = await start()
    const slugs = async (version: string) => {
      const reply = await send(`${twin.baseUrl}/models?client_version=${version}`, { headers })
      return { tag: reply.headers['etag'], slugs: (reply.json['models'] as Json[]).map((model) => model['slug']) }
    }
    const newest = await slugs('99.99.99')
    expect(newest.slugs.slice(0, 2)).toEqual(['gpt-6.1-sol', 'gpt-6-sol'])
    expect((await slugs('0.98.5')).slugs).not.toContain('gpt-5.4')
    expect((await slugs('0.99.0')).slugs).toContain('gpt-5.4')
    expect((await turn(ask('x'))).headers['x-models-etag']).toBe(newest.tag)
    twin.setModels([{ slug: 'only', visibility: 'list' }])
    expect((await slugs('1.0.0')).slugs).toEqual(['only'])
    expect((await send(`${twin.baseUrl}/models?client_version=latest`, { headers })).status).toBe(400)
    expect((await send(`${twin.baseUrl}/models`, { headers })).status).toBe(400)
    expect((await send(`${twin.baseUrl}/models?client_version=1.0.0`)).json).toEqual({ detail: 'Unauthorized' })
  })

  test('the usage endpoint tells the windows, and unknown paths are 404 in JSON', async () => {
    const { twin, headers } = await start()
    twin.setRateLimits({ primary: { used_percent: 100, window_minutes: 300, reset_at: 4_000_000_000 } })
    const usage = await send(`${twin.url}/backend-api/wham/usage`, { headers })
    expect(usage.json).toMatchObject({ plan_type: 'plus', rate_limit: { limit_reached: true, primary_window: { used_percent: 100, limit_window_seconds: 18_000 } } })
    const unknown = await send(`${twin.url}/backend-api/codex/nothing`, { headers })
    expect([unknown.status, unknown.json]).toEqual([404, { detail: 'Not Found' }])
    expect((await send(`${twin.baseUrl}/responses`, { headers })).status).toBe(405)
  })
})
