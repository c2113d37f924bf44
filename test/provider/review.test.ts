import { afterEach, describe, expect, test } from 'vitest'
import type { ChatResponse, LLMError, Provider, RouteReceipt, StreamEvent } from '../../src/contract/index.js'
import { NetworkError, ProviderUnavailableError } from '../../src/contract/index.js'
import { join } from 'node:path'
import { createHost } from '../../src/host/index.js'
import { createModule } from '../../src/index.js'
import type { TwinReply } from '../../src/twin/index.js'
import { ask, collect, mountOnTwin, textOf, type Mounted, type MountedOptions } from '../support/mounted.js'

const open: Mounted[] = []
afterEach(async () => {
  for (const mounted of open.splice(0)) await mounted.close()
})

const FIRST = 'gpt-6.1-sol'
const SECOND = 'gpt-5.5'
const chain = (...candidates: [provider: string, model: string][]) => ({
  routing_overrides: { coding: { description: 'x', candidates: candidates.map(([provider, model]) => ({ provider, model })) } },
})
const TWO_TIERS = chain(['openai-chatgpt', FIRST], ['openai-chatgpt', SECOND])

async function mounted(options: MountedOptions = {}): Promise<Mounted> {
  const made = await mountOnTwin({ ...options, parts: { random: () => 0.5, delay: async () => undefined, ...options.parts } })
  open.push(made)
  return made
}

const failure = async (promise: Promise<unknown>) => promise.then(() => { throw new Error('it succeeded') }, (error: unknown) => error as LLMError)
const routeOf = (response: ChatResponse) => response.metadata?.route as RouteReceipt
const event = (seq: number, body: object) => ({ ...body, ts: '2026-10-01T00:00:00.000Z', session_id: 's', seq }) as StreamEvent
const EMPTY: ChatResponse = { content: [{ type: 'text', text: 'hello' }] }

/** Another provider of the host, of which only what a test needs is real. */
function foreign(parts: Partial<Provider>): Provider {
  return {
    name: 'other',
    getInfo: () => ({ id: 'other', display_name: 'Other', credential_env_vars: [], capabilities: [], defaults: {}, config_fields: [] }),
    listModels: async () => [{ id: 'their-model', display_name: 'Theirs', context_window: 1, max_output_tokens: 1, capabilities: [], defaults: {} }],
    complete: async () => EMPTY,
    parseToolCalls: () => [],
    ...parts,
  } as Provider
}

/** A stream of these events, whose response is `answer`. */
function streamOf(events: StreamEvent[], answer: () => Promise<ChatResponse>): Provider['stream'] {
  return () => ({
    async *[Symbol.asyncIterator]() { yield* events },
    response: answer,
  })
}

describe('delegation', () => {
  test('an abort ends it at once while its candidates are still being listed', async () => {
    const { host, provider } = await mounted({ config: chain(['other', 'their-*']) })
    await host.coordinator.mount('providers', foreign({ listModels: () => new Promise(() => undefined) }), { name: 'other' })
    const controller = new AbortController()
    const running = failure(provider.delegate('coding', ask('x'), { signal: controller.signal }).response())
    setImmediate(() => controller.abort())
    expect(await running).toMatchObject({ name: 'AbortError' })
  })

  test('an abort ends a candidate of another provider that does not listen to it', async () => {
    const { host, provider } = await mounted({ config: chain(['other', 'their-model']) })
    let asked = () => undefined as void
    const reached = new Promise<void>((resolve) => { asked = resolve })
    await host.coordinator.mount('providers', foreign({ complete: () => { asked(); return new Promise(() => undefined) } }), { name: 'other' })
    const controller = new AbortController()
    const running = failure(provider.delegate('coding', ask('x'), { signal: controller.signal }).response())
    await reached
    controller.abort()
    expect(await running).toMatchObject({ name: 'AbortError' })
  })

  test('events of another provider that breaks off keep their numbers without gaps', async () => {
    const { host, provider } = await mounted({ config: chain(['other', 'their-model']) })
    const events = [event(0, { type: 'message.start' }), event(1, { type: 'text.delta', text: 'half' }), event(2, { type: 'error', error: {} })]
    const stream = streamOf(events, () => Promise.reject(new NetworkError('gone', { provider: 'other' })))
    await host.coordinator.mount('providers', foreign({ stream }), { name: 'other' })
    const seen = await collect(provider.delegate('coding', ask('x')))
    expect(seen.map(({ type, seq }) => [type, seq])).toEqual([['message.start', 0], ['text.delta', 1], ['error', 2]])
  })

  test.each(['stream', 'complete'] as const)('a candidate of another provider that took over by %s says so at its end', async (way) => {
    const { host, provider, twin } = await mounted({ config: { ...chain(['openai-chatgpt', FIRST], ['other', 'their-model']), max_retries: 0, default_model: 'latest' } })
    const events = [event(0, { type: 'message.start' }), event(1, { type: 'text.delta', text: 'hello' }), event(2, { type: 'message.end', usage: null, degradations: [] })]
    const other = foreign(way === 'stream' ? { stream: streamOf(events, async () => EMPTY) } : {})
    await host.coordinator.mount('providers', other, { name: 'other' })
    twin.enqueue({ status: 503, body: {} })
    const stream = provider.delegate('coding', ask('x'))
    const seen = await collect(stream)
    const { degradation } = await stream.response()
    expect(degradation).toMatchObject({ requested: FIRST, actual: 'their-model' })
    expect(seen.at(-1)).toMatchObject({ type: 'message.end', degradations: [degradation] })
    expect(seen.map(({ seq }) => seq)).toEqual([0, 1, 2])
  })

  test('the receipt has what was asked for as the matrix says it, and every attempt, another provider\'s own among them', async () => {
    const theirs = { model: 'their-model', outcome: 'ok', transport: 'sse' }
    for (const [metadata, attempts] of [[undefined, [{ model: 'their-model', outcome: 'ok' }]], [{ route: { attempts: [theirs] } }, [theirs]], [{ route: {} }, []]] as const) {
      const { host, provider } = await mounted({ config: chain(['other', 'their-*']) })
      await host.coordinator.mount('providers', foreign({ complete: async () => ({ ...EMPTY, ...(metadata && { metadata }) }) as unknown as ChatResponse }), { name: 'other' })
      const route = routeOf(await provider.delegate('coding', ask('x')).response())
      expect([route.requested_model, route.resolved_model, route.attempts]).toEqual(['their-*', 'their-model', attempts])
    }
  })

  test('the total limit covers the whole chain', async () => {
    const { provider, twin } = await mounted({ config: { ...TWO_TIERS, total_timeout: 0.6, max_retries: 0 } })
    const burst = { error: { code: 'rate_limit_exceeded', message: 'slow' } }
    twin.enqueue({ status: 429, body: burst, delayMs: 400 }, { text: 'late', delayMs: 400 })
    expect(await failure(provider.delegate('coding', ask('x')).response())).toMatchObject({ name: 'LLMTimeoutError', code: 'total_timeout', provider: 'openai-chatgpt' })
  })

  test('the receipt keeps the attempts at the candidates before', async () => {
    const { provider, twin, named } = await mounted({ config: { ...TWO_TIERS, max_retries: 0 } })
    twin.enqueue({ status: 503, body: { error: { code: 'server_is_overloaded', message: 'at capacity' } } })
    const route = routeOf(await provider.delegate('coding', ask('x')).response())
    expect(route.attempts.map(({ model, outcome }) => [model, outcome])).toEqual([[FIRST, 'error'], [SECOND, 'ok']])
    expect(named('provider:resolve')[0]).toMatchObject({ route: { attempts: [] } })
  })

  test('once a continuation runs there is no other candidate: an overload is waited out', async () => {
    const { provider, twin, named } = await mounted({ config: TWO_TIERS })
    const full = { status: 503, body: { error: { code: 'server_is_overloaded', message: 'at capacity' } } }
    twin.enqueue({ text: 'one ', incomplete: 'max_output_tokens' }, full, { text: 'two' })
    const events = await collect(provider.delegate('coding', ask('x')))
    expect(textOf(events)).toBe('one two')
    expect(named('provider:retry')).toHaveLength(1)
  })
})

describe('retries', () => {
  test('are counted from one, whatever was repaired before them and over continuations', async () => {
    const { provider, twin, named } = await mounted()
    const down: TwinReply = { status: 503, body: {} }
    twin.enqueue({ status: 401, body: { detail: 'Unauthorized' } }, down, { text: 'one ', incomplete: 'max_output_tokens' }, down, { text: 'two' })
    await provider.complete(ask('x'))
    expect(named('provider:retry').map(({ attempt }) => attempt)).toEqual([1, 2])
  })

  test('a continuation that cannot be had is a broken answer, with what came before', async () => {
    const { provider, twin } = await mounted({ config: { max_retries: 0 } })
    twin.enqueue({ text: 'one ', incomplete: 'max_output_tokens' }, { status: 503, body: {} })
    const error = await failure(provider.complete(ask('x')))
    expect(error).toMatchObject({ name: 'StreamError', retryable: true, partial: { content: [expect.objectContaining({ text: 'one ' })] } })
  })

  test.each([1, 9])('a close with 1009 after %i events is a broken answer, not a wrong request', async (cutAfterEvents) => {
    const { provider, twin } = await mounted({ config: { transport: 'websocket' } })
    twin.enqueue({ text: 'words that are shown before it breaks', cutAfterEvents, eventsPerWrite: 1, closeCode: 1009 })
    expect(await failure(provider.complete(ask('x')))).toMatchObject({ name: 'StreamError', retryable: true })
    expect(twin.responses()).toHaveLength(1)
  })

  test('a silence limit longer than a timer can run is no limit of a millisecond', async () => {
    const { provider, twin } = await mounted()
    twin.enqueue({ text: 'late', delayMs: 50, eventDelayMs: 5 })
    expect((await provider.complete(ask('x', { timeout: 1e9 }))).content).toMatchObject([{ text: 'late' }])
  })
})

describe('the bare socket', () => {
  test('an abort is an AbortError', async () => {
    const { provider } = await mounted()
    expect(await failure(provider.openSocket({ signal: AbortSignal.abort() }))).toMatchObject({ name: 'AbortError' })
  })
})

describe('mounting', () => {
  test('a mount that fails leaves no provider behind', async () => {
    const { folder, twin } = await mounted()
    const host = createHost()
    const config = { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: join(folder, 'openai-chatgpt-oauth.json'), login_on_mount: false }
    const mounting = createModule({ warn: () => undefined }).mount(host.coordinator, { ...config, ...chain(['openai-chatgpt', 'gpt-9-sol']), strict_routing: true })
    expect(await failure(mounting)).toMatchObject({ name: 'ConfigurationError', code: 'dead_role' })
    expect(host.coordinator.get('providers')).toEqual({})
    await host.close()
  })

  test('a mount that was cleaned up checks nothing once the session is ready, and another is checked once', async () => {
    const { host, config, warnings } = await mounted({ config: chain(['openai-chatgpt', 'gpt-9-sol']) })
    await expect.poll(() => warnings.filter((warning) => warning.includes('gpt-9-sol')).length).toBe(1)
    const told: string[] = []
    const module = createModule({ warn: (message) => void told.push(message) })
    const cleanups = [await module.mount(host.coordinator, config)]
    await cleanups[0]?.()
    cleanups.push(await module.mount(host.coordinator, config))
    await module.onSessionReady?.(host.coordinator)
    await module.onSessionReady?.(host.coordinator)
    await expect.poll(() => told.length).toBeGreaterThan(0)
    await host.coordinator.hooks.emit('session:resume', {})
    for (const cleanup of cleanups) await cleanup?.()
    expect(told.filter((warning) => warning.includes('gpt-9-sol'))).toHaveLength(1)
  })

  test('cleanup ends a running call with its pair of events', async () => {
    const { host, provider, twin, named } = await mounted()
    twin.enqueue({ text: 'x', delayMs: 5000 })
    const running = failure(provider.complete(ask('x')))
    await expect.poll(() => twin.responses().length).toBe(1)
    await host.close()
    expect(await running).toMatchObject({ name: 'AbortError' })
    expect([named('llm:request').length, named('llm:response').length]).toEqual([1, 1])
  })
})

test('a provider of the host that is overloaded takes nothing with it', async () => {
  const { host, provider } = await mounted({ config: chain(['other', 'their-model'], ['openai-chatgpt', SECOND]) })
  const complete = () => Promise.reject(new ProviderUnavailableError('full', { provider: 'other' }))
  await host.coordinator.mount('providers', foreign({ complete }), { name: 'other' })
  const events = await collect(provider.delegate('coding', ask('hello')))
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index))
  expect(textOf(events)).toBe('You said: hello')
})
