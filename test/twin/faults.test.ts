import { createConnection } from 'node:net'
import { Agent, request } from 'undici'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { TwinFaults } from '../../src/twin/index.js'
import { ask, openSocket, post, readEvents, signIn, textOf, typesOf, type Json, type SignedIn } from './support/raw-client.js'
import { WALL_TIME } from '../support/wall-time.js'

let signed: SignedIn
beforeEach(async () => { signed = await signIn() })
afterEach(() => signed.twin.close())

const frame = (text: string): Json => ({ type: 'response.create', ...ask(text) })
const turn = () => post(`${signed.twin.baseUrl}/responses`, ask('hello'), signed.headers)

/** Everything that comes until the connection ends, and how it ended. */
async function rawTurn(): Promise<{ body: string; ended: 'body' | 'fin' | 'reset' }> {
  const { twin, headers } = signed
  const body = JSON.stringify(ask('hello'))
  const lines = Object.entries({ ...headers, host: '127.0.0.1', 'content-type': 'application/json', 'content-length': String(body.length) })
  const { port } = new URL(twin.url)
  return new Promise((resolve) => {
    const socket = createConnection(Number(port), '127.0.0.1', () => {
      socket.write(`POST /backend-api/codex/responses HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`)
    })
    let text = ''
    const decode = () => text.slice(text.indexOf('\r\n\r\n') + 4).replace(/\r\n[0-9a-f]+\r\n|^[0-9a-f]+\r\n/g, '').replace(/\r\n$/, '')
    socket.on('data', (chunk) => {
      text += chunk.toString('utf8')
      if (!text.endsWith('\r\n0\r\n\r\n')) return
      socket.destroy()
      resolve({ body: decode(), ended: 'body' })
    })
    socket.on('end', () => resolve({ body: decode(), ended: 'fin' }))
    socket.on('error', () => resolve({ body: decode(), ended: 'reset' }))
  })
}

describe('cuts over SSE', () => {
  test.each([
    [{ cutAfterEvents: 3 }, 'fin'], [{ cutAfterEvents: 3, reset: true }, 'reset'], [{ cutAfterEvents: 3, endBody: true }, 'body'],
  ] as const)('%o ends after three events by %s', async (faults: TwinFaults, how) => {
    signed.twin.enqueue({ text: 'x', ...faults })
    const { body, ended } = await rawTurn()
    expect(ended).toBe(how)
    expect(body.match(/^event: /gm)).toHaveLength(3)
    expect(signed.twin.requests[0]).toMatchObject({ status: 200, ended: 'cut' })
  })

  test('a cut by bytes ends at exactly that byte', async () => {
    for (const cutAfterBytes of [1, 100, 1_000]) {
      signed.twin.enqueue({ text: 'x', cutAfterBytes })
      const { body, ended } = await rawTurn()
      expect([ended, Buffer.byteLength(body)]).toEqual(['fin', cutAfterBytes])
    }
  })

  test('a reset by itself comes before the status line', async () => {
    signed.twin.enqueue({ text: 'x', reset: true })
    expect(await rawTurn()).toEqual({ body: '', ended: 'reset' })
  })
})

describe('bytes over SSE', () => {
  test.each(['\n', '\r\n', '\r'] as const)('line ending %j, byte order mark, tiny writes and no last blank line still hold the whole answer', async (lineEnding) => {
    signed.twin.enqueue({ text: 'hé😀llo', lineEnding, bom: true, bytesPerWrite: 97, deltaChars: 1 })
    const reply = await turn()
    expect(reply.text.startsWith('\uFEFFevent: response.created')).toBe(true)
    expect(textOf(readEvents(reply.text))).toBe('hé😀llo')
    signed.twin.enqueue({ text: 'x', lineEnding, omitLastBlankLine: true })
    const open = await turn()
    expect(open.text.endsWith(`}${lineEnding}`) && !open.text.endsWith(lineEnding + lineEnding)).toBe(true)
    expect(typesOf(readEvents(open.text)).at(-1)).toBe('response.completed')
  })

  test('a malformed event stands between good ones; a marker, a content type and headers are as scripted', async () => {
    signed.twin.enqueue({ text: 'x', malformedAfterEvents: 2, trailing: 'data: [DONE]\n\n', contentType: 'text/plain', headers: { 'x-own': '1' } })
    const reply = await turn()
    const data = reply.text.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6))
    expect(() => JSON.parse(data[2] ?? '') as unknown).toThrow()
    expect(JSON.parse(data[3] ?? '')).toMatchObject({ type: 'response.output_item.added' })
    expect(data.at(-1)).toBe('[DONE]')
    expect([reply.headers['content-type'], reply.headers['x-own']]).toEqual(['text/plain', '1'])
  })

  test('events that are text go out as they stand', async () => {
    signed.twin.enqueue({ events: ['{"type":"odd"\u0000', { type: 'response.completed', response: { id: 'resp_1' } }] })
    expect((await turn()).text).toBe('event: message\ndata: {"type":"odd"\u0000\n\nevent: response.completed\ndata: {"type":"response.completed","response":{"id":"resp_1"}}\n\n')
  })
})

describe('time over SSE', () => {
  test('heartbeats go through a stall, which ends after its time', async () => {
    signed.twin.enqueue({ text: 'x', stallAfterEvents: 3, stallMs: 60, heartbeatMs: 10 })
    const { text } = await turn()
    expect(text.match(/^: heartbeat$/gm)?.length).toBeGreaterThan(0)
    expect(textOf(readEvents(text))).toBe('x')
  })

  test('a stall without end lasts until the client goes, whose socket is then free', async () => {
    const { twin, headers } = signed
    twin.enqueue({ text: 'x', stallAfterEvents: 1 })
    const abort = new AbortController()
    // Not the pool that all tests of the process share: what an earlier one left waiting there may open a connection of its own.
    const dispatcher = new Agent()
    onTestFinished(() => dispatcher.destroy())
    const { body } = await request(`${twin.baseUrl}/responses`, {
      method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(ask('x')), signal: abort.signal, dispatcher,
    })
    const first = await new Promise((resolve) => { body.once('data', (chunk: Buffer) => resolve(chunk.toString())) })
    expect(first).toContain('response.created')
    expect([twin.activity().running, twin.openConnections().http]).toEqual([1, 1])
    body.on('error', () => undefined)
    abort.abort()
    await expect.poll(() => [twin.activity().running, twin.openConnections().http]).toEqual([0, 0])
    expect(twin.requests[0]?.ended).toBe('client_gone')
  })

  test('closing the twin ends stalled answers at once', WALL_TIME, async () => {
    const { twin } = signed
    twin.enqueue({ text: 'x', stallAfterEvents: 1 })
    const pending = rawTurn()
    await expect.poll(() => twin.activity().running).toBe(1)
    const started = performance.now()
    await twin.close()
    expect(performance.now() - started).toBeLessThan(200)
    expect((await pending).ended).not.toBe('body')
    await twin.close()
  })

  test('a path can be made to refuse, hang or reset for some times', async () => {
    const { twin, headers } = signed
    const models = () => request(`${twin.baseUrl}/models?client_version=1.0.0`, { headers, headersTimeout: 50 })
    twin.refuse('/backend-api/codex/models', { status: 502, body: '<html>bad gateway</html>', times: 2 })
    twin.refuse('/backend-api/codex/models', { reset: true })
    const statuses = [(await models()).statusCode, (await models()).statusCode]
    expect(statuses).toEqual([502, 502])
    await expect(models()).rejects.toThrow()
    expect((await models()).statusCode).toBe(200)
  })

  test('more turns at once than allowed are told to slow down', async () => {
    const { twin } = signed
    twin.configure({ maxConcurrent: 2 })
    twin.enqueue({ text: 'a', firstEventDelayMs: 50 }, { text: 'b', firstEventDelayMs: 50 })
    const replies = await Promise.all([turn(), turn(), turn()])
    expect(replies.map((reply) => reply.status).sort()).toEqual([200, 200, 429])
    const refused = replies.find((reply) => reply.status === 429)
    expect([refused?.json, refused?.headers['retry-after']]).toMatchObject([{ error: { code: 'slow_down' } }, '1'])
    expect(twin.activity()).toEqual({ running: 0, peak: 2 })
  })
})

describe('faults over a WebSocket', () => {
  const connect = () => openSocket(`${signed.twin.baseUrl}/responses`, signed.headers)
  const extra = 3

  test.each([
    [{ cutAfterEvents: 2 }, 1006], [{ cutAfterEvents: 2, reset: true }, 1006], [{ cutAfterEvents: 2, closeCode: 1011, closeReason: 'why' }, 1011],
    [{ cutAfterEvents: 2, closeCode: 4001 }, 4001],
  ] as const)('%o ends after two events with %d', async (faults: TwinFaults, code) => {
    signed.twin.enqueue({ text: 'x', ...faults })
    const socket = await connect()
    socket.send(frame('a'))
    const types = []
    for (let count = 0; count < 2 + extra; count++) types.push((await socket.next())['type'])
    expect(types.slice(extra)).toEqual(['response.created', 'response.in_progress'])
    expect((await socket.closed).code).toBe(code)
  })

  test('a close code without a cut comes after the last event', async () => {
    signed.twin.enqueue({ text: 'x', closeCode: 1001 })
    const socket = await connect()
    expect(textOf(await socket.turn(frame('a')))).toBe('x')
    expect((await socket.closed).code).toBe(1001)
  })

  test('a cut in the middle of a frame leaves it unfinished', async () => {
    signed.twin.configure({ extraEvents: false })
    signed.twin.enqueue({ text: 'x', cutAfterBytes: 100 })
    const socket = await connect()
    let messages = 0
    socket.socket.on('message', () => { messages += 1 })
    socket.send(frame('a'))
    expect((await socket.closed).code).toBe(1006)
    expect(messages).toBe(0)
  })

  test('binary frames, fragments and a malformed one carry the rest unharmed', async () => {
    const socket = await connect()
    const kinds = new Set<boolean>()
    socket.socket.on('message', (_data, isBinary) => { kinds.add(isBinary) })
    signed.twin.enqueue({ text: 'hé😀', binary: true, bytesPerWrite: 7, deltaChars: 1 })
    expect(textOf(await socket.turn(frame('a')))).toBe('hé😀')
    expect([...kinds]).toEqual([true])
    signed.twin.enqueue({ text: 'x', malformedAfterEvents: 1 })
    expect(textOf(await socket.turn(frame('b')))).toBe('x')
  })

  test('pings go through a stall', async () => {
    signed.twin.enqueue({ text: 'x', stallAfterEvents: 1, stallMs: 60, heartbeatMs: 10 })
    const socket = await connect()
    let pings = 0
    socket.socket.on('ping', () => { pings += 1 })
    expect(textOf(await socket.turn(frame('a')))).toBe('x')
    expect(pings).toBeGreaterThan(0)
  })

  test('sixteen thousand frames arrive in well under three seconds', async () => {
    signed.twin.enqueue({ text: 'x'.repeat(16_000), deltaChars: 1 })
    const socket = await connect()
    const before = process.cpuUsage()
    expect(textOf(await socket.turn(frame('a')))).toHaveLength(16_000)
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1000).toBeLessThan(3_000)
  })
})
