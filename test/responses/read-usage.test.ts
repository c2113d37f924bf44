import { expect, test } from 'vitest'
import { readUsage } from '../../src/responses/index.js'

test.each([
  ['the wire\'s own words', { input_tokens: 10, input_tokens_details: { cached_tokens: 0 }, output_tokens: 5, output_tokens_details: { reasoning_tokens: 2 }, total_tokens: 15 },
    { input_tokens: 10, output_tokens: 5, total_tokens: 15, cache_read_tokens: 0, reasoning_tokens: 2 }],
  ['the older words', { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 3 }, completion_tokens_details: { reasoning_tokens: 1 } },
    { input_tokens: 10, output_tokens: 5, total_tokens: 15, cache_read_tokens: 3, reasoning_tokens: 1 }],
  ['a missing total is added up', { input_tokens: 10, output_tokens: 5 }, { input_tokens: 10, output_tokens: 5, total_tokens: 15 }],
  ['a missing part is what is left of the total', { input_tokens: 10, total_tokens: 15 }, { input_tokens: 10, output_tokens: 5, total_tokens: 15 }],
  ['fields without a word of their own are kept', { input_tokens: 1, output_tokens: 1, total_tokens: 2, codex_rollout_budget_units: 7 },
    { input_tokens: 1, output_tokens: 1, total_tokens: 2, codex_rollout_budget_units: 7 }],
  ['nonsense counts as nothing', { input_tokens: -1, output_tokens: 'x', total_tokens: 3 }, { input_tokens: 3, output_tokens: 0, total_tokens: 3 }],
])('%s', (_title, wire, expected) => expect(readUsage(wire)).toEqual(expected))

test.each([[null], [undefined], [5], [[]], [{}], [{ input_tokens: '5' }]])('%j is no usage', (value) => expect(readUsage(value)).toBeUndefined())
