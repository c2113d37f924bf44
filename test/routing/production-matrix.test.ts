import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { KNOWN_ROLES, checkRoles, loadMatrix, resolveModelRole } from '../../src/routing/index.js'
import { REQUIRED_ROLES } from '../../src/routing/matrix.js'
import { listingProvider } from './support.js'

const file = new URL('../../routing/openai-chatgpt.yaml', import.meta.url)
const GENERAL = ['gpt-[0-9]*-sol', 'gpt-5.5', 'gpt-5.4']
const CODING = ['gpt-[0-9]*-sol', 'gpt-?.?-codex*', 'gpt-5.5', 'gpt-5.4']
const FAST = ['gpt-[0-9]*-luna', 'gpt-?.?-mini*', 'gpt-5.4', 'gpt-5.5']
const HIGH = ['security-audit', 'reasoning', 'research', 'critical-ops']

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
      expect(candidates.map(({ model }) => model)).toEqual(name === 'coding' ? CODING : name === 'fast' ? FAST : GENERAL)
      expect(new Set(candidates.map(({ provider }) => provider))).toEqual(new Set(['openai-chatgpt']))
      const effort = HIGH.includes(name) ? 'high' : name === 'critique' ? 'xhigh' : undefined
      expect(candidates.map(({ config }) => config?.['reasoning_effort'])).toEqual(candidates.map(() => effort))
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
    ['the newest family', ['gpt-6-luna', 'gpt-6-sol', 'gpt-6.1-sol', 'gpt-6.10-sol', 'gpt-6-astra', 'gpt-5.5'], 'gpt-6.10-sol', 'gpt-6.10-sol', 'gpt-6-luna'],
    ['the one before', ['gpt-5.5', 'gpt-5.4', 'gpt-5.4-mini', 'gpt-5.3-codex', 'gpt-5.2'], 'gpt-5.5', 'gpt-5.3-codex', 'gpt-5.4-mini'],
    ['the least', ['gpt-5.4'], 'gpt-5.4', 'gpt-5.4', 'gpt-5.4'],
  ])('serves every role with %s', async (_, ids, general, coding, fast) => {
    const { roles } = await loadMatrix('openai-chatgpt', { home: '/nowhere' })
    const providers = { 'openai-chatgpt': listingProvider(ids) }
    for (const role of KNOWN_ROLES) {
      const [answer] = await resolveModelRole(role, roles, providers, { verify: 'catalog' })
      expect([role, answer?.model]).toEqual([role, role === 'coding' ? coding : role === 'fast' ? fast : general])
    }
    expect((await checkRoles(roles, providers)).problems).toEqual([])
  })
})
