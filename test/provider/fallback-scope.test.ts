import { expect, test } from 'vitest'
import {
  AbortError, AuthenticationError, InvalidRequestError, NetworkError, NotFoundError, ProviderUnavailableError, QuotaExceededError, RateLimitError, StreamError,
} from '../../src/contract/index.js'
import { fallbackScopeOf } from '../../src/provider/fallback-scope.js'

test('what can cure a failure before output, by its kind and code', () => {
  expect([
    new QuotaExceededError(''), new RateLimitError(''), new NotFoundError('', { code: 'model_not_available' }), new NotFoundError('', { code: 'not_found' }),
    new ProviderUnavailableError('', { code: 'at_capacity' }), new ProviderUnavailableError(''), new NetworkError(''),
    new StreamError(''), new AuthenticationError(''), new InvalidRequestError(''), new AbortError(''),
  ].map(fallbackScopeOf)).toEqual(['next', 'next', 'next', 'none', 'next', 'next_other_provider', 'next_other_provider', 'none', 'none', 'none', 'none'])
})

test('nothing cures what may have run: another candidate would run it a second time', () => {
  const may_have_run = true
  expect([new QuotaExceededError('', { may_have_run }), new NetworkError('', { may_have_run }), new ProviderUnavailableError('', { may_have_run })].map(fallbackScopeOf)).toEqual(['none', 'none', 'none'])
})
