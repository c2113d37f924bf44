import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHttpServer, type HttpServer } from '../../src/http/index.js'
import { isRecord, parseJson } from '../../src/lib/index.js'
import { mountOnTwin, type Mounted } from '../support/mounted.js'

const KEY = 'local-made-up-key'
type Json = Record<string, unknown>
const functionTool = (name: string) => ({ type: 'function', name, description: 'Looks it up', strict: false, parameters: { type: 'object', properties: { city: { type: 'string' } } } })

/** What the specification of Open Responses says, where its public suite is not at hand. */
describe('/v1/responses by its specification', () => {
  let mounted: Mounted
  let server: HttpServer
  beforeAll(async () => {
    mounted = await mountOnTwin({ config: { max_retries: 0 } })
    server = await createHttpServer({ provider: mounted.provider, key: KEY })
  })
  afterAll(async () => {
    await server.close()
    await mounted.close()
  })
  const ask = async (fields: Json): Promise<{ status: number; text: string; body: Json }> => {
    const response = await fetch(`${server.baseUrl}/responses`, {
      method: 'POST', headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }, body: JSON.stringify({ model: 'gpt-5.5', input: 'hello', ...fields }),
    })
    const text = await response.text()
    const body = parseJson(text)
    return { status: response.status, text, body: isRecord(body) ? body : {} }
  }
  const eventsOf = (text: string): Json[] => text.split('\n\n').flatMap((frame) => {
    const [, type, data = ''] = /^event: (.*)\ndata: (.*)$/.exec(frame) ?? []
    const event = parseJson(data)
    // Each frame's event name is its type.
    if (isRecord(event)) expect(event.type).toBe(type)
    return isRecord(event) ? [event] : []
  })

  test('a stream is numbered without gaps, opens and closes what it tells, and ends in [DONE]', async () => {
    for (const input of ['hello', 'call get_weather {"city":"Oslo"}']) {
      const { text } = await ask({ input, stream: true, tools: [functionTool('get_weather')] })
      expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
      const events = eventsOf(text)
      expect(events.map(({ sequence_number: number }) => number)).toEqual(events.map((_event, index) => index))
      expect([events[0]?.type, events[1]?.type, events.at(-1)?.type]).toEqual(['response.created', 'response.in_progress', 'response.completed'])
      const last = events.at(-1)?.response as { output: Json[] }
      const done = events.filter(({ type }) => type === 'response.output_item.done').map(({ item }) => item)
      expect(done).toEqual(last.output)
      expect(events.filter(({ type }) => type === 'response.output_item.added').map(({ item }) => (item as Json).id)).toEqual(last.output.map(({ id }) => id))
      for (const item of last.output.filter(({ type }) => type !== 'reasoning')) {
        const pieces = events.filter((event) => event.item_id === item.id && String(event.type).endsWith('.delta')).map(({ delta }) => String(delta)).join('')
        expect(pieces).toBe(item.type === 'function_call' ? item.arguments : (item.content as { text: string }[])[0]?.text)
      }
    }
  })

  test('a response says what was asked for, each field as it was given or with its default', async () => {
    const { body } = await ask({ instructions: 'Be brief.', metadata: { run: '7' }, tools: [functionTool('get_time')], tool_choice: 'auto', parallel_tool_calls: false, reasoning: { effort: 'low' }, text: { verbosity: 'low' } })
    expect(body).toMatchObject({
      object: 'response', status: 'completed', error: null, incomplete_details: null, instructions: 'Be brief.', metadata: { run: '7' }, tool_choice: 'auto', parallel_tool_calls: false,
      tools: [functionTool('get_time')], reasoning: { effort: 'low' }, text: { format: { type: 'text' }, verbosity: 'low' }, truncation: 'disabled', store: true,
      temperature: expect.any(Number) as unknown, top_p: expect.any(Number) as unknown, completed_at: expect.any(Number) as unknown, previous_response_id: null,
      id: expect.stringMatching(/^resp_/) as unknown,
    })
  })

  test('only a tool of allowed_tools is called, and all stay told', async () => {
    const tools = ['get_weather', 'get_time'].map(functionTool)
    const { status, body } = await ask({ input: 'call get_time {"city":"Oslo"}', tools, tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'get_time' }] } })
    expect([status, body.tools]).toEqual([200, tools])
    expect((body.output as Json[]).filter(({ type }) => type === 'function_call').map(({ name }) => name)).toEqual(['get_time'])
  })

  test.each<[string, Json, number]>([
    ['no model', { model: undefined }, 400], ['an unknown model', { model: 'made-up-model' }, 404], ['an item of no known type', { input: [{ type: 'made_up' }] }, 400],
    ['a conversation', { conversation: 'conv_1' }, 400], ['a response that is not kept', { previous_response_id: 'resp_made_up' }, 400], ['a reference to nothing', { input: [{ type: 'item_reference', id: 'msg_made_up' }] }, 404],
  ])('%s is refused with an error of four fields', async (_what, fields, status) => {
    const answer = await ask(fields)
    const { error } = answer.body
    expect([answer.status, Object.keys(isRecord(error) ? error : {}).sort()]).toEqual([status, ['code', 'message', 'param', 'type']])
  })

  test('fields of any name and number are told in a head that every client can read, and none of them fails the request', async () => {
    const names = ['constructor', '__proto__', 'toString', `x\r\n${'é'.repeat(5000)}`, ...Array.from({ length: 30_000 }, (_each, index) => `field_${index}`)]
    const body = `{"model":"gpt-5.5","input":"hello",${names.map((name) => `${JSON.stringify(name)}:{"a":1}`).join(',')}}`
    for (const path of ['responses', 'chat/completions', 'messages']) {
      const asked = path === 'responses' ? body : body.replace('"input":"hello"', '"max_tokens":9,"messages":[{"role":"user","content":"hello"}]')
      const response = await fetch(`${server.baseUrl}/${path}`, { method: 'POST', headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }, body: asked })
      const told = response.headers.get('x-ignored-fields') ?? ''
      expect([response.status, told.includes('constructor, __proto__, toString'), told.length < 1000]).toEqual([200, true, true])
      expect(told).toMatch(/, and 29,?98\d more$/)
      await response.text()
    }
  })

  test('a text that is none is refused by its name, not passed over', async () => {
    for (const name of ['instructions', 'previous_response_id', 'prompt_cache_key']) {
      const { status, body } = await ask({ [name]: { $gt: '' } })
      expect([status, body.error]).toEqual([400, { message: `${name} must be a text`, type: 'invalid_request_error', code: null, param: name }])
    }
    expect((await ask({ instructions: null, previous_response_id: null })).status).toBe(200)
  })

  test('a failure in a stream is told before response.failed, and the stream still ends in [DONE]', async () => {
    mounted.twin.enqueue({ text: 'an answer that is cut in the middle', cutAfterEvents: 9, eventsPerWrite: 1 })
    const { text } = await ask({ stream: true })
    expect(eventsOf(text).slice(-2).map(({ type }) => type)).toEqual(['error', 'response.failed'])
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
  })
})
