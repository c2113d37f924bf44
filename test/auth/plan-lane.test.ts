import { describe, expect, test } from 'vitest'
import { createCredentialSource, signInWithPlan, signOut, type PlanSignInOptions } from '../../src/auth/index.js'
import { createPlanLane } from '../../src/auth/plan-lane.js'
import { createTransport } from '../../src/transport/create-transport.js'
import { startStand, type Stand } from './support/stand.js'

const HOUR = 3_600_000

function sourceOf(stand: Stand, now?: () => number) {
  return createCredentialSource({ lane: stand.lane, store: stand.store, transport: stand.transport, delay: async () => undefined, ...(now ? { now } : {}) })
}

/** The user follows the address at once; what was asked and where the browser ended is handed back. */
async function signIn(stand: Stand, options: Partial<PlanSignInOptions> = {}) {
  const asked: URL[] = []
  const pages: Promise<string>[] = []
  const result = await signInWithPlan({
    transport: stand.transport, lane: stand.lane, store: stand.store,
    show: ({ url }) => {
      asked.push(new URL(url))
      pages.push(fetch(url).then((reply) => reply.text()))
    },
    ...options,
  })
  return { result, asked: asked[0] as URL, page: await pages[0] }
}

describe('sign in with ChatGPT', () => {
  test('registers a client, saves its id before the exchange, and verifies who signed in', async () => {
    const stand = await startStand({ lane: 'plan' })
    const { result, asked, page } = await signIn(stand)
    expect(page).toContain('Signed in')
    expect(Object.fromEntries(asked.searchParams)).toMatchObject({
      client_id: 'dynamic_agent_client',
      agent_name_hint: 'Amplifier ChatGPT provider',
      resource: 'https://api.openai.com/v1',
      scope: 'openid profile email offline_access resource.invoke chatgpt.tokens.use.direct',
      ext_agent_host_id: expect.stringMatching(/^urn:uuid:[0-9a-f-]{36}$/) as string,
      redirect_uri: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/auth\/callback$/) as string,
    })
    const registered = await stand.store.load()
    expect(registered).toMatchObject({ state: 'empty', record: { client_id: expect.stringMatching(/^oaiapp_/) as string, ext_agent_host_id: asked.searchParams.get('ext_agent_host_id') } })
    const source = sourceOf(stand)
    const credential = await source.accept(result)
    expect(credential).toMatchObject({ lane: 'plan', planEnabled: true, subject: expect.any(String) as string })
    expect(source.headers(credential)).toEqual({ authorization: `Bearer ${credential.accessToken}` })
    expect(source.billing).toBe('plan')
    expect((await source.current()).accessToken).toBe(credential.accessToken)
  })

  test('uses the issued client and the host id ever after', async () => {
    const stand = await startStand({ lane: 'plan' })
    const first = await signIn(stand)
    await sourceOf(stand).accept(first.result)
    const second = await signIn(stand)
    expect(second.asked.searchParams.get('client_id')).toBe(first.result.fields?.client_id)
    expect(second.asked.searchParams.get('ext_agent_host_id')).toBe(first.asked.searchParams.get('ext_agent_host_id'))
    expect(second.asked.searchParams.has('agent_name_hint')).toBe(false)
  })

  test('keeps the registration where the exchange fails', async () => {
    const stand = await startStand({ lane: 'plan' })
    stand.twin.refuse('/api/accounts/oauth/token', { status: 500, times: 1 })
    await expect(signIn(stand)).rejects.toMatchObject({ name: 'AuthenticationError' })
    expect(await stand.store.load()).toMatchObject({ state: 'empty', record: { client_id: expect.stringMatching(/^oaiapp_/) as string } })
  })

  test('without the plan scope only identifies, and sends nothing', async () => {
    const stand = await startStand({ lane: 'plan', twin: { planScope: 'openid profile email offline_access' } })
    const { result } = await signIn(stand)
    const source = sourceOf(stand)
    expect(await source.accept(result)).toMatchObject({ planEnabled: false })
    await expect(source.current()).rejects.toMatchObject({ name: 'AuthenticationError', code: 'missing_scope', message: expect.stringContaining('allow plan usage') as string })
  })

  test.each([
    ['signed by nobody we know', { keys: [] }],
    ['whose keys are not to be had', undefined],
  ])('refuses an ID token %s, and the sign-in that was there stays', async (_words, keys) => {
    const stand = await startStand({ lane: 'plan' })
    await sourceOf(stand).accept((await signIn(stand)).result)
    const before = await stand.store.load()
    stand.twin.refuse('/.well-known/jwks.json', keys ? { status: 200, body: keys } : { status: 500, body: {} })
    await expect(signIn(stand)).rejects.toMatchObject({ name: 'AuthenticationError' })
    expect(await stand.store.load()).toEqual(before)
  })

  test('sends nothing to endpoints that an issuer names elsewhere', async () => {
    const stand = await startStand({ lane: 'plan' })
    stand.twin.refuse('/.well-known/openid-configuration', { status: 200, body: { issuer: 'https://evil.example', token_endpoint: 'https://evil.example/token' } })
    await expect(signIn(stand)).rejects.toMatchObject({ name: 'ConfigurationError', code: 'issuer_mismatch' })
  })
})

describe('a plan token', () => {
  test.each(['number', 'iso', 'null'] as const)('is never refreshed before its time, also on a clock ten minutes fast (%s)', async (earliestRefreshFormat) => {
    const clock = { ms: Date.now() }
    const stand = await startStand({ lane: 'plan', twin: { earliestRefreshFormat, now: () => clock.ms } })
    const ours = () => clock.ms + 600_000
    const source = sourceOf(stand, ours)
    await source.accept((await signIn(stand, { now: ours })).result)
    clock.ms += HOUR - 6 * 60_000 - 10_000
    await source.current()
    expect(stand.twin.refreshes).toEqual([])
    clock.ms += 90_000
    await source.current()
    expect(stand.twin.refreshes.map(({ outcome }) => outcome)).toEqual(['ok'])
    expect(stand.twin.requests.findLast((request) => request.path === '/api/accounts/oauth/token')?.body).toMatchObject({ grant_type: 'refresh_token', resource: 'https://api.openai.com/v1' })
  })

  test('that the server refuses too early to be refreshed is an error that says when', async () => {
    const stand = await startStand({ lane: 'plan' })
    const source = sourceOf(stand)
    const credential = await source.accept((await signIn(stand)).result)
    await expect(source.replace(credential.accessToken)).rejects.toMatchObject({ name: 'AuthenticationError', code: 'refresh_too_early', retry_after: expect.any(Number) as number })
    expect(stand.twin.refreshes).toEqual([])
  })

  async function aged(error: string) {
    const clock = { ms: Date.now() }
    const stand = await startStand({ lane: 'plan', twin: { now: () => clock.ms } })
    const source = sourceOf(stand, () => clock.ms)
    await source.accept((await signIn(stand, { now: () => clock.ms })).result)
    clock.ms += HOUR + 1000
    for (let n = 0; n < 3; n += 1) stand.twin.enqueueRefresh({ error })
    return { stand, source }
  }

  test.each(['invalid_grant', 'invalid_refresh_token', 'token_expired', 'refresh_token_expired', 'refresh_token_invalidated', 'refresh_token_reused'])(
    'ends for good with %s', async (error) => {
      const { source, stand } = await aged(error)
      await expect(source.current()).rejects.toMatchObject({ name: 'AuthenticationError', code: error, message: expect.stringContaining('amplifier-chatgpt login --plan') as string })
      expect(stand.twin.refreshes.length).toBe(1)
    })

  test('is kept where the client is set up wrongly, which is an error of the configuration', async () => {
    const { source, stand } = await aged('invalid_client')
    await expect(source.current()).rejects.toMatchObject({ name: 'ConfigurationError', code: 'invalid_client' })
    expect((await stand.store.load()).state).toBe('present')
  })

  test('is kept through temporarily_unavailable', async () => {
    const { source, stand } = await aged('temporarily_unavailable')
    await expect(source.current()).rejects.toMatchObject({ name: 'ProviderUnavailableError', retryable: true })
    expect(stand.twin.refreshes.length).toBe(3)
    expect((await source.current()).planEnabled).toBe(true)
  })

  test('is ended at the server on sign-out, and the client id is kept', async () => {
    const stand = await startStand({ lane: 'plan' })
    const { result } = await signIn(stand)
    await sourceOf(stand).accept(result)
    expect(await signOut(stand)).toMatchObject({ revoked: 'confirmed' })
    expect(stand.twin.revocations).toEqual([{ token: result.reply.refresh_token, hint: 'refresh_token', known: true }])
    expect(await stand.store.load()).toMatchObject({ state: 'empty', record: { client_id: result.fields?.client_id, ext_agent_host_id: result.fields?.ext_agent_host_id } })
  })
})

test.each([undefined, ''])('a stored sign-in whose client id is %j is refused for good, and nothing is sent', async (clientId) => {
  const transport = createTransport()
  // Nothing listens on port 9: a request that was sent would be another error.
  const lane = createPlanLane({ issuer: 'http://127.0.0.1:9', ...(clientId === undefined ? {} : { clientId }) })
  const record = { access_token: 'at_made_up', refresh_token: 'rt_made_up' }
  await expect(async () => lane.refresh?.(record, { transport, now: Date.now })).rejects.toMatchObject({ name: 'ExchangeError', kind: 'permanent', code: 'missing_client_id' })
  await transport.close()
})

test.each([[{}, 'https://api.openai.com/v1'], [{ baseUrl: 'https://gateway.example/v1//' }, 'https://gateway.example/v1']])('calls of a plan configured as %j go to %s', (config, expected) => {
  expect([createPlanLane(config).baseUrl, createPlanLane({ clientId: 'app_made_up' }).clientId, createPlanLane().clientId]).toEqual([expected, 'app_made_up', ''])
})
