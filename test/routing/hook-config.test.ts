import { describe, expect, test } from 'vitest'
import { findHookConfig, readHookConfig } from '../../src/routing/index.js'

const DEFAULTS = { disableDelegationPreset: false, maxConcurrentResolutions: 4, placement: 'prefix', reassertRolePin: true }

describe('the routing hook’s config', () => {
  test('is found in the mount plan', () => {
    const overrides = { fast: ['base'] }
    const config = { default_matrix: 'mine', custom_routing_dirs: ['/a', 5, '/b'], overrides }
    expect(findHookConfig({ hooks: [{ module: 'hooks-logging' }, { module: 'hooks-routing', config }] })).toEqual({
      ...DEFAULTS, matrix: 'mine', directories: ['/a', '/b'], overrides,
    })
    expect(findHookConfig({})).toEqual({ ...DEFAULTS, directories: [] })
  })

  test.each([[undefined], [null], ['mine'], [{ default_matrix: 5, custom_routing_dirs: '/a', overrides: [] }]])('%j sets nothing', (config) => {
    expect(readHookConfig(config)).toEqual({ ...DEFAULTS, directories: [] })
  })
})
