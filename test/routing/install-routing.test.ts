import { describe, expect, test } from 'vitest'
import type { MountPlan } from '../../src/contract/index.js'
import { createHost } from '../../src/host/index.js'
import { createModelRoleResolver, installRouting, loadMatrix, validateMatrix, type InstallRoutingOptions } from '../../src/routing/index.js'
import { candidate, failingProvider, listingProvider, role, type ResolverSettings } from './support.js'

const matrix = validateMatrix({
  name: 'mine',
  roles: {
    general: { description: 'Everyday work', candidates: [candidate('gpt-*-sol'), candidate('gpt-5.5')] },
    fast: { description: 'Small chores\n', candidates: [candidate('gpt-*-luna')] },
    'security-audit': { description: 'Looking\nfor holes', candidates: [candidate('gpt-*-sol', { reasoning_effort: 'high' })] },
  },
})

async function hosted(config: MountPlan, providers: Record<string, unknown>, options: ResolverSettings = {}, settings: Partial<InstallRoutingOptions> = {}) {
  const warnings: string[] = []
  const { coordinator } = createHost({ config, sessionId: 's', warn: (message) => warnings.push(message) })
  for (const [name, provider] of Object.entries(providers)) await coordinator.mount('providers', provider, { name })
  const warn = (message: string) => void warnings.push(message)
  const resolver = createModelRoleResolver({ matrix, coordinator, verify: 'catalog', ...options })
  const uninstall = installRouting(coordinator, { resolver, warn, ...settings })
  return { coordinator, resolver, uninstall, warnings }
}

describe('installRouting', () => {
  test('at session:start agents get their preferences, from lists asked for once', async () => {
    const provider = listingProvider(['gpt-6-sol', 'gpt-6-luna', 'gpt-5.5'])
    const agents: MountPlan['agents'] = {
      explorer: { model_role: 'fast' },
      auditor: { model_role: ['nope', 'security-audit', 'general'], provider_preferences: [{ provider: 'old', model: 'old' }] },
      writer: { model_role: 'poetry', provider_preferences: [{ provider: 'kept', model: 'kept' }] },
      plain: { description: 'no role' },
      odd: { model_role: 5 as unknown as string },
    }
    const { coordinator, warnings } = await hosted({ agents }, { 'openai-chatgpt': provider })
    await coordinator.hooks.emit('session:start', {})
    expect(agents).toEqual({
      explorer: { model_role: 'fast', provider_preferences: [{ provider: 'openai-chatgpt', model: 'gpt-6-luna' }] },
      auditor: {
        model_role: ['nope', 'security-audit', 'general'],
        provider_preferences: [{ provider: 'openai-chatgpt', model: 'gpt-6-sol', config: { reasoning_effort: 'high' } }],
      },
      writer: { model_role: 'poetry', provider_preferences: [{ provider: 'kept', model: 'kept' }] },
      plain: { description: 'no role' },
      odd: { model_role: 5 },
    })
    expect(provider.asked).toBe(1)
    expect(warnings).toEqual(['agent writer keeps the default model: model_role poetry does not resolve, the matrix mine has no role poetry'])
    expect(coordinator.getCapability('session.routing')).toEqual({
      preresolved_models_by_instance: { 'openai-chatgpt': ['gpt-6-sol', 'gpt-6-luna', 'gpt-5.5'] },
    })
  })

  test.each([
    ['a resumed session resolves once, like a started one', [['session:resume', {}], ['session:start', {}], ['session:resume', {}]], 1],
    ['a host that resumes for each turn has resolved before', [['session:resume', { turn_count: 3 }]], 0],
    ['a start after such a turn resolves', [['session:resume', { turn_count: 0 }], ['session:start', {}]], 1],
  ] as const)('%s', async (_, events, times) => {
    const agents: MountPlan['agents'] = { a: { model_role: 'fast' } }
    const { coordinator } = await hosted({ agents }, { 'openai-chatgpt': listingProvider(['gpt-6-luna', 'gpt-5.5']) })
    const loaded: unknown[] = []
    coordinator.hooks.register('routing:matrix-loaded', (_event, data) => void loaded.push(data))
    for (const [event, data] of events) await coordinator.hooks.emit(event, data)
    expect(agents['a']?.provider_preferences).toEqual(times === 0 ? undefined : [{ provider: 'openai-chatgpt', model: 'gpt-6-luna' }])
    expect(loaded).toEqual(Array.from({ length: times }, () => expect.objectContaining({
      matrix_name: 'mine', matrix_path: null, matrix_source: null, matrix_shadowed: false, shadowed_paths: [],
    }) as unknown))
  })

  test('agents are resolved a few at a time, and one that fails keeps no other from its model', async () => {
    let running = 0
    let most = 0
    const agents: MountPlan['agents'] = Object.fromEntries(Array.from({ length: 9 }, (_none, index) => [`a${index}`, { model_role: index === 2 ? 'other' : 'x' }]))
    const busy = {
      listModels: () => new Promise<string[]>((resolve) => {
        most = Math.max(most, (running += 1))
        setImmediate(() => {
          running -= 1
          resolve([])
        })
      }),
    }
    const roles = { x: role(...Array.from({ length: 9 }, (_none, index) => candidate('*', undefined, `p${index}`)), candidate('gpt-5.5', undefined, 'p0')), other: role(candidate('*', undefined, 'down')) }
    const warnings: string[] = []
    const { coordinator } = createHost({ config: { agents }, warn: (message) => warnings.push(message) })
    coordinator.registerCapability('provider.check_available', (name: string) => {
      if (name === 'down') throw new Error('no account behind down')
    })
    for (const name of [...Array.from({ length: 9 }, (_none, index) => `p${index}`), 'down']) await coordinator.mount('providers', { ...busy }, { name })
    const resolver = createModelRoleResolver({ effective: { name: 't', roles }, coordinator, lists: 'pattern' })
    installRouting(coordinator, { resolver, maxConcurrentResolutions: 2 })
    await coordinator.hooks.emit('session:start', {})
    expect(most).toBeLessThanOrEqual(2)
    expect(Object.values(agents).filter((agent) => agent.provider_preferences !== undefined)).toHaveLength(8)
    expect(warnings).toEqual(['hook routing-resolve failed on session:start and was passed over: no account behind down'])
  })

  test('a host may leave its agents to be resolved later', async () => {
    const agents: MountPlan['agents'] = { a: { model_role: 'fast' } }
    const { coordinator } = await hosted({ agents }, { 'openai-chatgpt': listingProvider(['gpt-6-luna']) })
    coordinator.registerCapability('routing.defer_agent_resolution', true)
    await coordinator.hooks.emit('session:start', {})
    expect(agents).toEqual({ a: { model_role: 'fast' } })
  })

  test('a list that fails or is built in is not shared, and says nothing against the agents', async () => {
    const agents: MountPlan['agents'] = { a: { model_role: 'fast' }, b: { model_role: 'general' } }
    const { coordinator, warnings } = await hosted({ agents }, { 'openai-chatgpt': listingProvider(['gpt-6-sol'], 'fallback') })
    await coordinator.hooks.emit('session:start', {})
    expect(agents['a']).toEqual({ model_role: 'fast' })
    expect(agents['b']?.provider_preferences).toEqual([{ provider: 'openai-chatgpt', model: 'gpt-5.5' }])
    expect(warnings).toEqual(['agent a keeps the default model: model_role fast does not resolve, no candidate can be served'])
    expect(coordinator.getCapability('session.routing')).toBeUndefined()
  })

  const TABLE = [
    '<system-reminder source="routing-matrix">',
    'Active routing matrix: mine',
    'Available model roles (use model_role parameter when delegating):',
    '  general          — Everyday work',
    '  fast             — Small chores',
    '',
    '  security-audit   — Looking',
    'for holes',
    '</system-reminder>',
  ].join('\n')

  /** A context module as the reference's hosts have it. */
  function promptContext(factory: (() => Promise<string>) | undefined) {
    return {
      _system_prompt_factory: factory,
      async set_system_prompt_factory(next: () => Promise<string>) {
        this._system_prompt_factory = next
      },
    }
  }

  test('the role table is injected at provider:request where it is asked for so', async () => {
    const { coordinator, warnings } = await hosted({}, {}, {}, { placement: 'inject' })
    expect(await coordinator.hooks.emit('provider:request', {})).toMatchObject({
      action: 'inject_context', ephemeral: true, context_injection_role: 'user', context_injection: TABLE,
    })
    expect(warnings).toEqual([])
  })

  test('else it stands once behind the system prompt, also where another hook wraps that again', async () => {
    const { coordinator, uninstall } = await hosted({}, {})
    const context = promptContext(async () => 'You are helpful.')
    const own = context._system_prompt_factory
    await coordinator.mount('context', context)
    for (let turn = 0; turn < 3; turn += 1) expect(await coordinator.hooks.emit('provider:request', {})).toMatchObject({ action: 'continue' })
    expect(await context._system_prompt_factory?.()).toBe(`You are helpful.\n\n${TABLE}`)
    const inner = context._system_prompt_factory!
    await context.set_system_prompt_factory(async () => `${await inner()}\n\nSkills`)
    await coordinator.hooks.emit('provider:request', {})
    expect(await context._system_prompt_factory?.()).toBe(`You are helpful.\n\n${TABLE}\n\nSkills`)
    await context.set_system_prompt_factory(async () => 'Anew.')
    await coordinator.hooks.emit('provider:request', {})
    expect(await context._system_prompt_factory?.()).toBe(`Anew.\n\n${TABLE}`)
    uninstall()
    expect(await context._system_prompt_factory?.()).toBe('Anew.')
    expect(await inner()).not.toContain(TABLE)
    expect(await own?.()).toBe('You are helpful.')
  })

  test('where no factory makes the prompt the table is injected, with one warning', async () => {
    const { coordinator, warnings } = await hosted({}, {})
    await coordinator.mount('context', promptContext(undefined))
    for (let turn = 0; turn < 2; turn += 1) {
      expect(await coordinator.hooks.emit('provider:request', {})).toMatchObject({ action: 'inject_context', context_injection: TABLE })
    }
    expect(warnings).toEqual([expect.stringMatching(/placement: inject/)])
  })

  test('the session’s own preference is put back in force on what is mounted, unless it is switched off', async () => {
    const config: MountPlan = { providers: [{ module: 'provider-a' }, { module: 'provider-b' }], provider_preferences: [{ provider: 'b', model: 'gpt-5.4' }] }
    for (const reassertRolePin of [true, false]) {
      const [a, b] = [{ config: { priority: 0 } }, { config: { priority: 5 } }]
      const { coordinator } = await hosted(config, { a, b }, {}, { reassertRolePin })
      const records: unknown[] = []
      coordinator.hooks.register('routing:role-pin-reasserted', (_event, data) => void records.push(data))
      await coordinator.hooks.emit('session:start', {})
      expect([a.config, b.config]).toEqual(reassertRolePin ? [{ priority: 1 }, { priority: 0, default_model: 'gpt-5.4' }] : [{ priority: 0 }, { priority: 5 }])
      expect(records).toEqual(reassertRolePin ? [expect.objectContaining({ reasserted: true, pinned_provider: 'b', would_have_resolved_to: 'a' })] : [])
    }
  })

  test('lists that a parent session fetched are used, and handed on', async () => {
    const provider = listingProvider(['gpt-6-luna'])
    const agents: MountPlan['agents'] = { a: { model_role: 'fast' } }
    const { coordinator } = await hosted({ agents }, { 'openai-chatgpt': provider }, { verify: undefined })
    coordinator.registerCapability('session.routing', { depth: 1, preresolved_models_by_instance: { 'openai-chatgpt': ['gpt-7-luna'], other: ['x'], odd: 'none' } })
    await coordinator.hooks.emit('session:start', {})
    expect(agents['a']?.provider_preferences).toEqual([{ provider: 'openai-chatgpt', model: 'gpt-7-luna' }])
    expect(provider.asked).toBe(0)
    expect(coordinator.getCapability('session.routing')).toEqual({ depth: 1, preresolved_models_by_instance: { 'openai-chatgpt': ['gpt-7-luna'], other: ['x'] } })
  })

  test('its events are announced once, beside those of others', async () => {
    const { coordinator } = createHost({ config: {} })
    coordinator.registerCapability('observability.events', ['host:own'])
    for (let times = 0; times < 2; times += 1) installRouting(coordinator, { resolver: createModelRoleResolver({ matrix, coordinator }) })
    expect(coordinator.getCapability('observability.events')).toEqual(['host:own', 'routing:matrix-loaded', 'routing:intent-clamped', 'routing:role-pin-reasserted'])
  })

  test('the capability resolves for others, knows its roles and its name', async () => {
    const { coordinator } = await hosted({}, { 'openai-chatgpt': listingProvider(['gpt-6-luna']) })
    const capability = coordinator.getCapability('model_role_resolver') as { name: string; known_roles: string[]; resolve(roles: unknown): Promise<unknown> }
    expect(capability.name).toBe('mine')
    expect(capability.known_roles).toEqual(['general', 'fast', 'security-audit'])
    expect(await capability.resolve('fast')).toEqual([{ provider: 'openai-chatgpt', model: 'gpt-6-luna', config: {} }])
    expect(await capability.resolve(['nope'])).toEqual([])
  })

  test('instances are found by the mount plan, since the hook passes its coordinator on', async () => {
    const config: MountPlan = {
      providers: [{ module: 'provider-openai-chatgpt', id: 'work' }], agents: { a: { model_role: 'fast' } },
    }
    const { coordinator } = await hosted(config, { work: listingProvider(['gpt-6-luna']) })
    await coordinator.hooks.emit('session:start', {})
    expect(config.agents?.['a']?.provider_preferences).toEqual([{ provider: 'work', model: 'gpt-6-luna' }])
  })

  test('uninstalling takes hooks and capabilities away, twice without harm, and gives back what was there', async () => {
    const { coordinator, uninstall } = await hosted({}, {}, {}, { placement: 'inject' })
    const other = createModelRoleResolver({ matrix: { ...matrix, name: 'other' }, coordinator })
    const uninstallOther = installRouting(coordinator, { resolver: other, placement: 'inject' })
    const injected = async () => (await coordinator.hooks.emit('provider:request', {})).context_injection?.split('\n')[1]
    expect(await injected()).toBe('Active routing matrix: other')
    uninstallOther()
    uninstallOther()
    expect(await injected()).toBe('Active routing matrix: mine')
    uninstall()
    expect(await injected()).toBeUndefined()
    expect(coordinator.getCapability('model_role_resolver')).toBeUndefined()
    expect(coordinator.getCapability('session.routing')).toBeUndefined()
  })

  test('what a host has put into session.routing stays in it', async () => {
    const { coordinator } = createHost({ config: {} })
    coordinator.registerCapability('session.routing', { host: 'own', preresolved_models_by_instance: { anthropic: ['claude'] } })
    installRouting(coordinator, { resolver: createModelRoleResolver({ matrix, coordinator }) })
    await coordinator.hooks.emit('session:start', {})
    expect(coordinator.getCapability('session.routing')).toEqual({ host: 'own', preresolved_models_by_instance: { anthropic: ['claude'] } })
  })

  test('without verify the lists of the session’s start are used again', async () => {
    const provider = listingProvider(['gpt-6-luna'])
    const { coordinator, resolver } = await hosted({ agents: { a: { model_role: 'fast' } } }, { 'openai-chatgpt': provider }, { verify: undefined })
    await coordinator.hooks.emit('session:start', {})
    expect(await resolver.resolve('fast')).toMatchObject([{ model: 'gpt-6-luna' }])
    expect(provider.asked).toBe(1)
  })
})

describe('createModelRoleResolver', () => {
  test('lays override layers over each other', async () => {
    const resolver = createModelRoleResolver({
      matrix, providers: () => ({ 'openai-chatgpt': listingProvider(['a', 'b', 'gpt-6-luna']) }),
      overrides: [{ roles: { fast: [candidate('a'), 'base'] } }, { roles: { fast: ['base', candidate('b')] }, source: 'hook config' }],
    })
    const models = async () => (await resolver.explain('fast')).candidates.map(({ model, origin }) => [model, origin])
    expect(await models()).toEqual([['a', 'overrides'], ['gpt-*-luna', 'matrix'], ['b', 'hook config']])
  })

  test('explains a route with file, line and every verdict', async () => {
    const shipped = await loadMatrix('openai-chatgpt', { home: '/nowhere' })
    const resolver = createModelRoleResolver({
      matrix: shipped, verify: 'catalog', providers: () => ({ 'openai-chatgpt': listingProvider(['gpt-5.5']) }),
    })
    const explanation = await resolver.explain(['codng', 'coding'])
    expect(explanation).toMatchObject({
      role: 'coding', roles: ['codng', 'coding'], matrix: 'openai-chatgpt', origin: 'matrix', description: expect.any(String),
      unknown_roles: [{ role: 'codng', did_you_mean: 'coding' }],
      candidates: [{ status: 'no_match', nearest: 'gpt-5.5' }, { status: 'live', resolved_model: 'gpt-5.5' }, { status: 'no_match' }],
      resolved: { model: 'gpt-5.5' },
    })
    expect(explanation.file).toMatch(/routing.openai-chatgpt\.yaml$/)
    expect(explanation.line).toBeGreaterThan(20)
    expect(explanation.candidates.map(({ line }) => line! > explanation.line!)).toEqual([true, true, true])
  })
})

describe('checkRoles', () => {
  test('tells apart what serves, what is trusted, what is exhausted, what cannot be known and what is dead', async () => {
    const checked = createModelRoleResolver({
      matrix: validateMatrix({
        name: 'm',
        roles: {
          general: role(candidate('gpt-5.55'), candidate('x', undefined, 'gone')),
          fast: role(candidate('gpt-6-*')),
          coding: role(candidate('gpt-5.5', { reasoning_effort: 'extreme' })),
          vision: role(candidate('v*', undefined, 'down')),
          writing: role(candidate('w', undefined, 'down')),
          empty: role(),
        },
      }, { file: 'm.yaml', locate: (path) => ({ line: path.length, column: 3 }) }),
      providers: () => ({
        'openai-chatgpt': {
          ...listingProvider(['gpt-5.5', 'gpt-6-sol']),
          getInfo: () => ({ config_fields: [{ id: 'reasoning_effort', field_type: 'choice', choices: ['low', 'high'] }] }),
        },
        down: failingProvider(),
      }),
      exhaustedUntil: (_, model) => (model === 'gpt-6-sol' ? Date.UTC(2027, 0) : undefined),
    })
    const result = await checked.check()
    expect(result.roles.map(({ role: name, status }) => [name, status])).toEqual([
      ['general', 'unserved'], ['fast', 'exhausted'], ['coding', 'served'], ['vision', 'unknown'], ['writing', 'unverified'], ['empty', 'unserved'],
    ])
    expect(result.ok).toBe(false)
    expect(result.problems).toEqual([
      'm.yaml:2:3: role general has no model: openai-chatgpt has no gpt-5.55, provider gone is not mounted; the nearest existing model is gpt-5.5',
      'm.yaml:4: role coding, gpt-5.5: reasoning_effort: "extreme" is none of low, high',
      'm.yaml:2:3: role empty has no model: it lists no candidates',
    ])
  })
})
