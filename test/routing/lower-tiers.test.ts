import { expect, test } from 'vitest'
import { isEssential, lowerTiers } from '../../src/routing/lower-tiers.js'
import { parsePreset } from '../../src/routing/preset.js'
import { candidate, role } from './support.js'

const preset = parsePreset({ preset: { tier_ladder: { 'openai-chatgpt': [['gpt-*-luna', 'gpt-*-mini'], 'gpt-*-terra', 'gpt-*-sol'] } } })
const models = (...names: string[]) => lowerTiers(names.map((name) => candidate(name, { reasoning_effort: 'high' })), preset).map(({ model, config }) => [model, config?.['reasoning_effort']])

test('below a tier come the role’s own candidates of lower tiers, then those tiers, the nearest first; never a higher one', () => {
  expect(models('gpt-6-sol', 'gpt-9-sol', 'gpt-5-mini')).toEqual([['gpt-5-mini', 'high'], ['gpt-*-terra', 'high'], ['gpt-*-luna', 'high'], ['gpt-*-mini', 'high']])
  expect(models('gpt-*-terra', 'gpt-6-sol')).toEqual([['gpt-*-luna', 'high'], ['gpt-*-mini', 'high']])
})

test('there is nothing below the lowest tier, off the ladder, for another provider and without a preset', () => {
  expect([models('gpt-6-luna'), models('o3'), models(), lowerTiers([candidate('gpt-6-sol')], undefined), lowerTiers([{ provider: 'constructor', model: 'gpt-6-sol' }], preset)]).toEqual([[], [], [], [], []])
})

test('critical-ops is essential where no role is marked; a marked one puts it out', () => {
  const roles = { 'critical-ops': role(), coding: role() }
  expect([isEssential('critical-ops', roles), isEssential('coding', roles), isEssential('constructor', roles)]).toEqual([true, false, false])
  const marked = { ...roles, coding: { ...role(), essential: true } }
  expect([isEssential('critical-ops', marked), isEssential('coding', marked), isEssential('toString', marked)]).toEqual([false, true, false])
})
