import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHttpServer, type HttpServer } from '../../src/http/index.js'
import { mountOnTwin, type Mounted } from '../support/mounted.js'

const KEY = 'local-made-up-key'
const user = [{ role: 'user', content: 'hello' }]
const DIALECTS = [
  ['/responses', { input: 'hello' }],
  ['/chat/completions', { messages: user }],
  ['/messages', { max_tokens: 100, messages: user }],
] as const

describe('what every answer says of itself, in each dialect', () => {
  let mounted: Mounted
  let server: HttpServer
  beforeAll(async () => {
    mounted = await mountOnTwin({ config: { max_retries: 0 } })
    server = await createHttpServer({ provider: mounted.provider, key: KEY, roles: ['coding', 'fast'] })
  })
  afterAll(async () => {
    await server.close()
    await mounted.close()
  })
  const ask = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(server.baseUrl + path, { method: 'POST', body: JSON.stringify(body), headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...headers } })
  const textOf = async (response: Response) => ({ status: response.status, text: await response.text() })

  test.each(DIALECTS)('%s: which request, which model, by which way, streamed or not', async (path, body) => {
    for (const [model, route] of [['gpt-5.5', 'candidate=openai-chatgpt/gpt-5.5; degraded=false'], ['role:coding', 'role=coding; candidate=openai-chatgpt/gpt-6.1-sol; degraded=false'], ['coding', 'role=coding; candidate=openai-chatgpt/gpt-6.1-sol; degraded=false']]) {
      for (const stream of [false, true]) {
        const response = await ask(path, { ...body, model, stream })
        expect(response.status).toBe(200)
        expect(Object.fromEntries(['x-request-id', 'x-served-model', 'x-route'].map((name) => [name, response.headers.get(name)]))).toEqual({
          'x-request-id': expect.stringMatching(/^req_[0-9a-f]{32}$/) as unknown,
          // The head of a stream leaves before the backend has said all of it; the rest is in its trailers.
          'x-served-model': stream ? expect.toSatisfy((value: unknown) => value === null || value === route?.split(/[/;]/).at(-2)) as unknown : route?.split(/[/;]/).at(-2),
          'x-route': stream ? expect.stringContaining(String(route?.split(';')[0])) as unknown : route,
        })
        await response.text()
      }
    }
  })

  test.each(DIALECTS)('%s: a turn that may have run answers 424, which no client repeats; one that did not run answers 503', async (path, body) => {
    const { twin } = mounted
    const before = twin.responses().length
    twin.enqueue({ text: 'Half of this is lost on the way.', cutAfterEvents: 6 }, { status: 503, body: { detail: 'busy' } })
    const cut = await ask(path, { ...body, model: 'gpt-5.5' })
    const busy = await ask(path, { ...body, model: 'gpt-5.5' })
    expect([cut.status, cut.headers.get('x-should-retry'), busy.status, twin.responses().length - before]).toEqual([424, 'false', 503, 2])
  })

  test('a streamed response names the model that serves from its first event on', async () => {
    const response = await ask('/responses', { input: 'hello', model: 'role:coding', stream: true })
    const models = [...(await response.text()).matchAll(/^data: (\{.*"response":.*\})$/gm)].map((match) => (JSON.parse(match[1] as string) as { response: { model: string } }).response.model)
    expect(models).toEqual(['gpt-6.1-sol', 'gpt-6.1-sol', 'gpt-6.1-sol'])
  })

  test.each(DIALECTS)('%s: a wrong name is a 404 that says which was meant', async (path, body) => {
    for (const [model, meant] of [['gpt-55', 'gpt-5.5'], ['codng', 'coding'], ['role:codng', 'role:coding']]) {
      for (const stream of [false, true]) {
        const response = await ask(path, { ...body, model, stream })
        expect([response.headers.get('x-request-id'), await textOf(response)]).toEqual([
          expect.stringMatching(/^req_/), { status: 404, text: expect.stringContaining(`Did you mean ${meant}?`) as unknown },
        ])
      }
    }
  })

  test.each(DIALECTS)('%s: a refusal of the backend says which way it took, and nothing served', async (path, body) => {
    for (const [model, route] of [['gpt-5.5', 'candidate=openai-chatgpt/gpt-5.5; degraded=false'], ['role:coding', 'role=coding; candidate=openai-chatgpt/gpt-6.1-sol; degraded=false']]) {
      for (const stream of [false, true]) {
        mounted.twin.enqueue({ status: 400, body: { detail: 'Unsupported parameter: made_up' } })
        const response = await ask(path, { ...body, model, stream })
        expect([response.status, response.headers.get('x-route'), response.headers.get('x-served-model')]).toEqual([400, route, null])
        await response.text()
      }
    }
  })

  test.each(DIALECTS)('%s: what is no model, no text or no plain body is refused by name', async (path, body) => {
    const shape = path === '/responses' ? { input: [{ role: 'user', content: [{ type: 'input_text', text: { a: 1 } }] }] } : { messages: [{ role: 'user', content: [{ type: 'text', text: { a: 1 } }] }] }
    const model = await ask(path, { ...body, model: { toString: 1 } })
    const none = await ask(path, { ...body, model: undefined })
    const text = await ask(path, { ...body, ...shape, model: 'gpt-5.5' })
    const packed = await ask(path, { ...body, model: 'gpt-5.5' }, { 'content-encoding': 'gzip' })
    expect([model.status, none.status, text.status, packed.status]).toEqual([400, 400, 400, 415])
    expect(await model.text()).toContain('model is missing')
    expect(await packed.text()).toContain('gzip')
  })

  test('a wrong name is a 404 where models are asked for, tokens are counted and histories compacted', async () => {
    const model = await fetch(`${server.baseUrl}/models/gpt-55`, { headers: { authorization: `Bearer ${KEY}` } })
    expect(await textOf(model)).toEqual({ status: 404, text: expect.stringContaining('Did you mean gpt-5.5?') as unknown })
    expect(await textOf(await ask('/responses/compact', { model: 'gpt-55', input: 'x' }))).toEqual({ status: 404, text: expect.stringContaining('Did you mean gpt-5.5?') as unknown })
    expect(await textOf(await ask('/messages/count_tokens', { model: 'gpt-55', messages: user }))).toEqual({ status: 404, text: expect.stringContaining('Did you mean gpt-5.5?') as unknown })
  })

  test.each(DIALECTS)('%s: a field that nothing knows is named, one that would change the answer is refused', async (path, body) => {
    for (const stream of [false, true]) {
      const response = await ask(path, { ...body, model: 'gpt-5.5', stream, made_up_field: 1 })
      expect([response.status, response.headers.get('x-ignored-fields')?.split(', ').includes('made_up_field')]).toEqual([200, true])
      await response.text()
    }
    const [name, value] = path === '/messages' ? ['mcp_servers', [{ url: 'https://tools.example' }]] : path === '/responses' ? ['conversation', 'conv_1'] : ['n', 2]
    const refused = await ask(path, { ...body, model: 'gpt-5.5', [String(name)]: value })
    expect([refused.headers.get('x-request-id'), await textOf(refused)]).toEqual([expect.stringMatching(/^req_/), { status: 400, text: expect.stringContaining(String(name)) as unknown }])
  })

  test.each([['/responses', '{'], ['/nothing', '{}']])('%s: a refusal has its request\'s id too', async (path, body) => {
    const response = await fetch(server.baseUrl + path, { method: 'POST', body, headers: { authorization: `Bearer ${KEY}` } })
    expect([response.ok, response.headers.get('x-request-id')]).toEqual([false, expect.stringMatching(/^req_/)])
    const stranger = await fetch(server.baseUrl + path, { method: 'POST', body })
    expect([stranger.status, stranger.headers.get('x-request-id')]).toEqual([401, expect.stringMatching(/^req_/)])
  })
})
