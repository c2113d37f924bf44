import { describe, expect, test } from 'vitest'
import type { MatrixRoles, MountedProviders } from '../../src/routing/index.js'
import { candidate, failingProvider, listingProvider, modelInfo, resolverOf, role, type ResolverSettings } from './support.js'

const roles: MatrixRoles = {
  coding: role(candidate('gpt-[0-9]*-sol', { reasoning_effort: 'high' }), candidate('gpt-5.5'), candidate('gpt-5.4')),
  fast: role(candidate('gpt-?.?-mini*'), candidate('gpt-5.4')),
  empty: role(),
}
const verify = 'catalog' as const

const resolveOnce = (asked: string | readonly string[], matrix: MatrixRoles, providers: MountedProviders, options: ResolverSettings = {}) =>
  resolverOf(matrix, providers, options).resolve(asked)

describe('resolve', () => {
  test('what is no role is none, for a resolution and for its explanation', async () => {
    const resolver = resolverOf(roles, { 'openai-chatgpt': listingProvider(['gpt-5.4']) }, { verify })
    const odd = [null, ['fast'], 5, 'fast'] as unknown as string[]
    expect(await resolver.resolve(odd)).toEqual([{ provider: 'openai-chatgpt', model: 'gpt-5.4', config: {} }])
    expect((await resolver.explain(odd)).role).toBe('fast')
  })

  test('tries roles in order and takes the next where the first serves nothing', async () => {
    const providers = { 'openai-chatgpt': listingProvider(['gpt-5.4-mini']) }
    expect(await resolveOnce(['nope', 'empty', 'fast', 'coding'], roles, providers)).toEqual([
      { provider: 'openai-chatgpt', model: 'gpt-5.4-mini', config: {} },
    ])
  })

  test.each([
    ['an unknown role', 'nope'],
    ['a role named like a property of every object', ['constructor', '__proto__', 'toString']],
    ['no role at all', []],
    ['a role without candidates', 'empty'],
  ])('answers nothing for %s', async (_, asked) => {
    expect(await resolveOnce(asked, roles, { 'openai-chatgpt': listingProvider(['gpt-5.5']) })).toEqual([])
  })

  test('takes a literal unseen by default and asks nobody for it', async () => {
    const provider = listingProvider(['gpt-5.5'])
    const answer = await resolveOnce('x', { x: role(candidate('gpt-9')) }, { 'openai-chatgpt': provider })
    expect(answer).toEqual([{ provider: 'openai-chatgpt', model: 'gpt-9', config: {} }])
    expect(provider.asked).toBe(0)
  })

  test('with verify a literal that the account lacks falls through to the next tier', async () => {
    const providers = { 'openai-chatgpt': listingProvider(['gpt-5.4']) }
    expect(await resolveOnce('coding', roles, providers, { verify })).toEqual([
      { provider: 'openai-chatgpt', model: 'gpt-5.4', config: {} },
    ])
  })

  test('with verify the catalog’s own spelling leaves, an exact one before one that differs in case', async () => {
    const matrix = { x: role(candidate('gpt-5.5-SOL')) }
    expect(await resolveOnce('x', matrix, { 'openai-chatgpt': listingProvider(['GPT-5.5-sol']) }, { verify })).toMatchObject([{ model: 'GPT-5.5-sol' }])
    expect(await resolveOnce('x', matrix, { 'openai-chatgpt': listingProvider(['gpt-5.5-sol', 'gpt-5.5-SOL']) }, { verify })).toMatchObject([{ model: 'gpt-5.5-SOL' }])
  })

  test('with verify a built-in list counts as none: globs are passed over, literals taken on trust', async () => {
    const providers = { 'openai-chatgpt': listingProvider(['gpt-6-sol'], 'fallback') }
    expect(await resolveOnce('coding', roles, providers, { verify })).toMatchObject([{ model: 'gpt-5.5' }])
    expect(await resolveOnce('coding', roles, providers)).toMatchObject([{ model: 'gpt-6-sol' }])
  })

  test('a last good list is a list', async () => {
    const providers = { 'openai-chatgpt': listingProvider(['gpt-6-sol'], 'last_good') }
    expect(await resolveOnce('coding', roles, providers, { verify })).toMatchObject([{ model: 'gpt-6-sol' }])
  })

  test('an exhausted candidate is skipped until the quota says otherwise, and then preferred again', async () => {
    const providers = { 'openai-chatgpt': listingProvider(['gpt-6-sol', 'gpt-5.5']) }
    const asked: string[] = []
    let until: number | undefined = 1_800_000_000_000
    const exhaustedUntil = (provider: string, model: string) => {
      asked.push(`${provider} ${model}`)
      return model === 'gpt-6-sol' ? until : undefined
    }
    const resolver = resolverOf(roles, providers, { verify, exhaustedUntil })
    expect(await resolver.resolve('coding')).toMatchObject([{ model: 'gpt-5.5' }])
    expect(asked).toEqual(['openai-chatgpt gpt-6-sol', 'openai-chatgpt gpt-5.5'])
    until = undefined
    expect(await resolver.resolve('coding')).toMatchObject([{ model: 'gpt-6-sol' }])
  })

  test('a list that changes is seen at once, also the same array changed in place', async () => {
    const provider = listingProvider(['gpt-6-sol'])
    const providers = { 'openai-chatgpt': provider }
    const resolver = resolverOf(roles, providers, { verify })
    const resolve = async () => (await resolver.resolve('coding'))[0]?.model
    expect(await resolve()).toBe('gpt-6-sol')
    provider.models.push(modelInfo('gpt-6.1-sol'))
    expect(await resolve()).toBe('gpt-6.1-sol')
    provider.models[1] = modelInfo('gpt-6.2-sol')
    expect(await resolve()).toBe('gpt-6.2-sol')
    provider.models = [modelInfo('gpt-5.4')]
    expect(await resolve()).toBe('gpt-5.4')
    provider.models = [modelInfo('gpt-5.4', 'fallback')]
    expect(await resolve()).toBe('gpt-5.5')
  })

  test('preresolved lists, by mounted key, are used in place of asking', async () => {
    const provider = listingProvider(['gpt-6-sol'])
    const providers = { 'provider-openai-chatgpt': provider }
    const preresolvedModels = { 'provider-openai-chatgpt': ['gpt-7-sol'], 'openai-chatgpt': ['gpt-8-sol'] }
    expect(await resolveOnce('coding', roles, providers, { preresolved: preresolvedModels })).toEqual([
      { provider: 'provider-openai-chatgpt', model: 'gpt-7-sol', config: { reasoning_effort: 'high' } },
    ])
    expect(provider.asked).toBe(0)
  })

  test('a provider is asked once a resolution, also when its list fails', async () => {
    let asked = 0
    const providers = { 'openai-chatgpt': { listModels: () => { asked += 1; throw new Error('down') } } }
    const matrix = { x: role(candidate('a*'), candidate('b*'), candidate('c')) }
    expect(await resolveOnce('x', matrix, providers, { verify })).toMatchObject([{ model: 'c' }])
    expect(asked).toBe(1)
  })

  test('a list that fails at once is asked for again by the next resolution, and simultaneous ones share an answer', async () => {
    let asked = 0
    const provider = { listModels: (): readonly string[] | Promise<readonly string[]> => { asked += 1; throw new Error('not yet') } }
    const resolver = resolverOf({ x: role(candidate('gpt-*')) }, { 'openai-chatgpt': provider }, { verify })
    expect(await resolver.resolve('x')).toEqual([])
    provider.listModels = async () => { asked += 1; return ['gpt-5.5'] }
    expect(await Promise.all([resolver.resolve('x'), resolver.resolve('x')])).toMatchObject([[{ model: 'gpt-5.5' }], [{ model: 'gpt-5.5' }]])
    expect(asked).toBe(2)
  })

  test('the answer’s config is a copy and frozen roles resolve too', async () => {
    const frozen = Object.freeze({ x: role(candidate('gpt-*', { reasoning_effort: 'high' })) })
    const providers = { 'openai-chatgpt': listingProvider(['gpt-5.5']) }
    const resolver = resolverOf(frozen, providers)
    const [answer] = await resolver.resolve('x')
    answer!.config['reasoning_effort'] = 'low'
    expect(await resolver.resolve('x')).toMatchObject([{ config: { reasoning_effort: 'high' } }])
  })

  test('what is no provider, no list and no candidate is passed over', async () => {
    const matrix = { x: { candidates: [null, 'base', { provider: 1, model: 'a' }, candidate('a*'), candidate('b*', undefined, 'odd'), candidate('c', undefined, 'last')] } } as unknown as MatrixRoles
    const providers = { 'openai-chatgpt': null, odd: { listModels: async () => 'none' }, last: {} }
    expect(await resolveOnce('x', matrix, providers)).toEqual([{ provider: 'last', model: 'c', config: {} }])
  })
})

describe('finding the mounted provider', () => {
  const x = (provider: string) => ({ x: role(candidate('m', undefined, provider)) })
  const resolve = async (provider: string, names: string[], plan?: unknown[]) => {
    const providers = Object.fromEntries(names.map((name) => [name, listingProvider(['m'])]))
    const options = plan === undefined ? {} : { coordinator: { config: { providers: plan as { module: string }[] } } }
    return (await resolveOnce('x', x(provider), providers, options))[0]?.provider
  }

  test('the first in mount order wins between a name and its prefixed form', async () => {
    expect(await resolve('openai', ['provider-openai', 'openai'])).toBe('provider-openai')
    expect(await resolve('openai', ['openai', 'provider-openai'])).toBe('openai')
  })

  test('a prefix in the matrix is not taken off', async () => {
    expect(await resolve('provider-openai', ['openai'])).toBeUndefined()
  })

  test('without a coordinator an instance is not found by its module', async () => {
    expect(await resolve('openai', ['work'])).toBeUndefined()
  })

  test('instances are found by the mount plan: the lowest priority, ties by mount order', async () => {
    const plan = [
      { module: 'provider-openai', id: 'work', config: { priority: 5 } },
      { module: 'provider-openai', id: 'home', config: { priority: 1 } },
      { module: 'provider-openai', id: 'gone', config: { priority: -1 } },
    ]
    expect(await resolve('openai', ['work', 'home'], plan)).toBe('home')
    expect(await resolve('openai', ['work', 'home'], plan.map(({ config: _, ...entry }) => entry))).toBe('work')
  })
})

describe('explain', () => {
  test('gives the whole chain in order, each candidate with its verdict', async () => {
    const matrix: MatrixRoles = {
      a: role(candidate('gpt-*-sol', { reasoning_effort: 'high' }), candidate('gpt-5.55'), candidate('x*', undefined, 'anthropic')),
      b: role(candidate('m*', undefined, 'down'), candidate('gpt-5.5'), candidate('GPT-5.4'), candidate('n', undefined, 'down')),
    }
    const providers = {
      'openai-chatgpt': listingProvider(['gpt-5.5', 'gpt-5.4', 'gpt-6-sol']),
      'provider-down': failingProvider('connection refused'),
    }
    const exhaustedUntil = (_: string, model: string) => (model === 'gpt-5.5' ? Date.UTC(2026, 10, 21, 9) : undefined)
    const chain = (await resolverOf(matrix, providers, { verify, exhaustedUntil }).explain(['a', 'nope', 'b'])).candidates
    expect(chain).toEqual([
      { role: 'a', provider: 'openai-chatgpt', model: 'gpt-*-sol', config: { reasoning_effort: 'high' }, mounted_as: 'openai-chatgpt', status: 'live', resolved_model: 'gpt-6-sol' },
      { role: 'a', provider: 'openai-chatgpt', model: 'gpt-5.55', mounted_as: 'openai-chatgpt', status: 'no_match', nearest: 'gpt-5.5', detail: 'none of 3 models; the nearest is gpt-5.5' },
      { role: 'a', provider: 'anthropic', model: 'x*', status: 'not_mounted' },
      { role: 'b', provider: 'down', model: 'm*', mounted_as: 'provider-down', status: 'could_not_list', detail: 'connection refused' },
      { role: 'b', provider: 'openai-chatgpt', model: 'gpt-5.5', mounted_as: 'openai-chatgpt', status: 'exhausted', resolved_model: 'gpt-5.5', exhausted_until: '2026-11-21T09:00:00.000Z' },
      { role: 'b', provider: 'openai-chatgpt', model: 'GPT-5.4', mounted_as: 'openai-chatgpt', status: 'live', resolved_model: 'gpt-5.4' },
      { role: 'b', provider: 'down', model: 'n', mounted_as: 'provider-down', status: 'unverified', resolved_model: 'n', detail: 'connection refused' },
    ])
    expect(providers['openai-chatgpt'].asked).toBe(1)
  })

  test('an empty list is “no match”, not “could not list”', async () => {
    const chain = (await resolverOf(roles, { 'openai-chatgpt': listingProvider([]) }, { verify }).explain('coding')).candidates
    expect(chain.map(({ status }) => status)).toEqual(['no_match', 'no_match', 'no_match'])
  })
})
