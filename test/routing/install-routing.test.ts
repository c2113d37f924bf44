import { describe, expect, test } from 'vitest'
import type { MountPlan } from '../../src/contract/index.js'
import { createHost } from '../../src/host/index.js'
import { createModelRoleResolver, installRouting, loadMatrix, validateMatrix, type ModelRoleResolverOptions } from '../../src/routing/index.js'
import { candidate, failingProvider, listingProvider, role } from './support.js'

const matrix = validateMatrix({
  name: 'mine',
  roles: {
    general: { description: 'Everyday work', candidates: [candidate('gpt-*-sol'), candidate('gpt-5.5')] },
    fast: { description: 'Small chores\n', candidates: [candidate('gpt-*-luna')] },
    'security-audit': { description: 'Looking\nfor holes', candidates: [candidate('gpt-*-sol', { reasoning_effort: 'high' })] },
  },
})

async function hosted(config: MountPlan, providers: Record<string, unknown>, options: Partial<ModelRoleResolverOptions> = {}) {
  const warnings: string[] = []
  const { coordinator } = createHost({ config, sessionId: 's', warn: (message) => warnings.push(message) })
  for (const [name, provider] of Object.entries(providers)) await coordinator.mount('providers', provider, { name })
  const warn = (message: string) => void warnings.push(message)
  const resolver = createModelRoleResolver({ matrix, coordinator, verify: 'catalog', warn, ...options })
  const uninstall = installRouting(coordinator, { resolver, warn })
  return { coordinator, resolver, uninstall, warnings }
}

describe('installRouting', () => {
  test('at session:start agents get their preferences, from lists asked for once', async () => {
    const provider = listingProvider(['gpt-6-sol', 'gpt-6-luna', 'gpt-5.5'])
    const agents: MountPlan['agents'] = {
      explorer: { model_role: 'fast' },
      auditor: { model_role: ['nope', 'security-audit', 'general'], provider_preferences: [{ provider: 'old', model: 'old' }] },
      writer: { model_role: 'poetry', provider_preferences: [{ provider: 'kept', model: 'kept' }] },
      inner: { meta: { model_role: 'general' } },
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
      inner: { meta: { model_role: 'general' }, provider_preferences: [{ provider: 'openai-chatgpt', model: 'gpt-6-sol' }] },
      plain: { description: 'no role' },
      odd: { model_role: 5 },
    })
    expect(provider.asked).toBe(1)
    expect(warnings).toEqual(['agent writer keeps the default model: model_role poetry does not resolve, the matrix mine has no role poetry'])
    expect(coordinator.getCapability('session.routing')).toMatchObject({
      matrix: 'mine', preresolved_models_by_instance: { 'openai-chatgpt': ['gpt-6-sol', 'gpt-6-luna', 'gpt-5.5'] },
    })
  })

  test('a session that is resumed resolves too, on the matrix as its file stands now', async () => {
    const agents: MountPlan['agents'] = { a: { model_role: 'fast' } }
    let failure: Error | undefined = new Error('m.yaml:3:1: broken')
    const load = async () => {
      if (failure !== undefined) throw failure
      return validateMatrix({ name: 'newer', roles: { general: role(), fast: role(candidate('gpt-5.5')) } })
    }
    const { coordinator, resolver, warnings } = await hosted({ agents }, { 'openai-chatgpt': listingProvider(['gpt-6-luna', 'gpt-5.5']) }, { load })
    await coordinator.hooks.emit('session:resume', {})
    expect(agents['a']?.provider_preferences).toEqual([{ provider: 'openai-chatgpt', model: 'gpt-6-luna' }])
    expect(warnings).toEqual(['the routing matrix mine stays as it was: m.yaml:3:1: broken'])
    failure = undefined
    await coordinator.hooks.emit('session:resume', {})
    expect(agents['a']?.provider_preferences).toEqual([{ provider: 'openai-chatgpt', model: 'gpt-5.5' }])
    expect([resolver.name, resolver.known_roles]).toEqual(['newer', ['general', 'fast']])
    expect(coordinator.getCapability('session.routing')).toMatchObject({ matrix: 'newer' })
  })

  test('a list that fails or is built in is not shared, and says nothing against the agents', async () => {
    const agents: MountPlan['agents'] = { a: { model_role: 'fast' }, b: { model_role: 'general' } }
    const { coordinator, warnings } = await hosted({ agents }, { 'openai-chatgpt': listingProvider(['gpt-6-sol'], 'fallback') })
    await coordinator.hooks.emit('session:start', {})
    expect(agents['a']).toEqual({ model_role: 'fast' })
    expect(agents['b']?.provider_preferences).toEqual([{ provider: 'openai-chatgpt', model: 'gpt-5.5' }])
    expect(warnings).toEqual(['agent a keeps the default model: model_role fast does not resolve, no candidate can be served'])
    expect(coordinator.getCapability('session.routing')).toMatchObject({ preresolved_models_by_instance: {} })
  })

  test('the role table is injected at provider:request, in the host’s words', async () => {
    const { coordinator } = await hosted({}, {})
    expect(await coordinator.hooks.emit('provider:request', {})).toMatchObject({
      action: 'inject_context',
      ephemeral: true,
      context_injection: [
        'Active routing matrix: mine',
        'Available model roles (use model_role parameter when delegating):',
        '  general          — Everyday work',
        '  fast             — Small chores',
        '  security-audit   — Looking for holes',
      ].join('\n'),
    })
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
    const { coordinator, uninstall } = await hosted({}, {})
    const other = createModelRoleResolver({ matrix: { ...matrix, name: 'other' }, coordinator })
    const uninstallOther = installRouting(coordinator, { resolver: other })
    const injected = async () => (await coordinator.hooks.emit('provider:request', {})).context_injection?.split('\n')[0]
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
    expect(coordinator.getCapability('session.routing')).toMatchObject({ host: 'own', matrix: 'mine', preresolved_models_by_instance: { anthropic: ['claude'] } })
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
  test('lays override layers over each other and keeps them over a reload', async () => {
    const resolver = createModelRoleResolver({
      matrix, providers: () => ({ 'openai-chatgpt': listingProvider(['a', 'b', 'gpt-6-luna']) }), load: async () => matrix,
      overrides: [{ roles: { fast: [candidate('a'), 'base'] } }, { roles: { fast: ['base', candidate('b')] }, source: 'hook config' }],
    })
    const models = async () => (await resolver.explain('fast')).candidates.map(({ model, origin }) => [model, origin])
    const expected = [['a', 'overrides'], ['gpt-*-luna', 'matrix'], ['b', 'hook config']]
    expect(await models()).toEqual(expected)
    expect(await resolver.reload()).toBe(true)
    expect(await models()).toEqual(expected)
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
