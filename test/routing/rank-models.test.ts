import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rankModels } from '../../src/routing/index.js'
import { cases, SEED } from '../support/made-up.js'

describe('rankModels', () => {
  test.each<[string, string[]]>([
    ['two-digit versions are newer than one-digit ones', ['gpt-5.10', 'gpt-5.9', 'gpt-5']],
    ['a variant goes before the plain model', ['gpt-5.5-pro', 'gpt-5.5']],
    ['the undated name goes before its dated ones', ['gpt-5.5', 'gpt-5.5-20260305', 'gpt-5.5-2026-03-05']],
    ['numbers of any length compare as numbers', ['m-100000000000000000001', 'm-100000000000000000000', 'm-99']],
    ['leading zeros don’t count', ['m-10', 'm-009']],
    ['text compares in its own case', ['gpt-5', 'GPT-6']],
    ['text compares by code point, also beyond the first plane', ['m-\u{1F600}', 'm-\uFF5E']],
  ])('%s', (_, ranked) => {
    expect(rankModels([...ranked].reverse())).toEqual(ranked)
  })

  test('names that rank alike keep the catalog’s order', () => {
    expect(rankModels(['m-1-20260102', 'm-1-20260101', 'm-01-2026010'])[2]).toBe('m-1-20260101')
    expect(rankModels(['a-01', 'a-10', 'a-1', 'a-1'])).toEqual(['a-10', 'a-1', 'a-1', 'a-01'])
  })

  test('is a ranking: nothing lost, and ranking twice changes nothing', () => {
    const id = fc.array(fc.constantFrom('gpt', '-', '5', '10', '.', 'mini', '-20260101', 'Ü'), { maxLength: 6 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(fc.array(id), (ids) => {
        const ranked = rankModels(ids)
        expect([...ranked].sort()).toEqual([...ids].sort())
        expect(rankModels(ranked)).toEqual(ranked)
      }),
      { seed: SEED, numRuns: cases(1_000) },
    )
  })
})
