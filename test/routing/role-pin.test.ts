import { describe, expect, test } from 'vitest'
import type { MountPlan } from '../../src/contract/index.js'
import { reassertRolePin } from '../../src/routing/index.js'

const plan = (provider_preferences: unknown): { config: MountPlan } => ({ config: { provider_preferences } })

describe('reassertRolePin', () => {
  test('a provider whose setter refuses keeps its order, and the record says so', () => {
    const stubborn = { get priority() { return 5 } }
    const other = { config: { priority: 0 } }
    expect(reassertRolePin({ coordinator: plan([{ provider: 'stubborn' }]), providers: { stubborn, other } })).toEqual({
      reasserted: false, reason: 'no_writable_priority_surface', pinned_provider: 'stubborn',
    })
    expect(other).toEqual({ config: { priority: 0 } })
  })

  test('credentials and addresses in a preference are never written', () => {
    const mine = { config: { priority: 0 } }
    const config = { api_key: 'sk-made-up', base_url: 'https://elsewhere.example', http_proxy: 'http://x', reasoning_effort: 'low' }
    expect(reassertRolePin({ coordinator: plan([{ provider: 'mine', config }]), providers: { mine } })).toMatchObject({
      reasserted: true, config_keys_reasserted: ['reasoning_effort'],
    })
    expect(mine).toEqual({ config: { priority: 0, reasoning_effort: 'low' } })
  })

  test('preferences that are none, and hosts without providers, are nothing to say', () => {
    const mine = { config: {} }
    for (const written of [undefined, null, 'mine', [], [null, 'mine', { provider: '' }, { model: 'x' }]]) {
      expect(reassertRolePin({ coordinator: plan(written), providers: { mine } })).toBeUndefined()
    }
    expect(reassertRolePin({ coordinator: plan([{ provider: 'mine' }]), providers: {} })).toBeUndefined()
    expect(mine).toEqual({ config: {} })
  })

  test('a config key called __proto__ is a key, not a prototype', () => {
    const mine = { config: { priority: 0 } as Record<string, unknown> }
    const config = JSON.parse('{"__proto__": {"polluted": true}}') as Record<string, unknown>
    reassertRolePin({ coordinator: plan([{ provider: 'mine', config }]), providers: { mine } })
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(Object.getPrototypeOf(mine.config)).toBe(Object.prototype)
  })
})
