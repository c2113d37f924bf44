import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { Coordinator, MountPlan, RouteReceipt } from '../../src/contract/index.js'
import { createHost } from '../../src/host/index.js'
import { createModule } from '../../src/index.js'
import type { ModelRoleResolver } from '../../src/routing/index.js'
import { startTwin } from '../../src/twin/index.js'
import { ask, mountOnTwin, type Mounted, type MountedOptions } from '../support/mounted.js'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

const mount = async (options: MountedOptions = {}): Promise<Mounted> => {
  const mounted = await mountOnTwin(options)
  open.push(() => mounted.close())
  return mounted
}
const resolverOf = ({ host }: Mounted) => host.coordinator.getCapability('model_role_resolver') as ModelRoleResolver
const routeOf = (answer: { metadata?: Record<string, unknown> | null }) => answer.metadata?.route as RouteReceipt
const FIRST = 'gpt-6.1-sol'
const SECOND = 'gpt-5.5'
const hour = () => Math.round(Date.now() / 1000) + 3600

describe('routing', () => {
  test('the route that is shown is the model and the effort on the wire, for all 13 roles', async () => {
    const mounted = await mount()
    const { roles } = await resolverOf(mounted).check()
    expect(roles).toHaveLength(13)
    for (const { role, resolved } of roles) {
      const route = routeOf(await mounted.provider.delegate(role, ask(`as ${role}`)).response())
      const body = mounted.twin.responses().at(-1)?.body as { model: string; reasoning?: { effort?: string } }
      expect([role, body.model]).toEqual([role, resolved?.resolved_model])
      if (resolved?.config?.reasoning_effort) expect([role, body.reasoning?.effort]).toEqual([role, resolved.config.reasoning_effort])
      expect(route).toMatchObject({ role, resolved_model: body.model, served_model: body.model, matrix: 'openai-chatgpt', file: expect.stringMatching(/openai-chatgpt\.yaml$/) as string, line: expect.any(Number) as number })
    }
  })

  test('agents of the plan get their preferences at the start, and a spawn puts them on the wire', async () => {
    const plan: Partial<MountPlan> = { agents: { thinker: { model_role: 'critique' }, lost: { model_role: 'no-such-role', provider_preferences: [{ provider: 'x', model: 'kept' }] } } }
    const mounted = await mount({ plan })
    const { agents } = mounted.host.coordinator.config
    expect(agents?.thinker?.provider_preferences).toEqual([{ provider: 'openai-chatgpt', model: FIRST, config: { reasoning_effort: 'xhigh' } }])
    expect(agents?.lost?.provider_preferences).toEqual([{ provider: 'x', model: 'kept' }])
    const child = mounted.host.spawn('thinker')
    await child.start()
    await (child.coordinator.get('providers', 'openai-chatgpt') as Mounted['provider']).complete(ask('hello'))
    expect(mounted.twin.responses().at(-1)?.body).toMatchObject({ model: FIRST, reasoning: { effort: 'xhigh' } })
    await child.close()
  })

  test('the host is told of the roles before every provider request', async () => {
    const { host } = await mount()
    const result = await host.coordinator.hooks.emit('provider:request', {})
    expect(result).toMatchObject({ action: 'inject_context', ephemeral: true, context_injection: expect.stringMatching(/^<system-reminder source="routing-matrix">\nActive routing matrix: openai-chatgpt\nAvailable model roles/) as string })
  })

  test('overrides of the mount config are in force and named as the origin', async () => {
    const mounted = await mount({ config: { routing_overrides: { coding: [{ provider: 'openai-chatgpt', model: 'gpt-5.4' }, 'base'] } } })
    const route = routeOf(await mounted.provider.delegate('coding', ask('x')).response())
    expect(route.resolved_model).toBe('gpt-5.4')
    expect(route.candidates?.length).toBe(4)
  })

  test('a literal that the account does not have is passed over, and the chain falls through', async () => {
    const { provider, named } = await mount({ config: { routing_overrides: { coding: [{ provider: 'openai-chatgpt', model: 'gpt-9-sol' }, { provider: 'openai-chatgpt', model: SECOND }] } } })
    const answer = await provider.delegate('coding', ask('x')).response()
    expect(routeOf(answer).candidates?.map(({ status }) => status)).toEqual(['no_match', 'live'])
    expect(named('provider:resolve')).toEqual([expect.objectContaining({ route: expect.objectContaining({ role: 'coding', resolved_model: SECOND }) as unknown })])
  })

  test('where the catalog cannot be had, literals are taken unverified and globs wait', async () => {
    const mounted = await mount({ prepare: ({ twin }) => twin.refuse('/backend-api/codex/models', { status: 503, times: 50 }), parts: { delay: async () => undefined } })
    const answer = await mounted.provider.delegate('coding', ask('x')).response()
    expect(routeOf(answer).candidates?.map(({ status }) => status)).toEqual(['could_not_list', 'unverified', 'unverified'])
    expect(routeOf(answer).resolved_model).toBe(SECOND)
    expect((await mounted.provider.listModels())[0]?.metadata).toMatchObject({ source: 'fallback' })
  })

  test('a listing that fails once is asked again before anybody is passed over', async () => {
    const mounted = await mount({ prepare: ({ twin }) => twin.refuse('/backend-api/codex/models', { status: 503, times: 1 }), parts: { delay: async () => undefined } })
    expect(routeOf(await mounted.provider.delegate('coding', ask('x')).response()).resolved_model).toBe(FIRST)
  })

  test('a role without a live candidate is warned of with the nearest model, and fails a strict mount', async () => {
    const routing_overrides = { writing: [{ provider: 'openai-chatgpt', model: 'gpt-5.9' }] }
    const lax = await mount({ config: { routing_overrides } })
    await expect.poll(() => lax.warnings.join('\n')).toMatch(/writing.*nearest.*gpt-/)
    const module = createModule({ warn: () => undefined })
    const host = createHost({ warn: () => undefined })
    open.push(() => host.close())
    await expect(module.mount(host.coordinator, { ...lax.config, strict_routing: true })).rejects.toMatchObject({ name: 'ConfigurationError', message: expect.stringMatching(/writing/) as string })
  })

  test('a matrix that breaks while a session runs leaves the one that was read in force', async () => {
    const source = await mount()
    const file = join(source.folder, 'routing', 'mine.yaml')
    const text = (model: string) => ['name: mine', 'roles:', ...['general', 'fast'].flatMap((role) => [`  ${role}: { description: x, candidates: [{ provider: openai-chatgpt, model: ${model} }] }`]), ''].join('\n')
    await mkdir(join(source.folder, 'routing'))
    await writeFile(file, text('gpt-5.4'))
    const mounted = await mount({ on: source.twin, config: { matrix: file } })
    await writeFile(file, 'roles: [')
    await mounted.host.coordinator.hooks.emit('session:resume', {})
    await mounted.provider.delegate('general', ask('x')).response()
    expect(source.twin.responses().at(-1)?.body).toMatchObject({ model: 'gpt-5.4' })
  })

  test('a delegated role takes over its caller’s tier and effort, and the receipt says what was asked, granted and why', async () => {
    const { provider, twin, host, records } = await mountClamped()
    const route = routeOf(await provider.delegate('coding', ask('x')).response())
    expect(twin.responses().at(-1)?.body).toMatchObject({ model: SECOND, reasoning: { effort: 'low' } })
    expect(route.clamp).toMatchObject({
      role: 'coding', mode: 'strict', honored: true, requested: { model: 'gpt-6.1-sol', effort: 'high' }, granted: { model: SECOND, effort: 'low' },
      caller: { model: SECOND, effort: 'low' },
    })
    expect(records).toEqual([expect.objectContaining({ role: 'coding', reason: route.clamp?.reason })])
    const { clamp } = await (host.coordinator.getCapability('model_role_resolver') as ModelRoleResolver).explain('coding')
    expect(clamp).toEqual(route.clamp)
    expect(records).toHaveLength(1)
  })

  test('routing_rules reference takes a literal unseen, and no other candidate after it', async () => {
    const candidates = [{ provider: 'openai-chatgpt', model: 'gpt-9.9-sol' }, { provider: 'openai-chatgpt', model: SECOND }]
    const config = { routing_overrides: { coding: candidates } }
    expect(routeOf(await (await mount({ config })).provider.delegate('coding', ask('x')).response()).served_model).toBe(SECOND)
    const { provider, named } = await mount({ config: { ...config, routing_rules: 'reference' } })
    await expect(provider.delegate('coding', ask('x')).response()).rejects.toMatchObject({ name: 'NotFoundError', code: 'model_not_available' })
    expect(named('provider:resolve')).toEqual([expect.objectContaining({ route: expect.objectContaining({
      resolved_model: 'gpt-9.9-sol', candidates: [expect.objectContaining({ status: 'unverified' })] }) as unknown })])
  })

  /** A session on the cheaper of two tiers, whose roles ask for the dearer one. */
  async function mountClamped() {
    const folder = (await mount()).folder
    const file = join(folder, 'tiers.yaml')
    const role = '{ description: x, candidates: [{ provider: openai-chatgpt, model: gpt-6.1-sol, config: { reasoning_effort: high } }] }'
    await writeFile(file, [
      'name: tiers', 'preset:', '  tier_ladder: { openai-chatgpt: [[gpt-5.5], [gpt-6.1-sol]] }', '  delegation: { inherit: strict }',
      'roles:', ...['general', 'fast', 'coding'].map((name) => `  ${name}: ${role}`), '',
    ].join('\n'))
    const mounted = await mount({ config: { matrix: file, default_model: SECOND, reasoning_effort: 'low' } })
    const records: unknown[] = []
    mounted.host.coordinator.hooks.register('routing:intent-clamped', (_event, data) => void records.push(data))
    return { ...mounted, records }
  }

  test('an unknown role says which one may have been meant', async () => {
    const { provider } = await mount()
    await expect(provider.delegate('codign', ask('x')).response()).rejects.toMatchObject({ name: 'NotFoundError', message: expect.stringMatching(/codign/) as string })
  })
})

describe('quota in routing', () => {
  test('twelve agents at once: all end on the second tier, and no more than the limit ask the first', async () => {
    const { provider, twin, config } = await mount({ config: { max_concurrency: 3 } })
    expect(config.max_concurrency).toBe(3)
    twin.exhaust(FIRST, hour())
    const answers = await Promise.all(Array.from({ length: 12 }, (_none, index) => provider.delegate('general', ask(`agent ${index}`)).response()))
    expect(answers.map((answer) => routeOf(answer).served_model)).toEqual(Array.from({ length: 12 }, () => SECOND))
    const asked = () => twin.responses().filter(({ body }) => (body as { model: string }).model === FIRST).length
    expect(asked()).toBeLessThanOrEqual(3)
    const before = asked()
    await Promise.all(Array.from({ length: 12 }, (_none, index) => provider.delegate('general', ask(`again ${index}`)).response()))
    expect(asked()).toBe(before)
  })

  test('after the reset one call probes, and the first tier is preferred again', async () => {
    let nowMs = Date.now()
    const { provider, twin } = await mount({ parts: { now: () => nowMs }, twin: { now: () => nowMs, accessTokenTtlSeconds: 86_400 } })
    const served = async () => routeOf(await provider.delegate('general', ask('x')).response()).served_model
    twin.exhaust(FIRST, Math.round(nowMs / 1000) + 3600)
    expect([await served(), await served()]).toEqual([SECOND, SECOND])
    nowMs += 3_601_000
    twin.relieve()
    expect([await served(), await served()]).toEqual([FIRST, FIRST])
  })

  test('a probe that is given up without an answer leaves the question to the next call', async () => {
    let nowMs = Date.now()
    const { provider, twin } = await mount({ parts: { now: () => nowMs }, twin: { now: () => nowMs, accessTokenTtlSeconds: 86_400 } })
    const served = async () => routeOf(await provider.delegate('general', ask('x')).response()).served_model
    twin.exhaust(FIRST, Math.round(nowMs / 1000) + 3600)
    expect(await served()).toBe(SECOND)
    nowMs += 3_601_000
    twin.relieve()
    twin.enqueue({ text: 'never whole', stallAfterEvents: 1 })
    const asked = twin.responses().length
    const controller = new AbortController()
    const probe = provider.delegate('general', ask('x'), { signal: controller.signal }).response()
    await expect.poll(() => twin.responses().length, { timeout: 10_000 }).toBe(asked + 1)
    controller.abort()
    await expect(probe).rejects.toMatchObject({ name: 'AbortError' })
    expect(await served()).toBe(FIRST)
  })

  test('exhaustion survives a restart and costs no call', async () => {
    const twin = await startTwin()
    open.push(() => twin.close())
    const first = await mountOnTwin({ on: twin })
    open.push(() => first.close())
    twin.exhaust(FIRST, hour())
    await first.provider.delegate('general', ask('x')).response()
    await first.host.close()
    const asked = twin.responses().length
    const module = createModule({ warn: () => undefined })
    const host = createHost({ config: { providers: [{ module: module.id, config: first.config }] }, modules: { [module.id]: module }, warn: () => undefined })
    open.push(() => host.close())
    await host.start()
    const provider = host.coordinator.get('providers', 'openai-chatgpt') as Mounted['provider']
    expect(routeOf(await provider.delegate('general', ask('y')).response()).served_model).toBe(SECOND)
    expect(twin.responses().slice(asked).map(({ body }) => (body as { model: string }).model)).toEqual([SECOND])
  })

  test('where every candidate is used up the error names the first reset', async () => {
    const { provider, twin } = await mount()
    for (const model of [FIRST, SECOND, 'gpt-5.4']) twin.exhaust(model, hour())
    await expect(provider.delegate('general', ask('x')).response()).rejects.toMatchObject({ name: 'QuotaExceededError' })
    const asked = twin.responses().length
    await expect(provider.delegate('general', ask('x')).response()).rejects.toMatchObject({ name: 'QuotaExceededError', retry_after: expect.any(Number) as number })
    expect(twin.responses()).toHaveLength(asked)
  })

  test('every window that was seen is in the receipt, known by its length', async () => {
    const { provider } = await mount()
    const { quota } = routeOf(await provider.complete(ask('x')))
    expect(quota?.map(({ limit_id, window_minutes }) => [limit_id, window_minutes])).toEqual([['codex', 300], ['codex', 10_080]])
  })
})

describe('a role whose candidate is mounted beside the provider that delegates', () => {
  /** One matrix for a plan and a metered key. */
  async function mountBeside(word: string, scope: string) {
    const source = await mount()
    const file = join(source.folder, 'both.yaml')
    const role = `{ description: x, candidates: [{ provider: ${word}, model: ${SECOND}, config: { reasoning_effort: high } }] }`
    await writeFile(file, ['name: both', scope, 'roles:', ...['general', 'fast', 'coding'].map((name) => `  ${name}: ${role}`), ''].join('\n'))
    const asked: unknown[] = []
    const metered = {
      name: 'openai', getInfo: () => ({ id: 'openai' }), listModels: () => Promise.resolve([{ id: SECOND }]), parseToolCalls: () => [],
      complete: (request: unknown) => Promise.resolve(void asked.push(request)).then(() => ({ content: [{ type: 'text', text: 'metered' }] })),
    }
    const ours = createModule({ warn: () => undefined })
    const key: typeof ours = { ...ours, id: 'provider-openai', mount: (coordinator: Coordinator) => coordinator.mount('providers', metered as never, { name: 'openai' }).then(() => () => undefined) }
    const host = createHost({
      config: {
        providers: [{ module: key.id, id: 'openai', config: {} }, { module: ours.id, id: 'openai-chatgpt', config: { ...source.config, matrix: file } }],
        agents: { coder: { model_role: 'coding' } },
      },
      modules: { [key.id]: key, [ours.id]: ours },
    })
    open.push(() => host.close())
    await host.start()
    return { host, asked, twin: source.twin, provider: host.coordinator.get('providers', 'openai-chatgpt') as Mounted['provider'] }
  }

  test('runs there with the effort that the receipt says', async () => {
    const { provider, asked } = await mountBeside('openai', '')
    expect(routeOf(await provider.delegate('coding', ask('x')).response()).provider).toBe('openai')
    await provider.delegate('coding', ask('x', { reasoning_effort: 'low' })).response()
    expect(asked).toEqual([expect.objectContaining({ model: SECOND, reasoning_effort: 'high' }), expect.objectContaining({ model: SECOND, reasoning_effort: 'low' })])
  })

  test.each(['openai', 'provider-openai', 'openai-chatgpt'])('never spends the key where the matrix is of a plan alone, though it says provider: %s', async (word) => {
    const { host, provider, asked, twin } = await mountBeside(word, 'provider_module_allowlist: [provider-openai-chatgpt]')
    const isFamily = word !== 'provider-openai'
    const answer = await provider.delegate('coding', ask('x')).response().then(routeOf, (error: { code: string }) => error)
    expect(answer).toMatchObject(isFamily ? { provider: 'openai-chatgpt' } : { code: 'no_live_candidate' })
    expect(host.coordinator.config.agents).toEqual({ coder: isFamily
      ? { model_role: 'coding', provider_preferences: [{ provider: 'openai-chatgpt', model: SECOND, config: { reasoning_effort: 'high' } }] }
      : { model_role: 'coding' } })
    expect([asked.length, twin.responses().length]).toEqual([0, isFamily ? 1 : 0])
  })
})

describe('the routing hook of a plan', () => {
  test('names the matrix and lays its overrides under those of the provider', async () => {
    const mounted = await mount({
      plan: { hooks: [{ module: 'hooks-routing', config: { overrides: { coding: [{ provider: 'openai-chatgpt', model: 'gpt-5.4' }], writing: [{ provider: 'openai-chatgpt', model: 'gpt-5.4' }] } } }] },
      config: { routing_overrides: { writing: [{ provider: 'openai-chatgpt', model: SECOND }] } },
    })
    expect(routeOf(await mounted.provider.delegate('coding', ask('x')).response())).toMatchObject({ resolved_model: 'gpt-5.4', origin: 'the routing hook' })
    expect(routeOf(await mounted.provider.delegate('writing', ask('x')).response()).resolved_model).toBe(SECOND)
  })
})

describe('the provider that is mounted', () => {
  test('takes what hosts write to its config from the next call, and shows it', async () => {
    const { provider, twin } = await mount({ config: { reasoning_effort: 'low' } })
    expect([provider.priority, provider.reasoning_effort]).toEqual([100, 'low'])
    provider.config['reasoning_effort'] = 'high'
    provider.default_model = 'gpt-5.4'
    provider.priority = 0
    expect(provider).toMatchObject({ priority: 0, default_model: 'gpt-5.4', reasoning_effort: 'high', config: { default_model: 'gpt-5.4', reasoning_effort: 'high', priority: 0 } })
    await provider.complete(ask('x'))
    expect(twin.responses().at(-1)?.body).toMatchObject({ model: 'gpt-5.4', reasoning: { effort: 'high' } })
    expect(provider.getInfo().defaults['model']).toBe('gpt-5.4')
    delete provider.config['reasoning_effort']
    await provider.complete(ask('x', { model: SECOND }))
    expect(twin.responses().at(-1)?.body).toMatchObject({ model: SECOND })
  })

  test('what is written while a call runs counts from the next one, also where a delegated call goes on to another candidate', async () => {
    const { provider, twin, host } = await mount({ config: {
      max_retries: 0, text_verbosity: 'low', routing_overrides: { coding: [FIRST, SECOND].map((model) => ({ provider: 'openai-chatgpt', model })) },
    } })
    host.coordinator.hooks.register('provider:fallback', () => void Object.assign(provider.config, { text_verbosity: 'high' }))
    twin.enqueue({ status: 429, headers: { 'retry-after': '0' }, body: { error: { code: 'rate_limit_exceeded' } } })
    const verbosity = () => (twin.responses().at(-1)?.body as { text?: { verbosity?: string } }).text?.verbosity
    await provider.delegate('coding', ask('x')).response()
    expect([twin.responses().length, verbosity()]).toEqual([2, 'low'])
    await provider.delegate('coding', ask('x')).response()
    expect(verbosity()).toBe('high')
  })

  test('is moved by a role pin of the session', async () => {
    const { host, provider, twin } = await mount({ plan: { provider_preferences: [{ provider: 'openai-chatgpt', model: 'gpt-5.4', config: { reasoning_effort: 'xhigh', base_url: 'https://elsewhere.example' } }] } })
    await host.coordinator.hooks.emit('session:start', {})
    await provider.complete(ask('x'))
    expect(twin.responses().at(-1)?.body).toMatchObject({ model: 'gpt-5.4', reasoning: { effort: 'xhigh' } })
  })
})
