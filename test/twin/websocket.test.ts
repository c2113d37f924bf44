import { afterEach, describe, expect, test } from 'vitest'
import type { Twin, TwinOptions } from '../../src/twin/index.js'
import { ask, doneItems, headersOf, openSocket, responseOf, send, signIn, textOf, typesOf, UpgradeRefused, usageOf, user, type Json, type RawSocket, type SignedIn } from './support/raw-client.js'

let open: Twin[] = []
afterEach(async () => {
  await Promise.all(open.map((twin) => twin.close()))
  open = []
})

async function start(options: TwinOptions = {}): Promise<SignedIn & { connect(): Promise<RawSocket> }> {
  const signed = await signIn(options)
  open.push(signed.twin)
  return { ...signed, connect: () => openSocket(`${signed.twin.baseUrl}/responses`, signed.headers) }
}

const frame = (text: string, more: Json = {}): Json => ({ type: 'response.create', ...ask(text, more) })
const tools = [{ type: 'function', name: 'read', parameters: { type: 'object', properties: {} } }]
const refusedWith = (status: number) => (error: unknown) => error instanceof UpgradeRefused && error.status === status

describe('a turn over a WebSocket', () => {
  test('begins with the events that stand for headers, and is then the same as over SSE', async () => {
    const { connect, twin } = await start()
    const socket = await connect()
    const events = await socket.turn(frame('hello'))
    expect(typesOf(events).slice(0, 5)).toEqual(['codex.rate_limits', 'codex.response.metadata', 'response.metadata', 'response.created', 'response.in_progress'])
    expect(textOf(events)).toBe('You said: hello')
    expect(socket.upgradeHeaders['x-reasoning-included']).toBe('true')
    expect(twin.openConnections()).toEqual({ http: 0, websocket: 1 })
    expect(twin.responses()).toMatchObject([{ method: 'FRAME', transport: 'websocket', status: 200, ended: 'completed', connection: 1 }])
    expect(twin.requests[0]).toMatchObject({ method: 'GET', transport: 'websocket', status: 101 })
    socket.socket.close()
    await socket.closed
  })

  test('a warm-up gets an id with nothing said, and a turn goes on from it with what is new', async () => {
    const { connect } = await start()
    const socket = await connect()
    const warm = await socket.turn(frame('', { input: [], generate: false, tools }))
    expect(typesOf(warm).slice(-3)).toEqual(['response.created', 'response.in_progress', 'response.completed'])
    const first = await socket.turn(frame('', { input: [user('call read {"path":"x"}')], previous_response_id: responseOf(warm)['id'], tools }))
    const [call] = doneItems(first)
    expect(call).toMatchObject({ type: 'function_call', name: 'read' })
    const second = await socket.turn(frame('', {
      input: [{ type: 'function_call_output', call_id: call?.['call_id'], output: 'the content' }], previous_response_id: responseOf(first)['id'], tools,
    }))
    expect(textOf(second)).toBe('The tool read gave: the content')
    expect(usageOf(second).input_tokens).toBeGreaterThan(usageOf(first).input_tokens)
  })

  test('only the latest response of this connection can be continued, and none after an error', async () => {
    const { connect } = await start()
    const [one, two] = [await connect(), await connect()]
    const first = responseOf(await one.turn(frame('a')))['id']
    const lost = { type: 'error', status: 400, error: { type: 'invalid_request_error', code: 'previous_response_not_found', param: 'previous_response_id' } }
    expect(await two.turn(frame('b', { previous_response_id: first }))).toMatchObject([lost])
    const second = responseOf(await one.turn(frame('b', { previous_response_id: first })))['id']
    expect(await one.turn(frame('c', { previous_response_id: first }))).toMatchObject([lost])
    expect(await one.turn(frame('d', { previous_response_id: second }))).toMatchObject([lost])
    expect(textOf(await one.turn(frame('e')))).toBe('You said: e')
  })

  test.each([
    ['top_level', { type: 'error', code: 'previous_response_not_found' }],
    ['message_only', { type: 'error', status: 400, error: { message: "Previous response with id 'resp_x' not found." } }],
    ['failed', { type: 'response.failed', response: { status: 'failed', error: { code: 'previous_response_not_found' } } }],
  ] as const)('a lost response can be told in the shape %s', async (shape, expected) => {
    const { connect } = await start({ previousResponseNotFoundShape: shape })
    const socket = await connect()
    expect(await socket.turn(frame('a', { previous_response_id: 'resp_x' }))).toMatchObject([expected])
  })

  test('forgetResponses() loses the state of connections that stay open', async () => {
    const { connect, twin } = await start()
    const socket = await connect()
    const id = responseOf(await socket.turn(frame('a')))['id']
    twin.forgetResponses()
    expect(await socket.turn(frame('b', { previous_response_id: id }))).toMatchObject([{ error: { code: 'previous_response_not_found' } }])
  })

  test('an orphaned output and a refusal are error frames; the connection lives on', async () => {
    const { connect, twin } = await start()
    const socket = await connect()
    const orphan = await socket.turn(frame('', { input: [{ type: 'function_call_output', call_id: 'call_9', output: 'x' }] }))
    expect(orphan).toMatchObject([{ type: 'error', status: 400, error: { message: 'No tool call found for function call output with call_id call_9.' } }])
    twin.exhaust('gpt-5.5', 4_000_000_000)
    const exhausted = await socket.turn(frame('a'))
    expect(exhausted).toMatchObject([{
      type: 'error', status_code: 429, error: { type: 'usage_limit_reached', plan_type: 'plus', resets_at: 4_000_000_000 }, headers: { 'x-codex-active-limit': 'premium' },
    }])
    expect(textOf(await socket.turn(frame('b', { model: 'gpt-5.4' })))).toBe('You said: b')
    twin.relieve('gpt-5.5')
    twin.enqueue({ status: 503, body: { detail: 'down' }, statusKey: 'none' })
    const [scripted] = await socket.turn(frame('c'))
    expect(scripted).toMatchObject({ type: 'error', error: { message: 'down' } })
    expect(scripted).not.toHaveProperty('status')
  })

  test('a second frame while one is answered is refused', async () => {
    const { connect, twin } = await start()
    twin.enqueue({ text: 'slow', firstEventDelayMs: 30 })
    const socket = await connect()
    socket.send(frame('a'))
    socket.send(frame('b'))
    expect(await socket.next()).toMatchObject({ type: 'error', error: { code: 'websocket_response_in_progress' } })
  })

  test('frames that are no response.create, no JSON or binary are refused', async () => {
    const { connect } = await start()
    const socket = await connect()
    for (const bad of ['{', '[]', { type: 'response.processed' }, Buffer.from(JSON.stringify(frame('a')))]) {
      socket.send(bad)
      expect(await socket.next()).toMatchObject({ type: 'error', status: 400 })
    }
  })

  test('door 1 wants store false and stream true in frames too, and generate and type only there', async () => {
    const { connect } = await start()
    const socket = await connect()
    expect(await socket.turn(frame('a', { store: true }))).toMatchObject([{ error: { message: 'Store must be set to false' } }])
    expect(await socket.turn(frame('a', { stream: false }))).toMatchObject([{ error: { message: 'Stream must be set to true' } }])
    expect(await socket.turn(frame('a', { temperature: 1 }))).toMatchObject([{ error: { message: 'Unsupported parameter: temperature' } }])
  })
})

describe('the life of a connection', () => {
  test('past its age a turn answers websocket_connection_limit_reached and the connection ends', async () => {
    let now = 1_790_000_000_000
    const { connect, twin } = await start({ now: () => now, accessTokenTtlSeconds: 10_000 })
    const socket = await connect()
    await socket.turn(frame('a'))
    now += 3_600_000
    expect(await socket.turn(frame('b'))).toMatchObject([{ status: 400, error: { code: 'websocket_connection_limit_reached' } }])
    expect((await socket.closed).code).toBe(1000)
    const other = await connect()
    twin.expireConnections()
    expect(await other.turn(frame('b'))).toMatchObject([{ error: { code: 'websocket_connection_limit_reached' } }])
  })

  test('a message of 16 MiB ends it with 1009', async () => {
    const { connect } = await start()
    const socket = await connect()
    socket.send('x'.repeat(16 * 1024 * 1024))
    expect((await socket.closed).code).toBe(1009)
  })

  test('pings are answered unless told otherwise', async () => {
    const { connect, twin } = await start()
    const socket = await connect()
    const pong = new Promise((resolve) => { socket.socket.once('pong', resolve) })
    socket.socket.ping('x')
    expect(String(await pong)).toBe('x')
    twin.configure({ answerPings: false })
    let answered = false
    socket.socket.on('pong', () => { answered = true })
    socket.socket.ping('y')
    await socket.turn(frame('a'))
    expect(answered).toBe(false)
  })

  test('closeSockets() ends it with a code, or without any frame', async () => {
    const { connect, twin } = await start()
    const one = await connect()
    twin.closeSockets(1012, 'restart')
    expect(await one.closed).toEqual({ code: 1012, reason: 'restart' })
    const two = await connect()
    twin.closeSockets()
    expect((await two.closed).code).toBe(1006)
    expect(twin.openConnections().websocket).toBe(0)
  })

  test('closeSockets() leaves those that answer alone where only idle ones are meant', async () => {
    const { connect, twin } = await start()
    const [idle, busy] = [await connect(), await connect()]
    twin.enqueue({ text: 'said in full', stallAfterEvents: 2, stallMs: 50 })
    const answered = busy.turn(frame('a'))
    await expect.poll(() => twin.activity().running).toBe(1)
    twin.closeSockets(1001, '', { idle: true })
    expect((await idle.closed).code).toBe(1001)
    expect(textOf(await answered)).toBe('said in full')
  })

  test('a close after no bytes comes before any frame', async () => {
    const { connect, twin } = await start()
    const socket = await connect()
    const came: unknown[] = []
    socket.socket.on('message', (data) => came.push(data))
    twin.enqueue({ text: 'x', cutAfterBytes: 0, closeCode: 1009 })
    socket.send(frame('a'))
    expect([(await socket.closed).code, came]).toEqual([1009, []])
    expect(twin.responses()).toMatchObject([{ ended: 'cut' }])
  })

  test('a reply can be for what the model sees, of which a continuation sends the end alone', async () => {
    const { connect, twin } = await start()
    const socket = await connect()
    const id = responseOf(await socket.turn(frame('the first words')))['id']
    twin.enqueue({ text: 'seen', match: ({ body }, items) => JSON.stringify(items).includes('the first words') && !JSON.stringify(body).includes('the first words') })
    expect(textOf(await socket.turn(frame('more', { previous_response_id: id })))).toBe('seen')
  })
})

describe('the upgrade', () => {
  test('is refused with the status that tells why', async () => {
    const { twin, headers } = await start({ maxSockets: 1 })
    const url = `${twin.baseUrl}/responses`
    await expect(openSocket(url, {})).rejects.toSatisfy(refusedWith(401))
    await expect(openSocket(url, headers, { beta: false })).rejects.toSatisfy(refusedWith(400))
    await expect(openSocket(`${twin.url}/elsewhere`, headers)).rejects.toSatisfy(refusedWith(404))
    twin.enqueue({ status: 429, headers: { 'retry-after': '3' }, body: { detail: 'later' }, upgrade: true })
    await expect(openSocket(url, headers)).rejects.toSatisfy(refusedWith(429))
    await openSocket(url, headers)
    await expect(openSocket(url, headers)).rejects.toSatisfy(refusedWith(403))
    twin.expireAccessTokens()
    await expect(openSocket(url, headers)).rejects.toSatisfy(refusedWith(401))
    expect(twin.requests.map((entry) => entry.status)).toEqual([401, 400, 404, 429, 101, 403, 401])
  })

  test('is answered 426 where the twin speaks HTTP alone', async () => {
    const { twin, headers } = await start({ websocket: false })
    await expect(openSocket(`${twin.baseUrl}/responses`, headers)).rejects.toSatisfy(refusedWith(426))
    expect((await send(`${twin.baseUrl}/models?client_version=1.0.0`, { headers })).status).toBe(200)
  })

  test('negotiates permessage-deflate, and big frames come whole through it', async () => {
    const { connect, twin } = await start()
    const socket = await connect()
    expect(socket.socket.extensions).toBe('permessage-deflate')
    twin.enqueue({ text: 'x'.repeat(100_000), deltaChars: 50_000 })
    expect(textOf(await socket.turn(frame('a')))).toBe('x'.repeat(100_000))
  })

  test('on /v1 a plan token or an API key opens it without the beta header', async () => {
    const { twin } = await start()
    const plan = headersOf(twin.issueTokens({ lane: 'plan' }))
    for (const headers of [{ authorization: plan['authorization'] ?? '' }, { authorization: `Bearer ${twin.issueApiKey()}` }]) {
      const socket = await openSocket(`${twin.apiBaseUrl}/responses`, headers, { beta: false })
      expect(textOf(await socket.turn(frame('a')))).toBe('You said: a')
    }
  })
})
