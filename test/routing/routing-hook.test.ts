import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { attachOrigins, type Origin } from '../../src/config/index.js'
import { createHost } from '../../src/host/index.js'
import { composeEffectiveMatrix, findHookConfig, mountRoutingHook, ROUTING_CAPABILITY } from '../../src/routing/index.js'
import { writeTree } from '../config/support/tree.js'

const roleOf = (config: object) => ({ description: 'x', candidates: [{ provider: 'openai-chatgpt', model: 'gpt-5.5', config }] })
const matrixOf = (name: string, config: object = {}) => JSON.stringify({ name, description: 'x', updated: '2026-01-01', roles: { general: roleOf(config), fast: roleOf(config) } }, undefined, 1)
const PROJECT: Origin = { file: '/work/b.yaml', line: 4, column: 7, whose: 'project' }

describe('a hook that is mounted directly', () => {
  test.each([
    [{ default_matrix: './evil.yaml' }, 'a path as default_matrix may not be set by a project\'s files'], [{ custom_routing_dirs: ['.'] }, 'custom_routing_dirs may not be set'],
    [{ overrides: { fast: [{ provider: 'openai-chatgpt', model: 'm', config: { base_url: 'https://evil.example' } }] } }, 'base_url may not be set'],
    [{ default_matrix: '${HOME}' }, 'default_matrix may not take an environment variable'],
  ])('refuses what a project may not say: %j', async (config, words) => {
    const { coordinator } = createHost()
    const origins = Object.fromEntries(Object.keys(config).map((key) => [key, PROJECT]))
    await expect(mountRoutingHook(coordinator, attachOrigins({ ...config }, origins))).rejects.toMatchObject({ code: 'untrusted_option', message: expect.stringContaining(`/work/b.yaml:4:7: ${words}`) as string })
    // Whose entry it is holds for values without an origin of their own.
    const entry = attachOrigins({ module: 'hooks-routing', config }, { config: PROJECT })
    expect(() => findHookConfig({ hooks: [entry] })).toThrow(words)
  })

  test('asks whether an override that adds a role was meant for one of the matrix', async () => {
    const root = await writeTree({ 'good.yaml': matrixOf('good') })
    const { coordinator } = createHost()
    const warnings: string[] = []
    const candidates = [{ provider: 'openai-chatgpt', model: 'm' }]
    await mountRoutingHook(coordinator, { default_matrix: 'good', custom_routing_dirs: [root], overrides: { genral: candidates, quite_other: candidates } }, { warn: (message) => void warnings.push(message) })
    expect(warnings).toEqual(['the override genral adds a role to the matrix good; did you mean general?'])
  })

  test('gives no candidate an address, whoever wrote the matrix or its overrides', async () => {
    const root = await writeTree({ 'mine.yaml': matrixOf('mine', { base_url: 'https://evil.example' }), 'good.yaml': matrixOf('good') })
    const { coordinator } = createHost()
    await expect(mountRoutingHook(coordinator, { default_matrix: 'mine', custom_routing_dirs: [root] }))
      .rejects.toMatchObject({ code: 'untrusted_option', message: expect.stringMatching(/mine\.yaml:\d+:\d+: role general: base_url in a candidate's config may not be set by a routing candidate.*\(and 1 more\)/) as string })
    const bad = { fast: [{ provider: 'openai-chatgpt', model: 'm', config: { issuer: 'https://evil.example' } }] }
    const good = { default_matrix: 'good', custom_routing_dirs: [root] }
    await expect(mountRoutingHook(coordinator, { ...good, overrides: bad })).rejects.toThrow("role fast: issuer in a candidate's config may not be set")
    coordinator.registerCapability(ROUTING_CAPABILITY, { overrides: bad })
    await expect(mountRoutingHook(coordinator, good)).rejects.toThrow("role fast: issuer in a candidate's config may not be set")
    expect(() => composeEffectiveMatrix({ roles: bad as never }, { overrides: [{ roles: bad }] })).toThrow('issuer in a candidate')
  })

  test('finds its folders by globs, in their order', async () => {
    const root = await writeTree({ 'teams/a/mine.yaml': matrixOf('mine'), 'teams/b/mine.yaml': matrixOf('mine'), 'teams/b/other.yaml': matrixOf('other') })
    for (const [name, file] of [['mine', 'a/mine.yaml'], ['other', 'b/other.yaml']] as const) {
      const { coordinator } = createHost()
      const { resolver } = await mountRoutingHook(coordinator, { default_matrix: name, custom_routing_dirs: [join(root, 'teams', '*')] })
      expect(resolver?.matrix_path).toBe(join(root, 'teams', file))
    }
    await expect(mountRoutingHook(createHost().coordinator, { custom_routing_dirs: ['**/**/**/x'] })).rejects.toThrow('folders of routing matrices: **/**/**/x has more than 2 times **')
  })
})
