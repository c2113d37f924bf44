import { once } from 'node:events'
import { createServer } from 'node:net'
import { Agent, request } from 'undici'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { startTwin } from '../../src/twin/index.js'
import { ask, headersOf, post, send } from './support/raw-client.js'
import { makeCertificate } from './support/self-signed.js'

test('with a certificate the twin speaks https and wss, and counts their connections', async () => {
  const tls = makeCertificate()
  const twin = await startTwin({ tls })
  const headers = headersOf(twin.issueTokens())
  const dispatcher = new Agent({ connect: { ca: tls.cert } })
  const reply = await request(`${twin.baseUrl}/models?client_version=1.0.0`, { headers, dispatcher })
  expect([twin.url.startsWith('https://'), reply.statusCode]).toEqual([true, 200])
  await reply.body.dump()
  const socket = new WebSocket(`${twin.baseUrl.replace('https', 'wss')}/responses`, { headers: { ...headers, 'openai-beta': 'responses_websockets=2026-02-06' }, ca: tls.cert })
  await once(socket, 'open')
  expect(twin.openConnections()).toEqual({ http: 1, websocket: 1 })
  expect(twin.requests.map((entry) => entry.connection)).toEqual([1, 2])
  await Promise.all([once(socket, 'close'), twin.close(), dispatcher.close()])
  expect(twin.openConnections()).toEqual({ http: 0, websocket: 0 })
})

test('with a delay an answer comes event by event', async () => {
  const twin = await startTwin({ eventDelayMs: 20 })
  const startedMs = performance.now()
  const { text } = await post(`${twin.baseUrl}/responses`, ask('hello'), headersOf(twin.issueTokens()))
  const events = text.split('\n\n').length - 1
  expect(events).toBeGreaterThan(4)
  expect(performance.now() - startedMs).toBeGreaterThan(18 * (events - 1))
  await twin.close()
})

test('connections are kept alive, counted from one, and ended by close()', async () => {
  const twin = await startTwin({ keepRequests: 2 })
  const headers = headersOf(twin.issueTokens())
  const dispatcher = new Agent({ connections: 1 })
  for (let count = 0; count < 3; count++) {
    const reply = await request(`${twin.baseUrl}/models?client_version=1.0.0`, { headers, dispatcher })
    await reply.body.dump()
  }
  expect(twin.requests.map((entry) => entry.connection)).toEqual([1, 1])
  expect(twin.openConnections()).toEqual({ http: 1, websocket: 0 })
  await twin.close()
  await expect(send(twin.url)).rejects.toThrow()
  await dispatcher.destroy()
})

test('the clock that is handed in dates answers and tokens', async () => {
  const twin = await startTwin({ now: () => 1_790_000_000_000 })
  expect((await send(twin.url)).headers['date']).toBe('Mon, 21 Sep 2026 14:13:20 GMT')
  expect(twin.issueTokens({ expiresInSeconds: 60 }).expires_at).toBe('2026-09-21T14:14:20.000Z')
  await twin.close()
})

test('a port that is taken is an error of the system', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const address = taken.address()
  const port = typeof address === 'object' && address ? address.port : 0
  await expect(startTwin({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  taken.close()
})

test('odd JSON is refused or answered, and never makes the twin itself fail', async () => {
  const twin = await startTwin()
  const headers = { ...headersOf(twin.issueTokens()), 'content-type': 'application/json' }
  const odd: unknown[] = [
    null, {}, { model: 5 }, ask('a', { input: [null, 5, [], 'x'] }), ask('a', { tools: [null, 5] }), ask('a', { input: [{ type: 'message' }] }),
    ask('a', { input: [{ type: 'message', role: 'user', content: [null] }] }), ask('a', { text: 5 }), ask('a', { reasoning: [] }),
    ask('a', { input: [{ type: 'function_call_output' }] }), ask('a', { tools: [{ type: 'namespace', name: 'n', tools: [null] }] }), ask('\u0000'),
  ]
  for (const body of odd) {
    const { statusCode } = await request(`${twin.baseUrl}/responses`, { method: 'POST', headers, body: JSON.stringify(body) }).then(async (reply) => {
      await reply.body.dump()
      return reply
    })
    expect(statusCode).not.toBe(500)
  }
  await twin.close()
})
