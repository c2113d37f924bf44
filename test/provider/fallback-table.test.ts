import { afterEach, describe, expect, test } from 'vitest'
import type { LLMError, RouteReceipt } from '../../src/contract/index.js'
import type { TwinReply } from '../../src/twin/index.js'
import { ask, collect, mountOnTwin, textOf, type Mounted, type MountedOptions } from '../support/mounted.js'

const open: Mounted[] = []
afterEach(async () => {
  for (const mounted of open.splice(0)) await mounted.close()
})

const FIRST = 'gpt-6.1-sol'
const SECOND = 'gpt-5.5'
const THIRD = 'gpt-5.4'
/** three tiers on one provider */
const OVERRIDES = { coding: { description: 'x', candidates: [FIRST, SECOND, THIRD].map((model) => ({ provider: 'openai-chatgpt', model })) } }

interface Trial {
  mounted: Mounted
  /** seconds */
  waits: number[]
  models(): string[]
}

async function trial(transport: 'sse' | 'websocket', options: MountedOptions = {}): Promise<Trial> {
  const waits: number[] = []
  // The clock moves with the waits: what holds an account's calls back until a time is over by then.
  let waitedMs = 0
  const wait = async (ms: number) => {
    waits.push(ms / 1000)
    waitedMs += ms
  }
  const mounted = await mountOnTwin({
    ...options,
    config: { transport, max_retries: 2, routing_overrides: OVERRIDES, ...options.config },
    parts: { random: () => 0.5, delay: wait, now: () => Date.now() + waitedMs, ...options.parts },
  })
  open.push(mounted)
  return { mounted, waits, models: () => mounted.twin.responses().map(({ body }) => String((body as { model: string }).model)) }
}

const forModel = (model: string, reply: TwinReply): TwinReply => ({ ...reply, match: ({ body }) => (body as { model?: string }).model === model })
const failure = async (promise: Promise<unknown>) => promise.then(() => { throw new Error('it succeeded') }, (error: unknown) => error as LLMError)
const body = (code: string, message = code) => ({ error: { code, type: code, message } })

/** After how many events of a text answer output has been shown. */
const AFTER_OUTPUT = { text: 'words that are shown before it breaks', cutAfterEvents: 9, eventsPerWrite: 1 }

describe.each(['sse', 'websocket'] as const)('before output, over %s', (transport) => {
  test.each<[string, TwinReply, string]>([
    ['403 plain', { status: 403, body: { detail: 'no' } }, 'AccessDeniedError'],
    ['400 schema', { status: 400, body: { detail: 'Unsupported parameter: x' } }, 'InvalidRequestError'],
    ['context length', { status: 400, body: body('context_length_exceeded') }, 'ContextLengthError'],
    ['content filter', { status: 400, body: body('cyber_policy') }, 'ContentFilterError'],
  ])('%s is an error after one attempt, with no next candidate', async (_title, reply, name) => {
    const { mounted: { provider, twin, named }, models, waits } = await trial(transport)
    twin.enqueue(reply)
    expect(await failure(provider.delegate('coding', ask('x')).response())).toMatchObject({ name, retryable: false })
    expect([models(), waits, named('provider:fallback')]).toEqual([[FIRST], [], []])
  })

  test.each<[string, TwinReply]>([
    ['403 challenge', { status: 403, headers: { 'content-type': 'text/html' }, body: '<html><title>Just a moment...</title></html>' }],
    ['503', { status: 503, body: {} }],
    ['500 with a code that means "not accepted"', { status: 500, body: body('subscription_sharing_usage_unavailable') }],
    ['502 with a code that means "not accepted"', { status: 502, body: body('subscription_sharing_usage_unavailable') }],
  ])('%s is retried with backoff, and not taken to another model of the same provider', async (_title, reply) => {
    const { mounted: { provider, twin }, models, waits } = await trial(transport)
    twin.enqueue(reply, reply, reply)
    expect(await failure(provider.delegate('coding', ask('x')).response())).toMatchObject({ name: 'ProviderUnavailableError', retryable: true })
    expect(models()).toEqual([FIRST, FIRST, FIRST])
    expect(waits).toHaveLength(2)
    twin.enqueue(reply)
    await expect(provider.delegate('coding', ask('x')).response()).resolves.toBeDefined()
  })

  test.each<[string, TwinReply]>([
    ['404', { status: 404, body: { error: { code: 'model_not_found', message: 'The model does not exist' } } }],
    ['400', { status: 400, body: { detail: `The '${FIRST}' model is not supported when using Codex with a ChatGPT account.` } }],
  ])('a model that is gone (%s) gives way at once, and the catalog is fetched anew', async (_title, reply) => {
    const { mounted: { provider, twin, named }, models, waits } = await trial(transport)
    const listings = () => twin.requests.filter(({ path }) => path.endsWith('/models')).length
    const before = listings()
    twin.enqueue(reply)
    const answer = await provider.delegate('coding', ask('x')).response()
    expect([models(), waits]).toEqual([[FIRST, SECOND], []])
    expect(answer.degradation).toMatchObject({ requested: FIRST, actual: SECOND })
    expect(named('provider:fallback')).toEqual([expect.objectContaining({ role: 'coding', from_model: FIRST, to_model: SECOND, error_type: 'NotFoundError' })])
    await expect.poll(listings).toBeGreaterThan(before)
  })

  test.each<[string, TwinReply]>([
    ['429', { status: 429, headers: { 'retry-after': '1' }, body: body('rate_limit_exceeded') }],
    ['slow_down', { events: [{ type: 'response.failed', response: { id: 'resp_0', status: 'failed', error: { code: 'slow_down', message: 'Please try again in 1s.' } } }] }],
  ])('a burst (%s) waits as told, retries, then the next candidate', async (_title, reply) => {
    const { mounted: { provider, twin, named }, models, waits } = await trial(transport)
    twin.enqueue(...[1, 2, 3].map(() => forModel(FIRST, reply)))
    await expect(provider.delegate('coding', ask('x')).response()).resolves.toMatchObject({ degradation: { requested: FIRST, actual: SECOND } })
    expect(models()).toEqual([FIRST, FIRST, FIRST, SECOND])
    expect(waits).toEqual([1, 1])
    expect(named('provider:throttle')).toHaveLength(2)
  })

  test('a used-up quota is marked, and the next candidate answers at once', async () => {
    const { mounted: { provider, twin, named }, models, waits } = await trial(transport)
    twin.exhaust(FIRST, Math.round(Date.now() / 1000) + 3600)
    await expect(provider.delegate('coding', ask('x')).response()).resolves.toMatchObject({ degradation: { requested: FIRST, actual: SECOND } })
    const again = await provider.delegate('coding', ask('y')).response()
    expect([models(), waits]).toEqual([[FIRST, SECOND, SECOND], []])
    expect(again.metadata?.route).toMatchObject({ candidates: [{ status: 'exhausted' }, { status: 'live' }, { status: 'live' }] })
    expect(named('llm:request')).toHaveLength(3)
    expect(named('llm:response').map(({ status }) => status)).toEqual(['error', 'ok', 'ok'])
  })

  test('at capacity gives way at once where there is another candidate', async () => {
    const { mounted: { provider, twin }, models, waits } = await trial(transport)
    twin.enqueue({ status: 503, body: body('server_is_overloaded', 'Selected model is at capacity') })
    await expect(provider.delegate('coding', ask('x')).response()).resolves.toMatchObject({ degradation: { actual: SECOND } })
    expect([models(), waits]).toEqual([[FIRST, SECOND], []])
  })

  test('at capacity is waited out patiently where there is none', async () => {
    const { mounted: { provider, twin, named }, waits } = await trial(transport, { config: { max_retries: 4 } })
    const busy: TwinReply = { status: 503, body: body('server_is_overloaded', 'Selected model is at capacity') }
    twin.enqueue(busy, busy, busy)
    await expect(provider.complete(ask('x'))).resolves.toBeDefined()
    expect(waits).toEqual([7.5, 45, 180])
    expect(named('provider:retry').map(({ delay }) => delay)).toEqual(waits)
  })

  test.each<[string, TwinReply, string]>([
    ['a cut', { text: 'x', cutAfterEvents: 0 }, 'StreamError'],
    ['a reset', { text: 'x', cutAfterEvents: 0, reset: true }, 'StreamError'],
    ['silence', { text: 'x', stallAfterEvents: 0 }, 'LLMTimeoutError'],
  ])('%s before any event is an error, unrepeated: it may have run', async (_title, reply, name) => {
    const { mounted: { provider, twin }, models } = await trial(transport, { config: { timeout: 0.4 } })
    twin.enqueue(reply)
    expect(await failure(provider.delegate('coding', ask('x')).response())).toMatchObject({ name, retryable: true })
    expect(models()).toEqual([FIRST])
  })

  test('attempts never multiply along the chain: one each, and the shared retries', async () => {
    const { mounted: { provider, twin }, models, waits } = await trial(transport)
    const burst: TwinReply = { status: 429, headers: { 'retry-after': '1' }, body: body('rate_limit_exceeded') }
    twin.enqueue(...Array.from({ length: 9 }, () => burst))
    expect(await failure(provider.delegate('coding', ask('x')).response())).toMatchObject({ name: 'RateLimitError' })
    expect(models()).toEqual([FIRST, FIRST, FIRST, SECOND, THIRD])
    expect(waits).toHaveLength(2)
  })
})

describe('before output', () => {
  test('a request that timed out at the server (408) is repeated once', async () => {
    const { mounted: { provider, twin }, models } = await trial('sse')
    twin.enqueue({ status: 408, body: {} }, { status: 408, body: {} }, { status: 408, body: {} })
    const error = await failure(provider.delegate('coding', ask('x')).response())
    expect(error).toMatchObject({ name: 'StreamError', retryable: true })
    expect(models()).toEqual([FIRST, FIRST])
  })

  test('401 refreshes, repeats once, then is an AuthenticationError that names the command', async () => {
    const { mounted: { provider, twin }, models } = await trial('sse')
    twin.enqueue({ status: 401, body: { detail: 'Unauthorized' } }, { status: 401, body: { detail: 'Unauthorized' } })
    expect(await failure(provider.delegate('coding', ask('x')).response())).toMatchObject({ name: 'AuthenticationError', message: expect.stringMatching(/amplifier-chatgpt login/) as string })
    expect(models()).toEqual([FIRST, FIRST])
    expect(twin.refreshes).toHaveLength(1)
  })

  test('a server that cannot be reached is retried, then an error of the network', async () => {
    const { mounted: { provider, twin }, waits } = await trial('sse')
    await provider.listModels()
    await twin.close()
    expect(await failure(provider.delegate('coding', ask('x')).response())).toMatchObject({ name: 'NetworkError', retryable: true })
    expect(waits).toHaveLength(2)
  })

  test('an abort is an abort at once', async () => {
    const { mounted: { provider, twin }, models } = await trial('sse')
    twin.enqueue({ text: 'x', delayMs: 5000 })
    const controller = new AbortController()
    const running = failure(provider.delegate('coding', ask('x'), { signal: controller.signal }).response())
    await expect.poll(() => models()).toEqual([FIRST])
    controller.abort()
    expect(await running).toMatchObject({ name: 'AbortError' })
    expect(models()).toEqual([FIRST])
  })

  test('another provider of the host takes over what a broken service cannot serve', async () => {
    const other = {
      name: 'other',
      listModels: async () => [{ id: 'other-1', display_name: 'x', context_window: 1, max_output_tokens: 1, capabilities: [], defaults: {} }],
      complete: async () => ({ content: [{ type: 'text', text: 'from the other one' }], finish_reason: 'stop' }),
    }
    const chain = { coding: { description: 'x', candidates: [{ provider: 'openai-chatgpt', model: FIRST }, { provider: 'other', model: 'other-1' }] } }
    const { mounted: { provider, twin, host, named }, models } = await trial('sse', { config: { routing_overrides: chain, default_model: 'latest' } })
    await host.coordinator.mount('providers', other, { name: 'other' })
    twin.enqueue({ status: 503, body: {} }, { status: 503, body: {} }, { status: 503, body: {} })
    const stream = provider.delegate('coding', ask('x'))
    expect(textOf(await collect(stream))).toBe('from the other one')
    const { degradation, metadata } = await stream.response()
    expect(degradation).toMatchObject({ requested: FIRST, actual: 'other-1' })
    const { lane, billing, transport, ...route } = metadata?.route as RouteReceipt
    // Whose plan pays there, and over what it goes, only the other one knows.
    expect([lane, billing, transport]).toEqual([undefined, undefined, undefined])
    expect(route).toMatchObject({ provider: 'other', resolved_model: 'other-1', served_model: 'unknown', transport_reason: 'another provider' })
    expect(route.attempts.map(({ model, outcome }) => [model, outcome])).toEqual([[FIRST, 'error'], [FIRST, 'error'], [FIRST, 'error'], ['other-1', 'ok']])
    expect(models()).toEqual([FIRST, FIRST, FIRST])
    expect(named('provider:fallback')).toHaveLength(1)
  })

  test('a session that names its model keeps to its tier: what overrides add on no ladder is left out, and the mount says so', async () => {
    const other = {
      name: 'other', complete: async () => ({ content: [{ type: 'text', text: 'from the other one' }], finish_reason: 'stop' }),
      listModels: async () => [{ id: 'other-1', display_name: 'x', context_window: 1, max_output_tokens: 1, capabilities: [], defaults: {} }],
    }
    const chain = { coding: { description: 'x', candidates: [{ provider: 'other', model: 'other-1' }, { provider: 'openai-chatgpt', model: FIRST }] } }
    const told = async (model: string) => {
      const { mounted: { provider, host, warnings } } = await trial('sse', { config: { routing_overrides: chain, max_retries: 0, default_model: model } })
      await host.coordinator.mount('providers', other, { name: 'other' })
      const { content, metadata } = await provider.delegate('coding', ask('x')).response()
      const { resolved_model, clamp } = metadata?.route as RouteReceipt
      return { text: content.map((block) => (block.type === 'text' ? block.text : '')).join(''), resolved_model, reason: clamp?.reason, warnings: warnings.filter((line) => line.includes('other/other-1')).length }
    }
    expect(await told('latest')).toEqual({ text: 'from the other one', resolved_model: 'other-1', reason: expect.stringContaining("'latest' is not on the") as string, warnings: 0 })
    expect(await told('gpt-6.1-sol')).toMatchObject({ text: 'You said: x', resolved_model: FIRST, reason: expect.stringMatching(/^strict: clamped to caller rung 2/) as string, warnings: 1 })
  })

  test('what a provider that took over says of its own way stands in the receipt', async () => {
    const second = await trial('sse')
    const chain = { coding: { description: 'x', candidates: [{ provider: 'openai-chatgpt', model: FIRST }, { provider: 'second', model: SECOND }] } }
    const { mounted: { provider, twin, host } } = await trial('sse', { config: { routing_overrides: chain, max_retries: 0, default_model: 'latest' } })
    await host.coordinator.mount('providers', second.mounted.provider, { name: 'second' })
    twin.enqueue({ status: 503, body: {} })
    const { metadata } = await provider.delegate('coding', ask('x')).response()
    expect(metadata?.route).toMatchObject({
      role: 'coding', provider: 'second', served_model: SECOND, lane: 'codex', transport: 'sse', transport_reason: 'configured',
      attempts: [{ model: FIRST, outcome: 'error' }, { model: SECOND, transport: 'sse', outcome: 'ok' }],
    })
    expect(second.models()).toEqual([SECOND])
  })
})

describe.each(['sse', 'websocket'] as const)('after output, over %s', (transport) => {
  test.each<[string, TwinReply, string]>([
    ['a cut', AFTER_OUTPUT, 'StreamError'],
    ['silence', { text: 'words that are shown', stallAfterEvents: 9, eventsPerWrite: 1 }, 'LLMTimeoutError'],
    ['overload', { events: failing('server_is_overloaded') }, 'StreamError'],
    ['slow_down', { events: failing('slow_down') }, 'StreamError'],
    ['a burst', { events: failing('rate_limit_exceeded') }, 'StreamError'],
    ['an unknown failure', { events: failing('server_error') }, 'StreamError'],
    ['quota', { events: failing('insufficient_quota') }, 'QuotaExceededError'],
    ['context length', { events: failing('context_length_exceeded') }, 'ContextLengthError'],
    ['policy', { events: failing('cyber_policy') }, 'ContentFilterError'],
    ['a model that is gone', { events: failing('model_not_found') }, 'NotFoundError'],
    ['a bad request', { events: failing('invalid_prompt') }, 'InvalidRequestError'],
  ])('%s never starts over, and what came is in the error', async (_title, reply, name) => {
    const { mounted: { provider, twin, named }, models, waits } = await trial(transport, { config: { timeout: 0.4 } })
    twin.enqueue(reply)
    const stream = provider.delegate('coding', ask('x'))
    const events = await collect(stream)
    const error = await failure(stream.response())
    expect(error).toMatchObject({ name, retryable: name === 'StreamError' || name === 'LLMTimeoutError' })
    expect(textOf(events)).not.toBe('')
    expect(JSON.stringify(error.partial)).toContain(textOf(events))
    expect([models(), waits, named('provider:fallback')]).toEqual([[FIRST], [], []])
    expect(named('llm:stream_aborted')).toHaveLength(1)
  })
})

/** A recording that shows text and then fails. */
function failing(code: string): unknown[] {
  const response = { id: 'resp_f', object: 'response', status: 'in_progress', model: FIRST, output: [] }
  const at = { item_id: 'msg_f', output_index: 0, content_index: 0 }
  return [
    { type: 'response.created', response },
    { type: 'response.output_item.added', output_index: 0, item: { id: 'msg_f', type: 'message', role: 'assistant', content: [] } },
    { type: 'response.output_text.delta', ...at, delta: 'words that ' },
    { type: 'response.output_text.delta', ...at, delta: 'are shown' },
    { type: 'response.failed', response: { ...response, status: 'failed', error: { code, message: `failed with ${code}` } } },
  ]
}
