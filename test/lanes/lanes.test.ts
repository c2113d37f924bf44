import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createHost } from '../../src/host/index.js'
import { createModule, type ChatRequest } from '../../src/index.js'
import { ask, type Mounted } from '../support/mounted.js'
import { mountApiKey, mountOn, mountPlan, openTwin, pathsOf } from './support.js'

const HOUR = 3_600_000
const TOOLS: ChatRequest['tools'] = [
  { name: 'get_weather', description: 'The weather of a place.', parameters: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] } },
  { name: 'get_time', parameters: { type: 'object', properties: {} } },
]
const METERED_FIELDS = { temperature: 0.3, top_p: 0.9, max_output_tokens: 500 }

type Body = Record<string, unknown>
const bodyOf = (mounted: Mounted, at = -1): Body => mounted.twin.responses().at(at)?.body as Body
const headersOf = (mounted: Mounted): Record<string, string> => mounted.twin.responses().at(-1)?.headers ?? {}
const receiptOf = (mounted: Mounted): unknown => mounted.named('provider:resolve').at(-1)?.['route']

/** A tool call and its result, back and forth. */
async function roundTrip({ provider }: Mounted, more: Partial<ChatRequest> = {}) {
  const first = await provider.complete(ask('call get_weather {"place":"Bern"}', { tools: TOOLS, ...more }))
  const call = first.tool_calls?.[0]
  expect(call).toMatchObject({ name: 'get_weather', arguments: { place: 'Bern' } })
  const second = await provider.complete({
    tools: TOOLS,
    messages: [
      { role: 'user', content: 'call get_weather {"place":"Bern"}' },
      { role: 'assistant', content: first.content },
      { role: 'tool', tool_call_id: call?.id, content: [{ type: 'tool_result', tool_call_id: call?.id ?? '', output: 'sunny in Bern' }] },
    ],
  })
  expect(JSON.stringify(second.content)).toContain('sunny in Bern')
  return { first, second }
}

describe('the codex lane', () => {
  test('asks the ChatGPT backend, names the account, and bills the plan', async () => {
    const mounted = await mountOn(await openTwin())
    await mounted.provider.listModels()
    await mounted.provider.delegate('general', ask('hello')).response()
    expect(pathsOf(mounted.twin)).toEqual(['GET /backend-api/codex/models', 'POST /backend-api/codex/responses'])
    expect(headersOf(mounted)).toMatchObject({ authorization: expect.stringMatching(/^Bearer ey/) as string, 'chatgpt-account-id': mounted.twin.accountId })
    expect(receiptOf(mounted)).toMatchObject({ billing: 'plan' })
  })

  test('leaves out what only the metered API takes', async () => {
    const mounted = await mountOn(await openTwin())
    await mounted.provider.complete(ask('hello', METERED_FIELDS))
    expect(Object.keys(bodyOf(mounted)).filter((key) => key in METERED_FIELDS)).toEqual([])
    expect(mounted.warnings.join()).toContain('codex lane takes no')
  })

  test('plays tools back and forth', async () => {
    await roundTrip(await mountOn(await openTwin()))
  })
})

describe('the plan lane', () => {
  test('asks the public API with the bearer alone, and bills the plan', async () => {
    const mounted = await mountPlan(await openTwin())
    mounted.twin.requests.length = 0
    const models = await mounted.provider.listModels()
    expect(models.map(({ id }) => id)).toContain('gpt-6.1-sol')
    await mounted.provider.delegate('general', ask('hello')).response()
    expect(pathsOf(mounted.twin)).toEqual(['GET /v1/models', 'POST /v1/responses'])
    expect(headersOf(mounted)).toHaveProperty('authorization')
    expect(headersOf(mounted)).not.toHaveProperty('chatgpt-account-id')
    expect(mounted.twin.requests[0]?.query).toHaveProperty('client_version')
    expect(receiptOf(mounted)).toMatchObject({ billing: 'plan' })
  })

  test('keeps to its field rules', async () => {
    const mounted = await mountPlan(await openTwin(), { extra_request_params: { truncation: 'auto', user: 'somebody', metadata: { a: 'b' } } })
    await mounted.provider.complete({
      ...ask('hello', METERED_FIELDS),
      messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'hello' }, { role: 'system', content: 'Very.' }, { role: 'user', content: 'go on' }],
      response_format: { type: 'json_schema', schema: { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'], additionalProperties: false }, strict: true },
    })
    const body = bodyOf(mounted)
    expect(body).toMatchObject({ store: false, stream: true, instructions: 'Be brief.', text: { format: { type: 'json_schema' } } })
    expect(JSON.stringify(body['input'])).not.toContain('"system"')
    for (const field of [...Object.keys(METERED_FIELDS), 'truncation', 'user', 'metadata', 'previous_response_id']) expect(body).not.toHaveProperty(field)
  })

  test.each([['auto'], ['required'], ['get_weather']])('plays tools back and forth, tool_choice %s', async (toolChoice) => {
    const mounted = await mountPlan(await openTwin())
    await roundTrip(mounted, { tool_choice: toolChoice })
    const [first] = bodyOf(mounted)['input'] as Body[]
    expect(first).toMatchObject({ type: 'additional_tools', role: 'developer', tools: expect.arrayContaining([expect.objectContaining({ type: 'function', name: 'get_weather' })]) as unknown })
    expect(bodyOf(mounted)).not.toHaveProperty('tools')
  })

  test('goes over a WebSocket, with the turns chained', async () => {
    const mounted = await mountPlan(await openTwin(), { transport: 'websocket' })
    await roundTrip(mounted)
    expect(mounted.twin.responses().map(({ transport, path }) => `${transport} ${path}`)).toEqual(['websocket /v1/responses', 'websocket /v1/responses'])
    expect(bodyOf(mounted)).toHaveProperty('previous_response_id')
  })

  test('is never refreshed before earliest_refresh_at, and once after it', async () => {
    const clock = { ms: Date.now() }
    const now = () => clock.ms
    const mounted = await mountPlan(await openTwin({ now }), {}, now)
    clock.ms += HOUR - 6 * 60_000 - 20_000
    await mounted.provider.complete(ask('hello'))
    expect(mounted.twin.refreshes).toEqual([])
    clock.ms += 90_000
    await Promise.all(Array.from({ length: 5 }, () => mounted.provider.complete(ask('hello'))))
    expect(mounted.twin.refreshes.map(({ outcome }) => outcome)).toEqual(['ok'])
  })

  test('a 401 whose body says invalid_token refreshes once and serves', async () => {
    const clock = { ms: Date.now() }
    const now = () => clock.ms
    const mounted = await mountPlan(await openTwin({ now }), {}, now)
    // Past the earliest refresh, so that the only thing that can ask for one is the server's word.
    clock.ms += HOUR - 5 * 60_000 - 30_000
    mounted.twin.refuse('/v1/responses', { status: 401, body: { detail: { error_code: 'invalid_token' } } })
    await expect(mounted.provider.complete(ask('hello'))).resolves.toMatchObject({ finish_reason: 'stop' })
    expect(mounted.twin.refreshes.map(({ outcome }) => outcome)).toEqual(['ok'])
  })

  test('a 401 that a refresh does not cure ends in one AuthenticationError', async () => {
    const clock = { ms: Date.now() }
    const now = () => clock.ms
    const mounted = await mountPlan(await openTwin({ now }), {}, now)
    clock.ms += HOUR - 5 * 60_000 - 30_000
    mounted.twin.refuse('/v1/responses', { status: 401, body: { detail: { error_code: 'invalid_token' } }, times: 9 })
    await expect(mounted.provider.complete(ask('hello'))).rejects.toMatchObject({ name: 'AuthenticationError', retryable: false })
    expect(mounted.twin.refreshes.length).toBeLessThanOrEqual(1)
    expect(mounted.named('llm:response')).toHaveLength(1)
  })

  test.each<[number, string, string, number]>([
    [429, 'subscription_sharing_usage_limit_exceeded', 'QuotaExceededError', 1],
    [503, 'subscription_sharing_usage_unavailable', 'ProviderUnavailableError', 2],
    [503, 'subscription_sharing_user_unavailable', 'ProviderUnavailableError', 2],
    [403, 'subscription_sharing_user_not_eligible', 'AccessDeniedError', 1],
    [403, 'subscription_sharing_invalid_user', 'AuthenticationError', 1],
    [403, 'chatpass_v2_scope_not_authorized', 'AuthenticationError', 1],
    [400, 'subscription_sharing_unsupported_capability', 'InvalidRequestError', 1],
    [404, 'subscription_sharing_route_not_supported', 'AccessDeniedError', 1],
    [403, 'subscription_sharing_route_not_supported', 'AccessDeniedError', 1],
  ])('%i %s is a %s after %i requests, and goes nowhere else', async (status, code, name, requests) => {
    const key = 'sk-made-up-and-merely-in-the-environment'
    vi.stubEnv('OPENAI_API_KEY', key)
    onTestFinished(() => void vi.unstubAllEnvs())
    const mounted = await mountPlan(await openTwin(), { max_retries: 1 })
    mounted.twin.refuse('/v1/responses', { status, body: { detail: { code, message: 'It is said so.', param: null } }, headers: { 'retry-after': '0' }, times: 9 })
    await expect(mounted.provider.complete(ask('hello'))).rejects.toMatchObject({ name, code, status_code: status })
    expect(mounted.twin.requests.filter(({ path }) => path.endsWith('/responses')).map(({ path }) => path)).toEqual(Array.from({ length: requests }, () => '/v1/responses'))
    expect(JSON.stringify(mounted.twin.requests)).not.toContain(key)
    expect(mounted.twin.refreshes).toEqual([])
  })
})

describe('the api_key lane', () => {
  test('says what a call costs, and what its models cost; a plan and a service tier without a known price say nothing', async () => {
    const usage = { input_tokens: 1000, input_tokens_details: { cached_tokens: 400 }, output_tokens: 100, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 1100 }
    const twin = await openTwin()
    const answer = async (mounted: Mounted, more: Partial<ChatRequest> = {}) => {
      twin.enqueue({ text: 'one', usage })
      return (await mounted.provider.complete(ask('hello', { model: 'gpt-5.5', ...more }))).usage?.cost_usd
    }
    const metered = await mountApiKey(twin)
    expect(await answer(metered)).toBe('0.0062')
    const [model] = (await metered.provider.listModels()).filter(({ id }) => id === 'gpt-5.5')
    expect([model?.pricing, model?.metadata?.['prices_as_of']]).toEqual([{ input: 5, output: 30, cache_read: 0.5, cache_write: 5, currency: 'USD' }, expect.stringMatching(/^2026-/)])
    expect(await answer(await mountApiKey(twin, { service_tier: 'flex' }))).toBeUndefined()
    const plan = await mountOn(twin)
    expect([await answer(plan), (await plan.provider.listModels()).filter(({ pricing }) => pricing !== undefined)]).toEqual([undefined, []])
  })

  test('asks the public API with the configured key, takes the metered fields and bills by use', async () => {
    const mounted = await mountApiKey(await openTwin())
    await mounted.provider.listModels()
    await mounted.provider.delegate('general', ask('hello', METERED_FIELDS)).response()
    expect(pathsOf(mounted.twin)).toEqual(['GET /v1/models', 'POST /v1/responses'])
    expect(headersOf(mounted)['authorization']).toBe(`Bearer ${mounted.key}`)
    expect(headersOf(mounted)).not.toHaveProperty('chatgpt-account-id')
    expect(bodyOf(mounted)).toMatchObject(METERED_FIELDS)
    expect(receiptOf(mounted)).toMatchObject({ billing: 'metered' })
  })

  test('plays tools back and forth, over HTTP and over a WebSocket', async () => {
    await roundTrip(await mountApiKey(await openTwin()))
    const mounted = await mountApiKey(await openTwin(), { transport: 'websocket' })
    await roundTrip(mounted)
    expect(mounted.twin.responses().map(({ transport }) => transport)).toEqual(['websocket', 'websocket'])
  })

  test('a refused key is an AuthenticationError, asked for once', async () => {
    const twin = await openTwin()
    const mounted = await mountApiKey(twin)
    twin.revokeAccessToken(mounted.key)
    await expect(mounted.provider.complete(ask('hello'))).rejects.toMatchObject({ name: 'AuthenticationError', retryable: false })
    expect(twin.responses().filter(({ path }) => path === '/v1/responses').length).toBeLessThanOrEqual(1)
    expect(twin.requests.filter(({ path }) => path.includes('oauth'))).toEqual([])
    expect(mounted.named('llm:response')).toEqual([expect.objectContaining({ status: 'error', error_type: 'AuthenticationError' })])
  })

  test('${OPENAI_API_KEY} in the configuration counts', async () => {
    const twin = await openTwin()
    const key = twin.issueApiKey()
    vi.stubEnv('OPENAI_API_KEY', key)
    onTestFinished(() => void vi.unstubAllEnvs())
    const mounted = await mountApiKey(twin, { api_key: '${OPENAI_API_KEY}' })
    await mounted.provider.complete(ask('hello'))
    expect(headersOf(mounted)['authorization']).toBe(`Bearer ${key}`)
  })
})

describe('a key that merely lies in the environment', () => {
  test.each(['codex', 'plan', 'api_key'])('is not used by lane %s', async (lane) => {
    const twin = await openTwin()
    vi.stubEnv('OPENAI_API_KEY', twin.issueApiKey())
    onTestFinished(() => void vi.unstubAllEnvs())
    const warnings: string[] = []
    const module = createModule({ warn: (message) => void warnings.push(message) })
    const host = createHost({ warn: () => undefined })
    onTestFinished(() => host.close())
    const config: Record<string, unknown> = { lane, base_url: lane === 'codex' ? twin.baseUrl : twin.apiBaseUrl, issuer: twin.issuer, token_store: 'memory' }
    expect(await module.mount(host.coordinator, config)).toBeNull()
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(/amplifier-chatgpt login/)
    expect(twin.requests).toEqual([])
  })
})

test.each<[string, Record<string, unknown>, string]>([
  ['codex', {}, 'amplifier-chatgpt login'],
  ['codex', { account: 'work' }, 'amplifier-chatgpt login --account work'],
  ['plan', {}, 'amplifier-chatgpt login --plan'],
  ['plan', { account: 'work' }, 'amplifier-chatgpt login --plan --account work'],
])('a refusal in lane %s with %j names the command that signs in there, at the same file: %s', async (lane, config, command) => {
  const twin = await openTwin()
  const mounted = lane === 'plan' ? await mountPlan(twin, config) : await mountOn(twin, { config })
  const body = { error: { code: 'missing_scope', message: 'Missing scopes: model.request' } }
  for (const path of ['/v1/responses', '/backend-api/codex/responses', '/v1/models', '/backend-api/codex/models']) twin.refuse(path, { status: 401, body, times: 9 })
  for (const call of [() => mounted.provider.complete(ask('hello')), () => mounted.provider.openSocket()]) {
    await expect(call()).rejects.toMatchObject({ name: 'AuthenticationError', message: expect.stringMatching(new RegExp(`${command} --token-file ${String(mounted.config['token_file_path'])} \\[\\w+\\]$`)) as string })
  }
})

describe('work never moves to another lane', () => {
  test('a codex quota that is used up is an error, although a key is configured', async () => {
    const twin = await openTwin()
    const key = twin.issueApiKey()
    const mounted = await mountOn(twin, { config: { api_key: key } })
    expect(mounted.warnings.join()).toContain('api_key has no effect in lane codex')
    twin.exhaust('*', Math.ceil(Date.now() / 1000) + 3600)
    await expect(mounted.provider.complete(ask('hello'))).rejects.toMatchObject({ name: 'QuotaExceededError' })
    await expect(mounted.provider.delegate('fast', ask('hello')).response()).rejects.toMatchObject({ name: 'QuotaExceededError' })
    expect(twin.requests.filter(({ path }) => path.startsWith('/v1/'))).toEqual([])
    expect(JSON.stringify(twin.requests)).not.toContain(key)
    expect(mounted.warnings.join()).not.toContain(key)
  })

  test('a record of one lane serves no other', async () => {
    const twin = await openTwin()
    const mounted = await mountOn(twin, { config: { lane: 'plan', base_url: twin.apiBaseUrl } })
    expect(mounted.provider).toBeUndefined()
    expect(mounted.warnings.join()).toMatch(/lane/)
    expect(twin.requests).toEqual([])
  })

  test.each([['legacy_codex', '/backend-api/codex/responses'], ['chatgpt_plan', '/v1/responses']])('auth_mode %s is the lane of %s', async (authMode, path) => {
    const twin = await openTwin()
    const plan = authMode === 'chatgpt_plan'
    const mounted = plan
      ? await mountPlan(twin, { lane: undefined, auth_mode: authMode })
      : await mountOn(twin, { config: { auth_mode: authMode } })
    await mounted.provider.complete(ask('hello'))
    expect(mounted.twin.responses().map((request) => request.path)).toEqual([path])
  })
})
