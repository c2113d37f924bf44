import { expect, test } from 'vitest'
import { modelFamily, parseModelName } from '../../src/contract/index.js'

test.each([
  ['gpt-5.5', { slug: 'gpt-5.5' }],
  ['gpt-5.5-fast', { slug: 'gpt-5.5', serviceTier: 'priority' }],
  ['gpt-5.5-fast:xhigh', { slug: 'gpt-5.5', effort: 'xhigh', serviceTier: 'priority' }],
  ['gpt-5.5:HIGH', { slug: 'gpt-5.5', effort: 'high' }],
  ['gpt-6-astra:ultra', { slug: 'gpt-6-astra', effort: 'max' }],
  ['gpt-5.5:turbo', { slug: 'gpt-5.5:turbo' }],
  ['gpt-5.5:turbo-fast', { slug: 'gpt-5.5:turbo-fast' }],
  ['ft:gpt-5.5:acme::id:low', { slug: 'ft:gpt-5.5:acme::id', effort: 'low' }],
  ['gpt-5.5:', { slug: 'gpt-5.5:' }],
  [':high', { slug: ':high' }],
  ['-fast', { slug: '-fast' }],
  ['', { slug: '' }],
])('the model name %j is read as %j', (name, expected) => {
  expect(parseModelName(name)).toEqual(expected)
})

test.each(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])('the suffix :%s is an effort', (effort) => {
  expect(parseModelName(`m:${effort}`)).toEqual({ slug: 'm', effort })
})

test.each([
  ['gpt-5.5-codex-fast', 'gpt-5.5'],
  ['gpt-5.5:high', 'gpt-5.5'],
  ['gpt-5.5-2026-04-01', 'gpt-5.5'],
  ['gpt-5.5-20260401', 'gpt-5.5'],
  ['gpt-5.4-mini', 'gpt-5.4-mini'],
  ['gpt-5.1-codex-mini', 'gpt-5.1-mini'],
  ['gpt-6.1-sol', 'gpt-6.1-sol'],
  ['GPT-6-Luna-fast', 'gpt-6-luna'],
  ['gpt-5.5-pro', 'gpt-5.5-pro'],
  ['-fast', '-fast'],
])('reasoning of %s belongs to the family %s', (slug, family) => {
  expect(modelFamily(slug)).toBe(family)
})
