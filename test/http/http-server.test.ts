import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import OpenAI from 'openai'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createHttpServer, type HttpServer } from '../../src/http/index.js'
import { mountOnTwin, type Mounted } from '../support/mounted.js'
import { WALL_TIME } from '../support/wall-time.js'

const run = promisify(execFile)
const KEY = 'local-made-up-key'
const TOOL = { type: 'function' as const, function: { name: 'read_file', description: 'Reads', parameters: { type: 'object', properties: { path: { type: 'string' } } } } }

describe('the door for OpenAI clients', () => {
  let mounted: Mounted
  let door: HttpServer
  let client: OpenAI
  beforeAll(async () => {
    mounted = await mountOnTwin({ config: { max_retries: 0 } })
    door = await createHttpServer({ provider: mounted.provider, key: KEY, roles: ['coding', 'fast'] })
    client = new OpenAI({ apiKey: KEY, baseURL: door.baseUrl, maxRetries: 0 })
  })
  afterAll(async () => {
    await door.close()
    await mounted.close()
  })
  const { signal } = new AbortController()
  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`${door.baseUrl}${path}`, { method: 'POST', body, signal, headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...headers } })

  test('lists models and roles', async () => {
    const ids = (await client.models.list()).data.map(({ id }) => id)
    expect(ids).toContain('gpt-5.5')
    expect(ids).toContain('role:coding')
  })

  test('chat completions answer whole, with usage, and a role resolves', async () => {
    const answer = await client.chat.completions.create({ model: 'role:coding', messages: [{ role: 'user', content: 'hello' }] })
    expect(answer.choices[0]?.message.content).toBe('You said: hello')
    expect(answer.choices[0]?.finish_reason).toBe('stop')
    expect(answer.usage).toMatchObject({ prompt_tokens: expect.any(Number) as number, prompt_tokens_details: { cached_tokens: expect.any(Number) as number }, completion_tokens_details: { reasoning_tokens: expect.any(Number) as number } })
    expect(mounted.twin.responses().at(-1)?.body).toMatchObject({ model: 'gpt-6.1-sol' })
  })

  test('the streaming helper of the official client works unmodified, tool loop included', async () => {
    const messages: OpenAI.Chat.ChatCompletionMessageParam[] = [{ role: 'user', content: 'call read_file {"path":"a.txt"}' }]
    const first = await client.chat.completions.stream({ model: 'gpt-5.5', messages, tools: [TOOL], stream_options: { include_usage: true } }).finalChatCompletion()
    const call = first.choices[0]?.message.tool_calls?.[0]
    expect(call).toMatchObject({ type: 'function', function: { name: 'read_file', arguments: '{"path":"a.txt"}' } })
    expect(first.choices[0]?.finish_reason).toBe('tool_calls')
    expect(first.usage?.total_tokens).toBeGreaterThan(0)
    messages.push(first.choices[0]?.message as OpenAI.Chat.ChatCompletionMessageParam, { role: 'tool', tool_call_id: call?.id ?? '', content: 'what it holds' })
    const stream = client.chat.completions.stream({ model: 'gpt-5.5', messages, tools: [TOOL] })
    let text = ''
    stream.on('content', (delta) => { text += delta })
    await stream.done()
    expect(text).toContain('what it holds')
  })

  test('responses answer whole and streamed, and reasoning survives the round trip', async () => {
    const whole = await client.responses.create({ model: 'gpt-5.5', input: 'hello', instructions: 'Be brief.' })
    expect(whole.output_text).toBe('You said: hello')
    const stream = client.responses.stream({ model: 'gpt-5.5', input: [{ role: 'user', content: 'call read_file {"path":"b"}' }], tools: [{ type: 'function', name: 'read_file', parameters: TOOL.function.parameters, strict: false }] })
    const kinds: string[] = []
    for await (const event of stream) kinds.push(event.type)
    expect(kinds.at(0)).toBe('response.created')
    expect(kinds.at(-1)).toBe('response.completed')
    const final = await stream.finalResponse()
    const call = final.output.find((item) => item.type === 'function_call')
    expect(call).toMatchObject({ name: 'read_file', arguments: '{"path":"b"}' })
    const reasoning = final.output.find((item) => item.type === 'reasoning') as { encrypted_content?: string } | undefined
    expect(reasoning?.encrypted_content).toBeTruthy()
    const input = [{ role: 'user' as const, content: 'call read_file {"path":"b"}' }, ...final.output, { type: 'function_call_output' as const, call_id: (call as { call_id: string }).call_id, output: 'its content' }]
    const second = await client.responses.create({ model: 'gpt-5.5', input: input as OpenAI.Responses.ResponseInput })
    expect(second.output_text).toContain('its content')
    const sent = (mounted.twin.responses().at(-1)?.body as { input: { type: string; encrypted_content?: string }[] }).input
    expect(sent.find(({ type }) => type === 'reasoning')?.encrypted_content).toMatch(/^gAAAA/)
  })

  test('a schema for the answer goes through', async () => {
    await client.chat.completions.create({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'hello' }], response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object', properties: {}, additionalProperties: false }, strict: true } } })
    expect(mounted.twin.responses().at(-1)?.body).toMatchObject({ text: { format: { type: 'json_schema', name: 'x', strict: true } } })
  })

  test('errors of the provider arrive as errors of the client, before and in a stream', async () => {
    await expect(client.chat.completions.create({ model: 'no-such', messages: [{ role: 'user', content: 'x' }] })).rejects.toMatchObject({ status: 404, code: 'model_not_available' })
    mounted.twin.enqueue({ status: 429, headers: { 'retry-after': '1' }, body: { error: { code: 'rate_limit_exceeded', message: 'slow' } } })
    const limited = await client.responses.create({ model: 'gpt-5.5', input: 'x', stream: true }).then(() => undefined, (error: unknown) => error as InstanceType<typeof OpenAI.APIError>)
    expect(limited?.status).toBe(429)
    expect(limited?.headers?.get('retry-after')).toBe('1')
    mounted.twin.enqueue({ text: 'an answer that is cut in the middle', cutAfterEvents: 9, eventsPerWrite: 1 })
    const stream = client.chat.completions.stream({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'x' }] })
    await expect(stream.finalChatCompletion()).rejects.toThrow()
    mounted.twin.enqueue({ text: 'an answer that is cut in the middle', cutAfterEvents: 9, eventsPerWrite: 1 })
    await expect(client.responses.stream({ model: 'gpt-5.5', input: 'x' }).finalResponse()).rejects.toThrow()
  })

  test('curl gets JSON, and server-sent events that end in [DONE]', async () => {
    const curl = (...words: string[]) => run('curl', ['-sS', '--noproxy', '*', '-H', `Authorization: Bearer ${KEY}`, '-H', 'content-type: application/json', ...words])
    const { stdout } = await curl(`${door.baseUrl}/models`)
    expect(JSON.parse(stdout)).toMatchObject({ object: 'list' })
    const streamed = await curl('-N', `${door.baseUrl}/chat/completions`, '-d', '{"model":"role:fast","stream":true,"messages":[{"role":"user","content":"hi"}]}')
    expect(streamed.stdout.trim().endsWith('data: [DONE]')).toBe(true)
  })

  test.each<[string, Record<string, string>, number]>([
    ['no key', { authorization: '' }, 401],
    ['a wrong key', { authorization: 'Bearer local-made-up-kez' }, 401],
    ['the beginning of the key', { authorization: `Bearer ${KEY.slice(0, -1)}` }, 401],
    ['a web page', { origin: 'https://evil.example' }, 403],
  ])('%s is refused by every path', async (_title, headers, status) => {
    const get = (path: string) => fetch(`${door.baseUrl}${path}`, { headers: { authorization: `Bearer ${KEY}`, ...headers } })
    const asked = [...['/chat/completions', '/responses', '/responses/compact', '/messages', '/messages/count_tokens'].map((path) => post(path, '{}', headers)), get('/models'), get('/models/gpt-5.5'), get('/responses/resp_made_up')]
    for (const response of await Promise.all(asked)) {
      expect(response.status).toBe(status)
      expect(response.headers.get('access-control-allow-origin')).toBeNull()
      expect(await response.json()).toMatchObject({ error: { message: expect.any(String) as string } })
    }
  })

  test('another Host is refused, as a page that rebinds DNS would send it', async () => {
    const { port } = new URL(door.baseUrl)
    const status = await new Promise<number | undefined>((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port, path: '/v1/models', headers: { host: 'evil.example', authorization: `Bearer ${KEY}` } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      }).on('error', reject).end()
    })
    expect(status).toBe(403)
  })

  test.each([
    ['/chat/completions', 'not json'], ['/chat/completions', '[]'], ['/chat/completions', '{}'], ['/chat/completions', '{"model":"gpt-5.5","messages":[{}]}'],
    ['/chat/completions', '{"model":"gpt-5.5","messages":[{"role":"tool","content":"x"}]}'], ['/chat/completions', '{"messages":[{"role":"user","content":"x"}]}'],
    ['/responses', '{"model":"gpt-5.5"}'], ['/responses', '{"model":"gpt-5.5","input":[{"type":"function_call_output","output":"x"}]}'], ['/responses', '{"model":"gpt-5.5","input":[7]}'], ['/responses', '{"model":"gpt-5.5","input":"x","previous_response_id":"resp_1"}'],
    ['/responses', '{"model":"gpt-5.5","input":[{"role":"user","content":[{"type":"input_audio"}]}]}'],
  ])('%s answers %s with 400 and a sentence', async (path, body) => {
    const response = await post(path, body)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } })
  })

  test('other paths and methods, and bytes that are no HTTP, do no harm', async () => {
    expect((await post('/embeddings', '{}')).status).toBe(404)
    expect((await fetch(`${new URL(door.baseUrl).origin}//`, { headers: { authorization: `bearer ${KEY}` } })).status).toBe(404)
    expect((await fetch(`${door.baseUrl}/responses`, { headers: { authorization: `Bearer ${KEY}` } })).status).toBe(405)
    await new Promise<void>((resolve) => {
      const socket = connect(Number(new URL(door.baseUrl).port), '127.0.0.1', () => socket.end('\u0000\u0001 garbage\r\n\r\n'))
      socket.on('close', () => resolve()).on('error', () => undefined).resume()
    })
    expect((await client.models.list()).data.length).toBeGreaterThan(0)
  })

  test('a body over the limit is answered, not cut off', async () => {
    const response = await post('/responses', ' '.repeat(64 * 1024 * 1024 + 1))
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('64 MB') as string } })
  })

  test.each([
    ['chat/completions', true, 'before the first byte', 0], ['chat/completions', true, 'in its middle', 8], ['chat/completions', false, 'while it waits', 8],
    ['responses', true, 'before the first byte', 0], ['responses', true, 'in its middle', 8], ['responses', false, 'while it waits', 8],
  ] as const)('a client of /%s (stream: %s) that goes away %s frees the upstream socket within 250 ms', WALL_TIME, async (path, stream, when, stallAfterEvents) => {
    mounted.twin.enqueue({ text: 'one two three four', stallAfterEvents, eventsPerWrite: 1 })
    const body = JSON.stringify({ model: 'gpt-5.5', stream, ...(path === 'responses' ? { input: 'x' } : { messages: [{ role: 'user', content: 'x' }] }) })
    const socket = connect(Number(new URL(door.baseUrl).port), '127.0.0.1')
    socket.on('error', () => undefined)
    const came = once(socket, 'data')
    came.catch(() => undefined)
    socket.write(`POST /v1/${path} HTTP/1.1\r\nHost: ${new URL(door.baseUrl).host}\r\nAuthorization: Bearer ${KEY}\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    if (when === 'in its middle') await came
    else await vi.waitFor(() => expect(mounted.twin.activity().running).toBe(1), { interval: 5, timeout: 10_000 })
    const startedMs = performance.now()
    socket.destroy()
    await vi.waitFor(() => expect(mounted.twin.activity().running).toBe(0), { timeout: 10_000, interval: 5 })
    expect(performance.now() - startedMs).toBeLessThan(250)
  })

  test('the official client that aborts frees the upstream socket within 250 ms', WALL_TIME, async () => {
    mounted.twin.enqueue({ text: 'one two three four', stallAfterEvents: 8, eventsPerWrite: 1 })
    const controller = new AbortController()
    const stream = await client.chat.completions.create({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'x' }], stream: true }, { signal: controller.signal })
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break
    controller.abort()
    await expect.poll(() => mounted.twin.activity().running, { timeout: 250, interval: 10 }).toBe(0)
  })

  test('a hundred calls at once all answer, and a stalled one holds nobody up', async () => {
    mounted.twin.enqueue({ text: 'never', stallAfterEvents: 3, match: (request) => JSON.stringify(request.body).includes('stall-me') })
    const controller = new AbortController()
    const ask = (content: string, options = {}) => client.chat.completions.create({ model: 'gpt-5.5', messages: [{ role: 'user', content }] }, options)
    const stalled = ask('stall-me', { signal: controller.signal }).then(() => 'answered', (error: unknown) => error)
    await vi.waitFor(() => expect(mounted.twin.activity().running).toBe(1), { interval: 5, timeout: 10_000 })
    const answers = await Promise.all(Array.from({ length: 99 }, (_, index) => ask(`number ${index}.`)))
    expect(answers.map(({ choices }) => choices[0]?.message.content)).toEqual(answers.map((_, index) => `You said: number ${index}.`))
    controller.abort()
    expect(await stalled).toBeInstanceOf(OpenAI.APIUserAbortError)
  })

  test.each([
    ['a header line without a name', 'GET /v1/models HTTP/1.1\r\nHost: HOST\r\n: x\r\n\r\n', 400],
    ['two lengths that differ', 'POST /v1/responses HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}', 400],
    ['a length beside chunks', 'POST /v1/responses HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}', 400],
    ['no Host', 'GET /v1/models HTTP/1.1\r\n\r\n', 400],
    ['an empty Host', 'GET /v1/models HTTP/1.1\r\nHost:\r\n\r\n', 403],
    ['headers of 64 KB', `GET /v1/models HTTP/1.1\r\nHost: HOST\r\nx: ${'x'.repeat(65_536)}\r\n\r\n`, 431],
    ['a chunk whose size is no number', 'POST /v1/responses HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer KEY\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n', 400],
    ['a key of bytes that are no text', 'GET /v1/models HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer \u00ff\u00fe\r\n\r\n', 401],
  ])('%s is refused, and the door goes on', async (_title, text, status) => {
    const { host, port } = new URL(door.baseUrl)
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(Buffer.from(text.replace('HOST', host).replace('KEY', KEY), 'latin1')))
      // A status line is all we want: what may be kept open is ended.
      socket.on('data', (bytes) => { resolve(String(bytes)); socket.destroy() }).on('close', () => resolve('')).on('error', () => undefined)
    })
    expect(answer.split('\r\n')[0]).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect((await client.models.list()).data.length).toBeGreaterThan(0)
  })

  test('a prompt of 1 MB and an image of 5 MB pass', async () => {
    const prompt = await client.chat.completions.create({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'x'.repeat(900_000) }] })
    expect(prompt.choices[0]?.message.content?.length).toBeGreaterThan(1000)
    await expect(client.chat.completions.create({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'x'.repeat(1_500_000) }] })).rejects.toMatchObject({ status: 400, code: 'context_length_exceeded' })
    const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(5_000_000)]).toString('base64')
    const image = await client.chat.completions.create({ model: 'gpt-5.5', messages: [{ role: 'user', content: [{ type: 'text', text: 'look' }, { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } }] }] })
    expect(image.choices).toHaveLength(1)
  })
})
