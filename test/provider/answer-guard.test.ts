import { afterEach, describe, expect, test } from 'vitest'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocketServer, type WebSocket } from 'ws'
import { createHost } from '../../src/host/index.js'
import { createModule, type ChatGPTProvider } from '../../src/index.js'
import { startTwin } from '../../src/twin/index.js'
import { ask, mountOnTwin, type Mounted } from '../support/mounted.js'
import { cases } from '../support/made-up.js'

const CALLS = cases(200)

const cleanups: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const send = (socket: WebSocket, events: unknown[]) => { for (const event of events) socket.send(JSON.stringify(event)) }
function answer(text: string, id?: string): unknown[] {
  const named = id === undefined ? {} : { id }
  const item = { type: 'message', role: 'assistant', status: 'completed', ...(id === undefined ? {} : { id: `msg_${id}` }), content: [{ type: 'output_text', text, annotations: [] }] }
  return [
    { type: 'response.created', response: { ...named, status: 'in_progress', model: 'gpt-5.5' } },
    { type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress', content: [] } },
    { type: 'response.output_item.done', output_index: 0, item },
    { type: 'response.completed', response: { ...named, status: 'completed', model: 'gpt-5.5', output: [], usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 } } },
  ]
}
const textOf = (response: { content: unknown[] }) => response.content.map((block) => (block as { text?: string }).text ?? '').join('')

/** The module on a WebSocket server whose replies are made by `reply`; signed in by a twin's tokens. */
async function mountOn(reply: (socket: WebSocket, text: string, call: number) => void, settings: Record<string, unknown> = {}): Promise<{ provider: ChatGPTProvider; connections(): number }> {
  const twin = await startTwin()
  const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  let connections = 0
  let calls = 0
  wss.on('connection', (socket) => {
    connections++
    socket.on('message', (data) => {
      const { input } = JSON.parse(String(data)) as { input: { content: { text: string }[] }[] }
      reply(socket, input.at(-1)?.content[0]?.text ?? '', calls++)
    })
  })
  const folder = await mkdtemp(join(tmpdir(), 'amplifier-guard-'))
  const file = join(folder, 'oauth.json')
  await writeFile(file, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
  const module = createModule({ warn: () => undefined })
  const { port } = wss.address() as { port: number }
  const config = { base_url: `http://127.0.0.1:${port}`, issuer: twin.issuer, token_file_path: file, login_on_mount: false, transport: 'websocket', max_retries: 0, ...settings }
  const host = createHost({ config: { providers: [{ module: module.id, config }] }, modules: { [module.id]: module }, warn: () => undefined })
  cleanups.push(() => rm(folder, { recursive: true, force: true }), () => twin.close(), () => { for (const socket of wss.clients) socket.terminate(); wss.close() }, () => host.close())
  await host.start()
  return { provider: host.coordinator.get('providers', 'openai-chatgpt') as ChatGPTProvider, connections: () => connections }
}

describe('on a WebSocket that goes on after the end of an answer', () => {
  test.each([['at once', 0, false], ['with the next answer', 1, false], ['without ids', 0, true]] as const)(`${CALLS} calls get their own answer each (%s)`, async (_way, late, bare) => {
    const held = new WeakMap<WebSocket, unknown[]>()
    const { provider } = await mountOn((socket, text, call) => {
      const events = answer(`to ${text}`, bare ? undefined : `resp_${call}`)
      const twice = events.slice(-1)
      send(socket, [...(held.get(socket) ?? []), ...events, ...(late ? [] : twice)])
      held.set(socket, late ? [{ type: 'response.output_item.done', output_index: 0, item: { id: `msg_resp_${call}`, type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'of another', annotations: [] }] } }, ...twice] : [])
    })
    const swapped: string[] = []
    for (let call = 0; call < CALLS; call++) {
      const text = textOf(await provider.complete(ask(`q${call}`, { conversation_id: 'c' })))
      if (text !== `to q${call}`) swapped.push(text)
    }
    expect(swapped).toEqual([])
  }, 30_000)
})

test('word of the account between two answers leaves the connection as it is, more of an answer that has ended closes it', async () => {
  let last: WebSocket | undefined
  const { provider, connections } = await mountOn((socket, text, call) => {
    last = socket
    send(socket, answer(`to ${text}`, `resp_${call}`))
  })
  const tell = async (event: unknown) => {
    if (!last) throw new Error('nobody has connected')
    send(last, [event])
    // The answer to a ping, or the connection's end, comes when all before it was read.
    last.ping()
    await Promise.race([once(last, 'pong'), once(last, 'close')])
  }
  const seen: number[] = []
  for (const event of [{ type: 'codex.rate_limits' }, { type: 'response.output_text.delta', output_index: 0, delta: 'more' }, { type: 'codex.rate_limits' }]) {
    await provider.complete(ask('hello', { conversation_id: 'c' }))
    seen.push(connections())
    await tell(event)
  }
  await provider.complete(ask('hello', { conversation_id: 'c' }))
  expect([...seen, connections()]).toEqual([1, 1, 2, 2])
})

describe('a refusal on a WebSocket that carried answers before', () => {
  const refuse = async (before: (ended: string) => unknown) => {
    let asked = 0
    const { provider } = await mountOn((socket, _text, call) => {
      asked++
      if (call === 1) return send(socket, [before('msg_resp_0'), { type: 'error', status: 429, error: { code: 'rate_limit_exceeded', message: 'try again in 1ms' } }])
      return send(socket, answer('well', `resp_${call}`))
    }, { max_retries: 2 })
    await provider.complete(ask('first', { conversation_id: 'c' }))
    const second = await provider.complete(ask('second', { conversation_id: 'c' })).then(textOf, ({ name, may_have_run }: { name: string, may_have_run?: boolean }) => ({ name, may_have_run }))
    return { asked, second }
  }

  test('is not repeated behind an item that may be of its own answer', async () => {
    expect(await refuse(() => ({ type: 'response.output_item.added', output_index: 0, item: { id: 'msg_new', type: 'message', role: 'assistant', content: [] } })))
      .toEqual({ asked: 2, second: { name: 'RateLimitError', may_have_run: true } })
  })

  test('is repeated behind an item of the answer that had ended', async () => {
    expect(await refuse((id) => ({ type: 'response.output_item.done', output_index: 0, item: { id, type: 'message', role: 'assistant', content: [] } }))).toEqual({ asked: 3, second: 'well' })
  })
})

describe('a warm connection', () => {
  const mount = async (): Promise<Mounted> => {
    const mounted = await mountOnTwin({ config: { transport: 'websocket' } })
    cleanups.push(() => mounted.close())
    return mounted
  }

  test('is free again after an abort in the tick of the call', async () => {
    const { provider, twin } = await mount()
    await provider.complete(ask('x', { conversation_id: 'c' }))
    for (let time = 0; time < 6; time++) {
      const controller = new AbortController()
      const running = provider.complete(ask('y', { conversation_id: 'c' }), { signal: controller.signal }).catch((error: Error) => error.name)
      controller.abort()
      expect(await running).toBe('AbortError')
    }
    await provider.complete(ask('z', { conversation_id: 'c' }))
    await expect.poll(() => twin.openConnections().websocket).toBe(1)
  })

  test('is warmed up once, however often a warm-up without a request is asked for', async () => {
    const { provider, twin } = await mount()
    for (let time = 0; time < 4; time++) await provider.warmUp()
    expect(twin.openConnections().websocket).toBe(1)
  })

  test('is one of 32 idle ones at most', async () => {
    const { provider, twin } = await mount()
    for (let call = 0; call < 40; call++) await provider.complete(ask('x', { conversation_id: `c${call}` }))
    await expect.poll(() => twin.openConnections().websocket).toBe(32)
  })
})
