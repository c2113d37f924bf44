import { expect, test } from 'vitest'
import * as contract from '../../src/contract/index.js'

const { describeError, LLMError, RateLimitError } = contract

test('the message of every kind of error ends with its code, once, also where it is made anew from another', () => {
  const kinds = Object.entries(contract).filter(([name, value]) => /Error$/.test(name) && typeof value === 'function' && value.prototype instanceof Error)
  expect(kinds.length).toBeGreaterThan(12)
  for (const [name, Kind] of kinds) {
    const make = Kind as new (message: string, fields: object) => InstanceType<typeof LLMError>
    const error = new make('went wrong', { code: 'some_code', tool_name: 't', raw_arguments: '{' })
    expect([name, error.message]).toEqual([name, 'went wrong [some_code]'])
    expect(new make(error.message, { code: 'some_code', tool_name: 't', raw_arguments: '{' }).message).toBe('went wrong [some_code]')
    expect(error.words).toBe('went wrong')
  }
})

test('an error without a code has its words alone, and what looks like a code in them stays', () => {
  const error = new LLMError('broke at [0]')
  expect([error.message, error.words]).toEqual(['broke at [0]', 'broke at [0]'])
})

test('what events say of an error has the code as a field and in the words', () => {
  expect(describeError(new RateLimitError('too many', { code: 'rate_limit_exceeded', retry_after: 2 }))).toEqual({
    type: 'RateLimitError', message: 'too many [rate_limit_exceeded]', retryable: true, code: 'rate_limit_exceeded', retry_after: 2,
  })
})
