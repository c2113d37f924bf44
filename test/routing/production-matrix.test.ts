import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { KNOWN_ROLES, createModelRoleResolver, loadMatrix } from '../../src/routing/index.js'
import { REQUIRED_ROLES } from '../../src/routing/matrix.js'
import { listingProvider } from './support.js'

const file = new URL('../../routing/openai-chatgpt.yaml', import.meta.url)
const SOL = ['gpt-[0-9]*-sol', 'gpt-5.5', 'gpt-5.4']
const FAST = ['gpt-[0-9]*-luna', 'gpt-5.4-mini', 'gpt-5.4', 'gpt-5.5']
const UI = ['gpt-[6-9]*-luna', 'gpt-[0-9]*-luna', 'gpt-5.5', 'gpt-5.4']
/** Roles and their efforts as the reference's matrices for OpenAI models have them. */
const EFFORTS: Record<string, string> = {
  general: 'high', fast: 'medium', coding: 'high', 'ui-coding': 'max', 'security-audit': 'xhigh', reasoning: 'xhigh', critique: 'xhigh',
  creative: 'high', writing: 'high', research: 'xhigh', vision: 'medium', 'image-gen': 'high', 'critical-ops': 'xhigh',
}
const LUNA = ['fast', 'ui-coding']

describe('routing/openai-chatgpt.yaml', () => {
  test('opens with what it is and with the schema that editors use', async () => {
    const lines = (await readFile(file, 'utf8')).split('\n')
    expect(lines[0]).toContain('Routing Matrix')
    expect(lines.slice(0, 5)).toContain('# yaml-language-server: $schema=../schemas/routing-matrix.schema.json')
  })

  test('has the 13 roles in their order, each described, one provider throughout', async () => {
    const { roles, updated } = await loadMatrix('openai-chatgpt', { home: '/nowhere' })
    expect(Object.keys(roles)).toEqual(KNOWN_ROLES)
    expect(updated).toMatch(/^\d{4}-\d\d-\d\d$/)
    for (const [name, { description, candidates }] of Object.entries(roles)) {
      expect(description).toMatch(/\S{3}/)
      expect(candidates.map(({ model }) => model)).toEqual(name === 'ui-coding' ? UI : name === 'fast' ? FAST : SOL)
      expect(new Set(candidates.map(({ provider }) => provider))).toEqual(new Set(['openai-chatgpt']))
      const efforts = candidates.map(({ config }) => config?.['reasoning_effort'])
      expect([name, efforts]).toEqual([name, name === 'ui-coding' ? ['max', 'xhigh', 'high', 'high'] : candidates.map(() => EFFORTS[name])])
    }
  })

  test('the schema names the same roles, for editors to offer', async () => {
    const schema = JSON.parse(await readFile(new URL('../../schemas/routing-matrix.schema.json', import.meta.url), 'utf8')) as {
      properties: { roles: { required: string[]; properties: object } }
    }
    expect(Object.keys(schema.properties.roles.properties)).toEqual(KNOWN_ROLES)
    expect(schema.properties.roles.required).toEqual(REQUIRED_ROLES)
  })

  test.each([
    ['the newest family', ['gpt-6-luna', 'gpt-6-sol', 'gpt-6.1-sol', 'gpt-6.10-sol', 'gpt-6-astra', 'gpt-5.5'], 'gpt-6.10-sol', 'gpt-6-luna', 'gpt-6-luna'],
    ['families to come', ['gpt-10-luna', 'gpt-10-sol', 'gpt-6.1-sol'], 'gpt-10-sol', 'gpt-10-luna', 'gpt-10-luna'],
    ['the one before', ['gpt-5.5', 'gpt-5.4', 'gpt-5.4-mini', 'gpt-5.3-codex', 'gpt-5.2'], 'gpt-5.5', 'gpt-5.4-mini', 'gpt-5.5'],
    ['the least', ['gpt-5.4'], 'gpt-5.4', 'gpt-5.4', 'gpt-5.4'],
  ])('serves every role with %s', async (_, ids, sol, fast, ui) => {
    const resolver = createModelRoleResolver({
      matrix: await loadMatrix('openai-chatgpt', { home: '/nowhere' }), verify: 'catalog', providers: () => ({ 'openai-chatgpt': listingProvider(ids) }),
    })
    for (const role of KNOWN_ROLES) {
      const [answer] = await resolver.resolve(role)
      expect([role, answer?.model]).toEqual([role, role === 'fast' ? fast : role === 'ui-coding' ? ui : sol])
    }
    expect((await resolver.check()).problems).toEqual([])
  })

  test.each([
    ['gpt-6.1-sol', 'low', ['gpt-6.1-sol', 'low']], ['gpt-6.1-sol', undefined, ['gpt-6.1-sol', 'high']], ['gpt-5.5', 'medium', ['gpt-6.1-sol', 'medium']],
    ['gpt-6-luna', 'low', ['gpt-6-luna', 'low']], ['gpt-5.4-mini', 'low', ['gpt-5.4-mini', 'low']], ['o3', 'low', ['gpt-6.1-sol', 'high']],
  ])('a session on %s at %s hands its tier and effort to coding', async (default_model, reasoning_effort, [model, effort]) => {
    const resolver = createModelRoleResolver({
      matrix: await loadMatrix('openai-chatgpt', { home: '/nowhere' }), verify: 'catalog',
      providers: () => ({ 'openai-chatgpt': listingProvider(['gpt-6.1-sol', 'gpt-6-luna', 'gpt-5.4-mini']) }),
      coordinator: { config: { providers: [{ module: 'provider-openai-chatgpt', config: { default_model, ...(reasoning_effort ? { reasoning_effort } : {}) } }] } },
    })
    expect(await resolver.resolve('coding')).toEqual([{ provider: 'openai-chatgpt', model, config: { reasoning_effort: effort } }])
  })
})

describe('routing/openai.yaml', () => {
  test('has the reference’s roles, models and efforts, and serves them where only our provider is mounted', async () => {
    const matrix = await loadMatrix('openai', { home: '/nowhere' })
    const resolver = createModelRoleResolver({
      matrix, providers: () => ({ 'openai-chatgpt': listingProvider(['gpt-10-luna', 'gpt-6-luna', 'gpt-6.1-sol']) }),
      coordinator: { config: { providers: [{ module: 'provider-openai-chatgpt' }] } },
    })
    expect(Object.keys(matrix.roles)).toEqual(KNOWN_ROLES)
    for (const role of KNOWN_ROLES) {
      expect([role, await resolver.resolve(role)]).toEqual([role, [{
        provider: 'openai-chatgpt', model: LUNA.includes(role) ? 'gpt-6-luna' : 'gpt-6.1-sol', config: { reasoning_effort: EFFORTS[role] },
      }]])
    }
    expect(resolver.matrix.preset?.tierLadder.get('openai')).toEqual([
      ['gpt-[6-9]*-luna', 'gpt-[0-9]*-luna*', 'gpt-?.?-mini*', 'gpt-?.?-nano*'], ['gpt-?.?-terra*'], ['gpt-[0-9]*-sol*', 'gpt-[0-9]*-astra*', 'gpt-[0-9].[0-9]'],
    ])
    expect(resolver.matrix.preset?.inherit).toBe('strict')
  })
})
