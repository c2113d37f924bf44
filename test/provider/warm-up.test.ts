import { afterEach, describe, expect, test, vi } from 'vitest'
import type { ChatRequest } from '../../src/contract/index.js'
import { ConnectionPool } from '../../src/provider/connection-pool.js'
import { createTransport } from '../../src/transport/index.js'
import { startTwin, type TwinReply } from '../../src/twin/index.js'
import { mountOnTwin, TOOL, type Mounted } from '../support/mounted.js'

const open: Mounted[] = []
afterEach(async () => {
  for (const mounted of open.splice(0)) await mounted.close()
})
const mount = async (): Promise<Mounted> => {
  const mounted = await mountOnTwin({ config: { transport: 'auto' } })
  open.push(mounted)
  return mounted
}
const talk = (): ChatRequest => ({ conversation_id: 'c', messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'hello' }], tools: [TOOL] })
const bodies = ({ twin }: Mounted) => twin.responses().map(({ body }) => body as { generate?: boolean; previous_response_id?: string; input: unknown[] })
const upgrades = ({ twin }: Mounted) => twin.requests.filter(({ method, headers }) => method === 'GET' && headers.upgrade === 'websocket')

describe('a warm-up that is not answered as it should be', () => {
  test.each<[string, TwinReply]>([
    ['an error frame', { status: 400, body: { error: { code: 'invalid_request', message: 'No.' } }, warmup: true }],
    ['a failed response', { failed: { code: 'server_error', message: 'No.' }, warmup: true }],
    ['an incomplete one', { incomplete: 'max_output_tokens', text: 'x', warmup: true }],
    ['an end of the connection', { text: 'x', closeCode: 1011, cutAfterEvents: 1, warmup: true }],
  ])('ends at once with %s, and the call goes over a WebSocket of its own', async (_title, reply) => {
    const mounted = await mount()
    mounted.twin.enqueue(reply)
    const startedMs = performance.now()
    await mounted.provider.warmUp(talk())
    // Its own limit is 10 s.
    expect(performance.now() - startedMs).toBeLessThan(10_000)
    expect(mounted.provider.transportChoice()).toEqual({ kind: 'websocket', reason: 'preferred' })
    const answer = await mounted.provider.complete(talk())
    expect(answer.metadata?.route).toMatchObject({ transport: 'websocket', attempts: [{ outcome: 'ok' }] })
    expect(bodies(mounted).map(({ generate, input }) => [generate, input.length])).toEqual([[false, 0], [undefined, 1]])
    expect(upgrades(mounted)).toHaveLength(2)
    expect(mounted.twin.openConnections().websocket).toBe(1)
  })
})

describe('a warm-up in the middle of a conversation', () => {
  test('leaves the server what it holds: the next turn sends its new items alone', async () => {
    const mounted = await mount()
    const request = talk()
    const first = await mounted.provider.complete(request)
    request.messages.push({ role: 'assistant', content: first.content }, { role: 'user', content: 'more' })
    await mounted.provider.warmUp(request)
    await mounted.provider.complete(request)
    expect(bodies(mounted).map(({ generate, previous_response_id: id, input }) => [generate, typeof id, input.length])).toEqual([
      [undefined, 'undefined', 1], [undefined, 'string', 1],
    ])
    expect(upgrades(mounted)).toHaveLength(1)
  })

  test('is not made beside a turn that runs', async () => {
    const mounted = await mount()
    mounted.twin.enqueue({ text: 'slow', stallAfterEvents: 2, stallMs: 50 })
    const running = mounted.provider.complete(talk())
    await expect.poll(() => mounted.twin.activity().running).toBe(1)
    await mounted.provider.warmUp(talk())
    await running
    expect([bodies(mounted).length, upgrades(mounted).length]).toEqual([1, 1])
  })

  test('is made where the spare connection stands ready', async () => {
    const mounted = await mount()
    await mounted.provider.warmUp()
    await mounted.provider.warmUp(talk())
    await mounted.provider.complete(talk())
    expect(bodies(mounted).map(({ generate }) => generate)).toEqual([false, undefined])
    expect(upgrades(mounted)).toHaveLength(1)
  })
})

describe('a warm-up when the mount ends', () => {
  test('ends with it, and leaves no connection', async () => {
    const mounted = await mount()
    mounted.twin.enqueue({ text: 'x', stallAfterEvents: 0, warmup: true })
    const warming = mounted.provider.warmUp(talk())
    await expect.poll(() => mounted.twin.responses().length).toBe(1)
    await mounted.host.close()
    await warming
    await expect.poll(() => mounted.twin.openConnections().websocket).toBe(0)
  })

  test('a connection that comes after the end of its pool is closed, and no timer begins', async () => {
    const twin = await startTwin()
    const { access_token, account_id } = twin.issueTokens()
    const transport = createTransport({})
    const connection = await transport.connect({
      url: `${twin.baseUrl.replace(/^http/, 'ws')}/responses`,
      headers: { authorization: `Bearer ${access_token}`, 'chatgpt-account-id': account_id, 'openai-beta': 'responses_websockets=2026-02-06' },
    })
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const pool = new ConnectionPool({ now: Date.now })
      pool.close()
      expect(() => { pool.add('', access_token, connection) }).toThrow('the provider is closed')
      expect([connection.state, vi.getTimerCount()]).toEqual(['closed', 0])
    } finally {
      vi.useRealTimers()
      await transport.close()
      await twin.close()
    }
  })
})
