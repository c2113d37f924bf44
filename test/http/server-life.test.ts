import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request as httpRequest, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createHttpServer, createKeyFile, type HttpServer, type HttpServerOptions } from '../../src/http/index.js'
import type { RequestLogEntry } from '../../src/http/request-log-entry.js'
import { shortHash } from '../../src/lib/index.js'
import { buildCallRecord, createLiveBoard } from '../../src/usage/index.js'
import type { CallObserver, ObservedCall } from '../../src/contract/index.js'
import { mountOnTwin, type Mounted } from '../support/mounted.js'

const KEY = 'local-made-up-key'

async function open(options: Partial<HttpServerOptions> = {}, observers: CallObserver[] = []): Promise<{ mounted: Mounted; server: HttpServer; ask: (path: string, body?: unknown, headers?: Record<string, string>) => Promise<Response> }> {
  const mounted = await mountOnTwin({ config: { max_retries: 0 }, parts: { observers } })
  const server = await createHttpServer({ provider: mounted.provider, key: KEY, ...options })
  onTestFinished(async () => {
    await server.close()
    await mounted.close()
  })
  const ask = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(`${server.baseUrl}${path}`, { ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }), headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...headers } })
  return { mounted, server, ask }
}

test.each([
  ['/responses', { input: 'hello', prompt_cache_key: 'cache-1' }, {}, ['cache-1', '']],
  ['/responses', { input: 'hello', prompt_cache_key: 'cache-1', metadata: { agent: 'explorer' } }, { 'session-id': '0199-made-up' }, ['0199-made-up', 'explorer']],
  ['/chat/completions', { messages: [{ role: 'user', content: 'hello' }] }, { 'session-id': '0199-made-up', 'x-agent': 'zen' }, ['0199-made-up', 'zen']],
  ['/messages', { max_tokens: 100, messages: [{ role: 'user', content: 'hello' }], metadata: { user_id: 'user_a_session_b-c' } }, { 'x-agent': 'a\u00a0b' }, [shortHash('b-c'), '']],
])('%s %j: the totals know the client by its session, its agent and its key, and the backend none of it', async (path, body, headers, [session, agent]) => {
  const board = createLiveBoard()
  const calls: ObservedCall[] = []
  const { ask, mounted } = await open({}, [{ begin: (call) => { calls.push(call); return board.begin(call) } }])
  expect((await ask(path, { model: 'gpt-5.5', ...body }, headers)).status).toBe(200)
  expect(board.snapshot().recent).toMatchObject([{ session, agent }])
  expect(calls.map((call) => buildCallRecord(call, { startedAtMs: 0, endedAtMs: 1, firstDeltaAtMs: 1 }, {}))).toMatchObject([{ key: 'default', session, agent }])
  expect(JSON.stringify(mounted.twin.responses().map(({ body: sent }) => sent))).not.toMatch(/http_client|zen|explorer/)
})

test.each([
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hello' }] }],
  ['/v1/responses', { input: 'hello' }],
  ['/v1/messages', { max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] }],
])('%s: a client that asks for its connection to be closed has it closed behind the answer, streamed or not', async (path, body) => {
  const { server } = await open()
  for (const stream of [true, false]) {
    const json = JSON.stringify({ model: 'gpt-5.5', stream, ...body })
    const socket = connect(Number(new URL(server.baseUrl).port), '127.0.0.1')
    socket.write(`POST ${path} HTTP/1.1\r\nhost: ${new URL(server.baseUrl).host}\r\nauthorization: Bearer ${KEY}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${json.length}\r\n\r\n${json}`)
    // Ends with the connection alone.
    const answer = (await socket.setEncoding('utf8').toArray()).join('')
    const [head = ''] = answer.split('\r\n\r\n')
    expect([head.startsWith('HTTP/1.1 200'), /^connection: (.*)$/im.exec(head)?.[1], /^keep-alive:/im.test(head), answer.includes('hello')]).toEqual([true, 'close', false, true])
  }
})

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'server-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const read = (send: typeof httpRequest, options: RequestOptions & { ca?: string }) => new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
  send({ ...options, headers: { authorization: `Bearer ${KEY}` } }, (response) => {
    let text = ''
    response.setEncoding('utf8').on('data', (part: string) => { text += part }).on('end', () => resolve({ status: response.statusCode, text }))
  }).on('error', reject).end()
})

const SLOW = { text: 'one two three four five six', deltaChars: 4, stallAfterEvents: 6 }

describe('a server that ends', () => {
  test('lets what runs finish within the limit, takes nothing new, and is not ready', async () => {
    const { mounted, server, ask } = await open()
    mounted.twin.enqueue({ text: 'one two three four five six', deltaChars: 4, eventDelayMs: 30 })
    const running = await ask('/responses', { model: 'gpt-5.5', input: 'x', stream: true })
    const closed = server.close({ graceMs: 20_000 })
    await expect(fetch(`${server.baseUrl}/models`)).rejects.toThrow()
    const text = await running.text()
    expect(text).toContain('response.completed')
    expect(text.trim().endsWith('data: [DONE]')).toBe(true)
    await closed
  })

  test.each([
    ['/responses', { input: 'x' }, /event: response\.failed\ndata: .*"code":"server_shutdown"/],
    ['/chat/completions', { messages: [{ role: 'user', content: 'x' }] }, /"code":"server_shutdown"/],
    ['/messages', { max_tokens: 100, messages: [{ role: 'user', content: 'x' }] }, /event: error\ndata: .*"request_id":"req_/],
  ])('cuts a stream of %s with a typed error after the limit', async (path, body, expected) => {
    const { mounted, server, ask } = await open()
    mounted.twin.enqueue(SLOW)
    const running = await ask(path, { model: 'gpt-5.5', stream: true, ...body })
    const reader = running.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = (await reader?.read())?.value ?? ''
    await server.close({ graceMs: 50 })
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) text += part.value
    expect(text).toMatch(expected)
  })

  test('lets the turn of a WebSocket finish within the limit, and cuts it after', async () => {
    for (const [script, graceMs, last] of [[{ ...SLOW, stallAfterEvents: undefined, eventDelayMs: 30 }, 20_000, 'response.completed'], [SLOW, 50, 'response.failed']] as const) {
      const { mounted, server } = await open()
      mounted.twin.enqueue(script)
      const socket = new WebSocket(`${server.baseUrl.replace('http', 'ws')}/responses`, { headers: { authorization: `Bearer ${KEY}` } })
      const events: { type: string; response?: { error?: { code: string } } }[] = []
      socket.on('message', (data: Buffer) => void events.push(JSON.parse(data.toString())))
      await once(socket, 'open')
      socket.send(JSON.stringify({ type: 'response.create', model: 'gpt-5.5', input: 'x' }))
      await vi.waitFor(() => expect(events.map(({ type }) => type)).toContain('response.output_text.delta'), { timeout: 10_000 })
      const closed = once(socket, 'close')
      await Promise.all([server.close({ graceMs }), closed])
      expect([events.at(-1)?.type, events.at(-1)?.response?.error?.code]).toEqual([last, last === 'response.failed' ? 'server_shutdown' : undefined])
    }
  })

  test('answers 503 on a connection that stays, healthy all the while', async () => {
    const { mounted, server } = await open()
    mounted.twin.enqueue(SLOW)
    const { port } = new URL(server.baseUrl)
    const socket = (await import('node:net')).connect(Number(port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    let seen = ''
    socket.setEncoding('utf8').on('data', (text: string) => { seen += text })
    const body = JSON.stringify({ model: 'gpt-5.5', input: 'x', stream: true })
    const head = (method: string, path: string) => `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${KEY}\r\n`
    socket.write(`${head('POST', '/v1/responses')}content-length: ${body.length}\r\n\r\n${body}`)
    await vi.waitFor(() => expect(seen).toContain('output_text.delta'), { timeout: 10_000 })
    socket.write(`${head('GET', '/healthz')}\r\n${head('GET', '/readyz')}\r\n${head('GET', '/v1/models')}\r\n`)
    await server.close({ graceMs: 100 })
    await vi.waitFor(() => expect(seen).toContain('server_shutdown'), { timeout: 10_000 })
    expect(seen).toContain('HTTP/1.1 200')
    expect(seen).not.toContain('"object":"list"')
  })

  test('is ready only while somebody is signed in', async () => {
    const mounted = await mountOnTwin({ config: { login_on_mount: false }, prepare: ({ config }) => void (config.token_file_path = join(makeFolder(), 'none.json')) })
    const server = await createHttpServer({ provider: mounted.provider, key: KEY })
    onTestFinished(async () => {
      await server.close()
      await mounted.close()
    })
    const at = new URL(server.baseUrl).origin
    expect([(await fetch(`${at}/healthz`)).status, (await fetch(`${at}/readyz`)).status]).toEqual([200, 503])
    const signedIn = await open()
    const ready = await fetch(`${new URL(signedIn.server.baseUrl).origin}/readyz`)
    expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready' }])
  })

  test('is not ready once the refresh was refused for good, until somebody signs in anew', async () => {
    const { mounted, server } = await open()
    const path = String(mounted.config.token_file_path)
    const before = readFileSync(path, 'utf8')
    mounted.twin.invalidateRefreshToken((JSON.parse(before) as { refresh_token: string }).refresh_token)
    mounted.twin.expireAccessTokens()
    const ask = async () => {
      const answer = await fetch(`${new URL(server.baseUrl).origin}/readyz`)
      return [answer.status, await answer.json()]
    }
    expect(await ask()).toEqual([200, { status: 'ready' }])
    const call = await fetch(`${server.baseUrl}/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${KEY}` }, body: JSON.stringify({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'hello' }] }) })
    expect([call.ok, await call.text()]).toEqual([false, expect.stringContaining('refresh_token_invalidated')])
    expect(await ask()).toEqual([503, { status: 'sign_in_ended' }])
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(before) as object), ...mounted.twin.issueTokens() }))
    expect(await ask()).toEqual([200, { status: 'ready' }])
  })
})

test('the look of a client whether anybody is there is answered without a key', async () => {
  const log: RequestLogEntry[] = []
  const { server, ask } = await open({ log: (entry) => void log.push(entry) })
  expect((await fetch(new URL('/', server.baseUrl), { method: 'HEAD' })).status).toBe(200)
  await (await ask('/messages', { model: 'role-of-mine', max_tokens: 10, messages: [{ role: 'user', content: 'hello' }] })).text()
  await (await ask('/messages', { model: 'claude-opus-4-8', max_tokens: 10, messages: [{ role: 'user', content: 'hello' }] })).text()
  await vi.waitFor(() => expect(log.length).toBe(3), 10_000)
  expect(log.map(({ status, error, requested_model, model }) => [status, error, requested_model, model])).toEqual([
    [200, undefined, undefined, undefined], [404, 'model_not_available', undefined, 'role-of-mine'], [200, undefined, 'claude-opus-4-8', expect.stringMatching(/^gpt-/)],
  ])
})

describe('where a server listens', () => {
  test.skipIf(process.platform === 'win32')('a socket file of mode 0600 in a folder of 0700; what a killed server left is taken away, a live one is not', async () => {
    const folder = join(makeFolder(), 'run')
    const socketPath = join(folder, 'chatgpt.sock')
    const script = `require('net').createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, 'SIGKILL'))`
    execFileSync('mkdir', ['-m', '700', folder])
    expect(() => execFileSync(process.execPath, ['-e', script], { stdio: 'ignore' })).toThrow()
    const { server, mounted } = await open({ socketPath })
    expect([folder, socketPath].map((path) => (statSync(path).mode & 0o777).toString(8))).toEqual(['700', '600'])
    expect(server.baseUrl).toBe(`http+unix://${encodeURIComponent(socketPath)}/v1`)
    expect(await read(httpRequest, { socketPath, path: '/v1/models' })).toMatchObject({ status: 200 })
    await expect(createHttpServer({ provider: mounted.provider, key: KEY, socketPath })).rejects.toMatchObject({ name: 'ConfigurationError', message: expect.stringContaining(socketPath) })
    await server.close()
    expect(statSync(socketPath, { throwIfNoEntry: false })).toBeUndefined()
  })

  test('https with a certificate of its own', async () => {
    const folder = makeFolder()
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' })
    const tls = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
    const warnings: string[] = []
    const { server } = await open({ tls, warn: (message) => void warnings.push(message) })
    const { protocol, port } = new URL(server.baseUrl)
    expect(protocol).toBe('https:')
    expect(await read(httpsRequest, { host: 'localhost', port, path: '/v1/models', ca: tls.cert })).toMatchObject({ status: 200 })
    await expect(read(httpsRequest, { host: 'localhost', port, path: '/v1/models' })).rejects.toThrow(/self-signed/)
    // One line for a client that tries again and again, and for one that speaks http.
    await expect(read(httpRequest, { host: 'localhost', port, path: '/v1/models' })).rejects.toThrow()
    await vi.waitFor(() => expect(warnings).toEqual([expect.stringMatching(/^warning: a TLS handshake with .* failed \(.+\): the client must trust the certificate's CA and speak https$/)]), 10_000)
  })
})

describe('keys with names', () => {
  test('cut what runs when they are revoked, and nothing of another key; the answer to one that is not known says so', async () => {
    const file = createKeyFile(join(makeFolder(), 'keys.json'))
    const [one, other] = [await file.add('one'), await file.add('other')]
    const { mounted, ask } = await open({ keys: file.current })
    mounted.twin.enqueue({ ...SLOW, stallMs: 2000 }, { ...SLOW, stallMs: 2000 })
    const stream = (key: string) => ask('/responses', { model: 'gpt-5.5', input: 'hello', stream: true }, { authorization: `Bearer ${key}` })
    const [cut, whole] = [await stream(one), await stream(other)]
    await file.revoke('one')
    const said = await cut.text()
    expect([said.includes('The key of this request was revoked'), said.includes('response.completed')]).toEqual([true, false])
    expect(await whole.text()).toContain('response.completed')
    expect(await (await ask('/models', undefined, { authorization: `Bearer ${one}` })).text()).toContain('This key is not known here')
    expect(await (await ask('/models', undefined, { authorization: '' })).text()).toContain('A key of this server is required')
  })

  test('are seen in the log, end with their revoking, on a WebSocket too, and see nothing of each other', async () => {
    let at = 0
    const file = createKeyFile(join(makeFolder(), 'keys.json'), { monotonic: () => (at += 1000) })
    const [one, other] = [await file.add('one'), await file.add('other')]
    const log: RequestLogEntry[] = []
    const { server, ask } = await open({ keys: file.current, log: (entry) => void log.push(entry) })
    const as = (key: string) => ({ authorization: `Bearer ${key}` })
    const { id } = (await (await ask('/responses', { model: 'gpt-5.5', input: 'hello' }, as(one))).json()) as { id: string }
    const statuses = await Promise.all([one, other, KEY].map(async (key) => (await ask(`/responses/${id}`, undefined, as(key))).status))
    expect(statuses).toEqual([200, 404, 404])
    expect((await ask('/responses', { model: 'gpt-5.5', input: 'x', previous_response_id: id }, as(other))).status).toBe(400)
    const socket = new WebSocket(`${server.baseUrl.replace('http', 'ws')}/responses`, { headers: as(one) })
    onTestFinished(() => socket.terminate())
    await once(socket, 'open')
    await file.revoke('one')
    socket.send(JSON.stringify({ type: 'response.create', model: 'gpt-5.5', input: 'x' }))
    const [data] = (await once(socket, 'message')) as [Buffer]
    expect(JSON.parse(data.toString())).toMatchObject({ type: 'error', status: 401, error: { code: 'invalid_api_key' } })
    await once(socket, 'close')
    expect([(await ask('/models', undefined, as(one))).status, (await ask('/models', undefined, as(other))).status]).toEqual([401, 200])
    await vi.waitFor(() => expect(log.length).toBe(7), 10_000)
    expect(log[0]).toMatchObject({ key: 'one', method: 'POST', path: '/v1/responses', status: 200, model: 'gpt-5.5', served_model: 'gpt-5.5', request_id: expect.stringMatching(/^req_/) })
    expect(log.slice(1).map(({ key, status }) => `${key} ${status}`).sort()).toEqual(['- 401', 'default 404', 'one 200', 'other 200', 'other 400', 'other 404'])
  })
})
