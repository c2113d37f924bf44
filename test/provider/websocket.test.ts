import { afterEach, describe, expect, test } from 'vitest'
import type { ChatRequest, ChatResponse } from '../../src/contract/index.js'
import type { TwinReply, TwinRequest } from '../../src/twin/index.js'
import { ask, failureOf, mountOnTwin, TOOL, type Mounted, type MountedOptions } from '../support/mounted.js'
import { WALL_TIME } from '../support/wall-time.js'

const open: Mounted[] = []
afterEach(async () => {
  for (const mounted of open.splice(0)) await mounted.close()
})
const mount = async (options: MountedOptions = {}): Promise<Mounted> => {
  const mounted = await mountOnTwin({ ...options, config: { transport: 'auto', ...options.config } })
  open.push(mounted)
  return mounted
}

const routeOf = (answer: ChatResponse) => answer.metadata?.route as { transport: string; transport_reason: string }
const upgrades = ({ twin }: Mounted): TwinRequest[] => twin.requests.filter(({ method, path, headers }) => method === 'GET' && path.endsWith('/responses') && headers.upgrade === 'websocket')
const inputOf = (request: TwinRequest | undefined) => (request?.body as { input: unknown[] }).input

/** A conversation that grows by one user message a turn. */
function conversation(id?: string) {
  const request: ChatRequest = { messages: [], ...(id ? { conversation_id: id } : {}) }
  return async ({ provider }: Mounted, text: string) => {
    request.messages.push({ role: 'user', content: text })
    const answer = await provider.complete(request)
    request.messages.push({ role: 'assistant', content: answer.content })
    return answer
  }
}

describe('choosing the transport', () => {
  test('WebSocket where it is to be had, with the beta header and our own name', async () => {
    const mounted = await mount()
    expect(routeOf(await mounted.provider.complete(ask('x')))).toMatchObject({ transport: 'websocket', transport_reason: expect.stringMatching(/preferred/) as string })
    expect(upgrades(mounted)[0]?.headers).toMatchObject({ 'openai-beta': 'responses_websockets=2026-02-06', originator: 'amplifier' })
  })

  test('HTTP at once on 426, for a minute, then one probe', async () => {
    let nowMs = Date.now()
    const mounted = await mount({ twin: { websocket: false }, parts: { now: () => nowMs } })
    const first = await mounted.provider.complete(ask('x'))
    expect(routeOf(first)).toMatchObject({ transport: 'sse', transport_reason: 'the server wants HTTP (426)' })
    expect(routeOf(await mounted.provider.complete(ask('y'))).transport_reason).toMatch(/probed again in \d+ s/)
    expect(mounted.provider.transportChoice()).toMatchObject({ kind: 'sse' })
    expect(upgrades(mounted)).toHaveLength(1)
    nowMs += 61_000
    await mounted.provider.complete(ask('z'))
    expect(upgrades(mounted)).toHaveLength(2)
  })

  test('an upgrade that nobody answers costs less than 2.5 s, once', WALL_TIME, async () => {
    const mounted = await mount()
    mounted.twin.enqueue({ upgrade: true, status: 101, delayMs: 30_000 } as TwinReply)
    const startedMs = performance.now()
    expect(routeOf(await mounted.provider.complete(ask('x')))).toMatchObject({ transport: 'sse', transport_reason: expect.stringMatching(/not answered in time/) as string })
    expect(performance.now() - startedMs).toBeLessThan(2500)
    const again = performance.now()
    await mounted.provider.complete(ask('y'))
    expect(performance.now() - again).toBeLessThan(500)
  })

  test('a 401 on the upgrade refreshes, a 429 is a rate limit: neither says that WebSockets are blocked', async () => {
    const mounted = await mount({ config: { max_retries: 0 } })
    mounted.twin.expireAccessTokens()
    expect(routeOf(await mounted.provider.complete(ask('x')))).toMatchObject({ transport: 'websocket' })
    const other = await mount({ config: { max_retries: 0 } })
    other.twin.enqueue({ upgrade: true, status: 429, headers: { 'retry-after': '5' }, body: { error: { code: 'rate_limit_exceeded', message: 'slow' } } })
    expect(await failureOf(other.provider.complete(ask('x')))).toMatchObject({ name: 'RateLimitError', retry_after: 5 })
  })

  test('an abort while the connection is made does not say so either', async () => {
    const mounted = await mount()
    const controller = new AbortController()
    mounted.host.coordinator.hooks.register('llm:request', () => void setImmediate(() => controller.abort()))
    expect((await failureOf(mounted.provider.complete(ask('x'), { signal: controller.signal }))).name).toBe('AbortError')
    expect([upgrades(mounted).length, mounted.provider.transportChoice()]).toEqual([0, { kind: 'websocket', reason: 'preferred' }])
  })

  test('transport: websocket insists', async () => {
    const mounted = await mount({ twin: { websocket: false }, config: { transport: 'websocket', max_retries: 0 } })
    expect(await failureOf(mounted.provider.complete(ask('x')))).toMatchObject({ status_code: 426 })
  })

  test('a message near 16 MiB goes over HTTP', async () => {
    const mounted = await mount()
    const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(12_200_000)]).toString('base64')
    const request: ChatRequest = { messages: [{ role: 'user', content: [{ type: 'text', text: 'look' }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } }] }] }
    expect(routeOf(await mounted.provider.complete(request))).toMatchObject({ transport: 'sse', transport_reason: expect.stringMatching(/too large/) as string })
  })
})

describe('a conversation on a live connection', () => {
  test('sends its new items only, turn after turn, on one connection', async () => {
    const mounted = await mount()
    const turn = conversation('c')
    for (const text of ['one', 'two', 'three', 'four']) await turn(mounted, text)
    expect(mounted.twin.responses().map((request) => inputOf(request).length)).toEqual([1, 1, 1, 1])
    expect(mounted.twin.responses().map(({ body }) => typeof (body as { previous_response_id?: string }).previous_response_id)).toEqual(['undefined', 'string', 'string', 'string'])
    expect(upgrades(mounted)).toHaveLength(1)
  })

  test('is found by the chain its messages extend where it has no id', async () => {
    const mounted = await mount()
    const [first, second] = [conversation(), conversation()]
    await first(mounted, 'about cats')
    await second(mounted, 'about dogs')
    await first(mounted, 'more')
    await second(mounted, 'more')
    expect(mounted.twin.responses().map((request) => inputOf(request).length)).toEqual([1, 1, 1, 1])
    expect(upgrades(mounted)).toHaveLength(2)
  })

  test('starts over whole when its history was edited', async () => {
    const mounted = await mount()
    const request: ChatRequest = { conversation_id: 'c', messages: [{ role: 'user', content: 'one' }] }
    request.messages.push({ role: 'assistant', content: (await mounted.provider.complete(request)).content }, { role: 'user', content: 'two' })
    await mounted.provider.complete({ ...request, messages: [{ role: 'user', content: 'another one' }, ...request.messages.slice(1)] })
    expect(inputOf(mounted.twin.responses().at(-1)).length).toBeGreaterThan(2)
    expect(mounted.twin.responses().at(-1)?.body).not.toHaveProperty('previous_response_id')
  })

  test('a busy connection gets a second one beside it', async () => {
    const mounted = await mount()
    mounted.twin.enqueue({ text: 'slow', delayMs: 60 }, { text: 'slow', delayMs: 60 })
    await Promise.all([mounted.provider.complete(ask('a', { conversation_id: 'c' })), mounted.provider.complete(ask('b', { conversation_id: 'c' }))])
    expect(upgrades(mounted)).toHaveLength(2)
  })

  test.each(['forgetResponses', 'expireConnections'] as const)('%s costs one whole request, and nobody notices', async (way) => {
    const mounted = await mount()
    const turn = conversation('c')
    await turn(mounted, 'one')
    mounted.twin[way]()
    await expect(turn(mounted, 'two')).resolves.toMatchObject({ finish_reason: 'stop' })
    const last = mounted.twin.responses().at(-1)
    expect(inputOf(last).length).toBeGreaterThan(1)
    expect(last?.body).not.toHaveProperty('previous_response_id')
    expect(mounted.named('llm:request')).toHaveLength(2)
    expect(mounted.named('provider:retry')).toEqual([])
  })

  test('is moved to a new connection before the 60 minutes are over, at a turn boundary', async () => {
    let nowMs = Date.now()
    const mounted = await mount({ parts: { now: () => nowMs }, twin: { accessTokenTtlSeconds: 86_400 } })
    const turn = conversation('c')
    await turn(mounted, 'one')
    nowMs += 56 * 60_000
    await turn(mounted, 'two')
    expect(upgrades(mounted)).toHaveLength(2)
    await expect.poll(() => mounted.twin.openConnections().websocket).toBe(1)
  })

  test('a refreshed bearer gets a connection of its own', async () => {
    const mounted = await mount()
    const turn = conversation('c')
    await turn(mounted, 'one')
    mounted.twin.expireAccessTokens()
    mounted.twin.enqueue({ status: 401, body: { detail: 'Unauthorized' } })
    await turn(mounted, 'two')
    expect(new Set(upgrades(mounted).map(({ headers }) => headers.authorization)).size).toBe(2)
  })

  test('binary frames are read like text ones', async () => {
    const mounted = await mount()
    mounted.twin.enqueue({ text: 'in binary', binary: true })
    const answer = await mounted.provider.complete(ask('x'))
    expect(JSON.stringify(answer.content)).toContain('in binary')
  })

  test.each([[1006, 'stream_cut|close_1006'], [1008, 'close_1008'], [1011, 'close_1011'], [1012, 'close_1012'], [1013, 'close_1013'], [4001, 'close_4001']])(
    'a close with %i in mid-answer is a retryable StreamError that says so', async (closeCode, code) => {
      const mounted = await mount({ config: { max_retries: 0 } })
      mounted.twin.enqueue({ text: 'words that are shown', cutAfterEvents: 8, eventsPerWrite: 1, ...(closeCode === 1006 ? { reset: true } : { closeCode }) })
      const error = await failureOf(mounted.provider.complete(ask('x')))
      expect(error).toMatchObject({ name: 'StreamError', retryable: true })
      expect(error.code).toMatch(new RegExp(code === 'stream_cut|close_1006' ? 'stream_cut|close_1006|ECONNRESET' : code))
      await expect(mounted.provider.complete(ask('y'))).resolves.toMatchObject({ finish_reason: 'stop' })
    })

  test('a close with 1009 before any event sends the same request over HTTP', async () => {
    const mounted = await mount()
    mounted.twin.enqueue({ text: 'x', delayMs: 5000 })
    const running = mounted.provider.complete(ask('x'))
    await expect.poll(() => mounted.twin.responses().length).toBe(1)
    mounted.twin.closeSockets(1009)
    expect(routeOf(await running)).toMatchObject({ transport: 'sse' })
  })
})

describe('warm-up', () => {
  test('with a request gives the server everything but the input, and the first turn sends its items alone', async () => {
    const mounted = await mount()
    const request: ChatRequest = { conversation_id: 'c', messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'hello' }], tools: [TOOL] }
    await mounted.provider.warmUp(request)
    const warm = mounted.twin.responses().at(-1)?.body
    expect(warm).toMatchObject({ generate: false, input: [], instructions: 'Be brief.' })
    await mounted.provider.complete(request)
    expect(mounted.twin.responses().at(-1)?.body).toMatchObject({ previous_response_id: expect.any(String) as string, input: [{}] })
    expect(upgrades(mounted)).toHaveLength(1)
    expect(mounted.named('llm:request')).toHaveLength(1)
  })

  test('without one opens a connection that the first conversation takes', async () => {
    const mounted = await mount({ config: { warm_up: true } })
    await expect.poll(() => upgrades(mounted).length).toBe(1)
    await mounted.provider.complete(ask('x'))
    expect(upgrades(mounted)).toHaveLength(1)
  })

  test('that fails costs nothing', async () => {
    const mounted = await mount({ twin: { websocket: false } })
    await expect(mounted.provider.warmUp(ask('x'))).resolves.toBeUndefined()
    await expect(mounted.provider.complete(ask('x'))).resolves.toBeDefined()
  })
})

test('a connection is ended, not taken again, once its bearer was replaced', async () => {
  const mounted = await mount({ config: { models_cache_ttl: 0 } })
  const bearers = () => upgrades(mounted).map(({ headers }) => headers.authorization)
  await mounted.provider.complete(ask('one', { conversation_id: 'c' }))
  mounted.twin.refuse('/backend-api/codex/models', { status: 401, body: { error: { code: 'token_expired', message: 'No.' } } })
  await mounted.provider.listModels()
  expect(mounted.twin.refreshes.map(({ outcome }) => outcome)).toEqual(['ok'])
  await mounted.provider.complete(ask('two', { conversation_id: 'c' }))
  expect(bearers()).toHaveLength(2)
  expect(bearers()[1]).not.toBe(bearers()[0])
  await expect.poll(() => mounted.twin.openConnections().websocket, { timeout: 10_000 }).toBe(1)
})

describe.each(['sse', 'websocket'] as const)('the turn state over %s', (transport) => {
  test('is the first that a turn was given, also where a call beside it ends later with another', async () => {
    const mounted = await mount({ config: { transport } })
    const request = ask('hello', { conversation_id: 'c' })
    const stateOf = (sent: TwinRequest | undefined) => transport === 'sse'
      ? sent?.headers['x-codex-turn-state']
      : (sent?.body as { client_metadata?: Record<string, string> }).client_metadata?.['x-codex-turn-state']
    mounted.twin.enqueue({ match: ({ body }) => JSON.stringify(body).includes('beside'), text: 'slow', stallAfterEvents: 2, stallMs: 1000 })
    const beside = mounted.provider.complete(ask('beside', { conversation_id: 'c' }))
    await expect.poll(() => mounted.twin.responses().length, { timeout: 10_000 }).toBe(1)
    await mounted.provider.complete(request)
    await mounted.provider.complete(request)
    const given = stateOf(mounted.twin.responses().at(-1))
    await beside
    await mounted.provider.complete(request)
    expect(given).toMatch(/^ts_/)
    expect(stateOf(mounted.twin.responses().at(-1))).toBe(given)
  })

  test('goes back within a turn and never into another', async () => {
    const mounted = await mount({ config: { transport } })
    const request: ChatRequest = { conversation_id: 'c', messages: [{ role: 'user', content: 'call read_file {"path":"a"}' }], tools: [TOOL] }
    const stateOf = (sent: TwinRequest | undefined) => transport === 'sse'
      ? sent?.headers['x-codex-turn-state']
      : (sent?.body as { client_metadata?: Record<string, string> }).client_metadata?.['x-codex-turn-state']
    const first = await mounted.provider.complete(request)
    request.messages.push({ role: 'assistant', content: first.content })
    for (const call of mounted.provider.parseToolCalls(first)) request.messages.push({ role: 'tool', tool_call_id: call.id, content: 'x' })
    const second = await mounted.provider.complete(request)
    request.messages.push({ role: 'assistant', content: second.content }, { role: 'user', content: 'next' })
    await mounted.provider.complete(request)
    const [one, two, three] = mounted.twin.responses()
    expect([stateOf(one), stateOf(three)]).toEqual([undefined, undefined])
    expect(stateOf(two)).toMatch(/^ts_/)
  })
})
