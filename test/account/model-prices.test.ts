import { describe, expect, test } from 'vitest'
import { costOf, drawWeight, priceOf, PRICES_DATE } from '../../src/account/index.js'

describe('what tokens cost', () => {
  test('prices have a date, and a dated name the price of its model', () => {
    expect(PRICES_DATE).toMatch(/^\d{4}-\d{2}-\d{2}$/)
    expect([priceOf('gpt-6.1-sol'), priceOf('GPT-6.1-sol-2026-10-01'), priceOf('gpt-5.5'), priceOf('gpt-99'), priceOf('constructor')]).toEqual([
      { input: 2, cache_read: 0.1, output: 10, cache_write: 2.5 }, { input: 2, cache_read: 0.1, output: 10, cache_write: 2.5 },
      { input: 5, cache_read: 0.5, output: 30 }, undefined, undefined,
    ])
  })

  test('cached input costs less, newly cached input more, reasoning what output costs', () => {
    // 1000 fresh at 2, 500 read at 0.1, 200 written at 2.5, 100 out at 10 dollars a million
    const usage = { input_tokens: 1700, cache_read_tokens: 500, cache_write_tokens: 200, output_tokens: 100, reasoning_tokens: 60 }
    expect(costOf('gpt-6.1-sol', usage)).toBe('0.00355')
    expect(costOf('gpt-5-nano', { input_tokens: 1, output_tokens: 0 })).toBe('0.00000005')
    expect(costOf('gpt-5.5', { input_tokens: 200_000, output_tokens: 100_000 })).toBe('4')
  })

  test('a long request costs by its own tariff, where its model has one', () => {
    expect([costOf('gpt-6.1-sol', { input_tokens: 300_000, output_tokens: 1000 }), costOf('gpt-4.1', { input_tokens: 300_000, output_tokens: 1000 })]).toEqual(['1.215', '0.608'])
  })

  test('an unknown model costs nobody knows what, and weighs as most do', () => {
    expect([costOf('gpt-99', { input_tokens: 1, output_tokens: 1 }), drawWeight('gpt-99', { input_tokens: 1000, output_tokens: 100 })]).toEqual([undefined, 0.003])
    expect(drawWeight('gpt-6-luna', { input_tokens: 1000, output_tokens: 100 })).toBeCloseTo(0.00015)
  })
})
