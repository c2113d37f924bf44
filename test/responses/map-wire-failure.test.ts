import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describeError, isLLMError, type ChatResponse } from '../../src/contract/index.js'
import { fromTransportFailure, mapWireFailure, readUsageLimit, type FailureContext, type WireFailure } from '../../src/responses/index.js'
import { TransportFailure } from '../../src/transport/transport.js'
import { measureCpu } from '../documents/support.js'
import { cases, SEED } from '../support/made-up.js'

const now = Date.UTC(2026, 10, 20, 12)
const context: FailureContext = { provider: 'openai-chatgpt', model: 'gpt-5.9', lane: 'codex', nowMs: now }
const body = (value: unknown) => JSON.stringify(value)
const http = (status: number, value: unknown = '', headers: Record<string, string> = {}): WireFailure =>
  ({ source: 'http', status, headers, body: typeof value === 'string' ? value : body(value) })
const frame = (error: unknown, status?: number): WireFailure => ({ source: 'frame', error, ...(status === undefined ? {} : { status }) })
const terminal = (error: unknown): WireFailure => ({ source: 'terminal', error })
const transport = (fields: Partial<WireFailure>): WireFailure => ({ source: 'transport', phase: 'answering', ...fields })
const map = (failure: WireFailure, more: Partial<FailureContext> = {}) => mapWireFailure(failure, { ...context, ...more })
const coded = (code: string, type = code) => ({ error: { code, type, message: 'words' } })

const HTML = '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>challenge-platform</body></html>'

/** title, failure, kind, code, retryable, retry_after */
const table: [string, WireFailure, string, string | undefined, boolean, number?][] = [
  ['429 usage_limit_reached with a reset in seconds', http(429, { error: { type: 'usage_limit_reached', message: 'The usage limit has been reached', plan_type: 'plus', resets_in_seconds: 90 } }), 'QuotaExceededError', 'usage_limit_reached', false, 90],
  ['429 usage_limit_reached with a reset time', http(429, { error: { type: 'usage_limit_reached', resets_at: now / 1000 + 3600 } }), 'QuotaExceededError', 'usage_limit_reached', false, 3600],
  ['a frame of usage_limit_reached', frame({ type: 'usage_limit_reached', message: 'x' }, 429), 'QuotaExceededError', 'usage_limit_reached', false],
  ['usage_not_included', http(429, coded('usage_not_included')), 'QuotaExceededError', 'usage_not_included', false],
  ['insufficient_quota in a terminal', terminal({ code: 'insufficient_quota', message: 'x' }), 'QuotaExceededError', 'insufficient_quota', false],
  ['insufficient_quota over HTTP', http(429, coded('insufficient_quota')), 'QuotaExceededError', 'insufficient_quota', false],
  ['the plan lane\'s cap', http(429, coded('subscription_sharing_usage_limit_exceeded')), 'QuotaExceededError', 'subscription_sharing_usage_limit_exceeded', false],
  ['the plan lane\'s cap as a terminal', terminal({ code: 'subscription_sharing_usage_limit_exceeded' }), 'QuotaExceededError', 'subscription_sharing_usage_limit_exceeded', false],
  ['credit_balance_exhausted', terminal({ code: 'credit_balance_exhausted' }), 'QuotaExceededError', 'credit_balance_exhausted', false],
  ['429 whose prose speaks of the usage limit', http(429, { detail: 'You have hit your usage limit.' }), 'QuotaExceededError', 'usage_limit_reached', false],
  ['429 otherwise', http(429, '', { 'retry-after': '7' }), 'RateLimitError', 'rate_limit_exceeded', true, 7],
  ['429 with an HTTP date', http(429, '', { 'retry-after': new Date(now + 42_000).toUTCString() }), 'RateLimitError', 'rate_limit_exceeded', true, 42],
  ['rate_limit_exceeded with its time in the text', terminal({ code: 'rate_limit_exceeded', message: 'Rate limit reached. Please try again in 1.5s. Visit …' }), 'RateLimitError', 'rate_limit_exceeded', true, 1.5],
  ['rate_limit_exceeded in milliseconds', terminal({ code: 'rate_limit_exceeded', message: 'Try again in 350ms' }), 'RateLimitError', 'rate_limit_exceeded', true, 0.35],
  ['a token limit of the API', http(429, { error: { type: 'tokens', code: 'rate_limit_exceeded', message: 'x' } }), 'RateLimitError', 'rate_limit_exceeded', true],
  ['slow_down as a terminal', terminal({ code: 'slow_down', message: 'try again in 3 seconds' }), 'RateLimitError', 'slow_down', true, 3],
  ['503 slow_down', http(503, coded('slow_down')), 'RateLimitError', 'slow_down', true],
  ['server_is_overloaded', terminal({ code: 'server_is_overloaded' }), 'ProviderUnavailableError', 'at_capacity', true],
  ['503 server_is_overloaded', http(503, coded('server_is_overloaded')), 'ProviderUnavailableError', 'at_capacity', true],
  ['"at capacity" in prose', frame({ message: 'Selected model is at capacity. Please try a different model.' }), 'ProviderUnavailableError', 'at_capacity', true],
  ['429 "at capacity"', http(429, { detail: 'The model is at capacity' }), 'ProviderUnavailableError', 'at_capacity', true],
  ['flex_unavailable', terminal({ code: 'flex_unavailable' }), 'ProviderUnavailableError', 'flex_unavailable', false],
  ['404 model_not_found', http(404, coded('model_not_found', 'invalid_request_error')), 'NotFoundError', 'model_not_available', false],
  ['404 with a detail', http(404, { detail: 'Model not found gpt-5.9' }), 'NotFoundError', 'model_not_available', false],
  ['404 without a word', http(404), 'NotFoundError', 'model_not_available', false],
  ['400 for a model that is not for this account', http(400, { detail: "The 'gpt-5.9' model is not supported when using Codex with a ChatGPT account." }), 'NotFoundError', 'model_not_available', false],
  ['400 for a retired model', http(400, { detail: 'The model gpt-5.1 has been retired.' }), 'NotFoundError', 'model_not_available', false],
  ['the plan lane\'s unsupported model', http(400, { error: { code: 'subscription_sharing_unsupported_capability', param: 'model' } }), 'NotFoundError', 'model_not_available', false],
  ['404 for an address', http(404, '<html><body>nginx</body></html>', { 'content-type': 'text/html' }), 'NotFoundError', 'not_found', false],
  ['401', http(401, { detail: 'Unauthorized' }), 'AuthenticationError', 'unauthorized', false],
  ['401 with a code in a detail object', http(401, { detail: { error_code: 'invalid_token' } }), 'AuthenticationError', 'invalid_token', false],
  ['401 with its code in a header', http(401, '', { 'x-error-json': Buffer.from('{"error":{"code":"token_expired"}}').toString('base64') }), 'AuthenticationError', 'token_expired', false],
  ['401 missing scopes', http(401, { error: { message: 'You have insufficient permissions for this operation. Missing scopes: model.request.' } }), 'AuthenticationError', 'missing_scopes', false],
  ['401 missing workspace', http(401, { detail: 'Missing ChatGPT-Account-Id header' }), 'AuthenticationError', 'missing_account', false],
  ['400 workspace required', http(400, { detail: 'Workspace id is required' }), 'AuthenticationError', 'missing_account', false],
  ['403 of the plan lane\'s consent', http(403, coded('chatpass_v2_scope_not_authorized')), 'AuthenticationError', 'chatpass_v2_scope_not_authorized', false],
  ['403 challenge page', http(403, HTML), 'ProviderUnavailableError', 'cloudflare_challenge', true],
  ['403 with any HTML', http(403, '<html><body>hm</body></html>'), 'ProviderUnavailableError', 'cloudflare_challenge', true],
  ['503 challenge by header', http(503, '', { 'cf-mitigated': 'challenge' }), 'ProviderUnavailableError', 'cloudflare_challenge', true],
  ['403 edge block', http(403, '<html>Sorry, you have been blocked. Cloudflare Ray ID</html>'), 'AccessDeniedError', 'edge_blocked', false],
  ['403 otherwise', http(403, { detail: 'Forbidden' }), 'AccessDeniedError', 'access_denied', false],
  ['plan not eligible', http(403, coded('subscription_sharing_user_not_eligible')), 'AccessDeniedError', 'subscription_sharing_user_not_eligible', false],
  ['context_length_exceeded', terminal({ code: 'context_length_exceeded' }), 'ContextLengthError', 'context_length_exceeded', false],
  ['400 context text', http(400, { error: { message: 'Your input exceeds the context window of this model. Please adjust your input and try again.' } }), 'ContextLengthError', 'context_length_exceeded', false],
  ['400 older context text', http(400, { error: { message: "This model's maximum context length is 272000 tokens." } }), 'ContextLengthError', 'context_length_exceeded', false],
  ['content_filter', terminal({ code: 'content_filter' }), 'ContentFilterError', 'content_filter', false],
  ['cyber_policy', http(400, coded('cyber_policy')), 'ContentFilterError', 'cyber_policy', false],
  ['bio_policy', terminal({ code: 'bio_policy' }), 'ContentFilterError', 'bio_policy', false],
  ['misalignment_policy_violation', http(403, coded('misalignment_policy_violation')), 'ContentFilterError', 'misalignment_policy_violation', false],
  ['400 content filter text', http(400, { error: { message: 'The response was filtered due to the prompt triggering our content management policy.' } }), 'ContentFilterError', 'content_filter', false],
  ['invalid_encrypted_content', http(400, { error: { code: 'invalid_encrypted_content', message: 'x' } }), 'InvalidRequestError', 'invalid_encrypted_content', false],
  ['encrypted content in prose', http(400, { detail: 'The encrypted content gAAA could not be verified.' }), 'InvalidRequestError', 'invalid_encrypted_content', false],
  ['encrypted content that a model does not take', http(400, { detail: 'Encrypted content is not supported with this model.' }), 'InvalidRequestError', 'invalid_encrypted_content', false],
  ['previous_response_not_found by code', frame({ code: 'previous_response_not_found' }, 400), 'InvalidRequestError', 'previous_response_not_found', true],
  ['previous_response_not_found nested in a body', http(400, { error: { code: 'previous_response_not_found' } }), 'InvalidRequestError', 'previous_response_not_found', true],
  ['previous_response_not_found by message alone', frame({ message: "Previous response with id 'resp_1' not found." }), 'InvalidRequestError', 'previous_response_not_found', true],
  ['websocket_connection_limit_reached', frame({ code: 'websocket_connection_limit_reached' }), 'ProviderUnavailableError', 'websocket_connection_limit_reached', true],
  ['no tool output', http(400, { error: { message: 'No tool output found for function call call_1.', param: 'input' } }), 'InvalidRequestError', 'no_tool_output_found', false],
  ['no tool call', http(400, { error: { message: 'No tool call found for function call output with call_id call_1.' } }), 'InvalidRequestError', 'no_tool_call_found', false],
  ['an item that was not stored', http(404, { error: { message: "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false." } }), 'InvalidRequestError', 'item_not_found', false],
  ['an unsupported parameter', http(400, { detail: 'Unsupported parameter: safety_identifier' }), 'InvalidRequestError', 'unsupported_parameter', false],
  ['an effort that the model refuses', http(400, { error: { code: 'unsupported_value', param: 'reasoning.effort', message: "Unsupported value: 'minimal' is not supported with the 'gpt-5.9' model." } }), 'InvalidRequestError', 'unsupported_value', false],
  ['invalid_prompt', terminal({ code: 'invalid_prompt' }), 'InvalidRequestError', 'invalid_prompt', false],
  ['an image by its param', http(400, { error: { code: 'invalid_value', param: 'input[0].content[1].image_url' } }), 'InvalidRequestError', 'invalid_value', false],
  ['400 otherwise', http(400, { detail: 'Store must be set to false' }), 'InvalidRequestError', 'invalid_request', false],
  ['422 validation list', http(422, { detail: [{ loc: ['body', 'input'], msg: 'field required' }] }), 'InvalidRequestError', 'invalid_request', false],
  ['500', http(500, 'oops'), 'ProviderUnavailableError', undefined, true],
  ['502 page', http(502, '<html>bad gateway</html>'), 'ProviderUnavailableError', undefined, true],
  ['503 of the plan lane', http(503, coded('subscription_sharing_usage_unavailable')), 'ProviderUnavailableError', 'subscription_sharing_usage_unavailable', true],
  ['504', http(504), 'ProviderUnavailableError', undefined, true],
  ['a frame with status 500', frame({ code: 'internal_error' }, 500), 'ProviderUnavailableError', 'internal_error', true],
  ['408', http(408), 'StreamError', 'request_timeout', true],
  ['302', http(302), 'NotFoundError', 'redirected', false],
  ['a bare error frame', frame({}), 'StreamError', 'response_failed', true],
  ['any other failed answer', terminal({ code: 'server_error', message: 'An error occurred' }), 'StreamError', 'server_error', true],
  ['a cancelled answer', terminal({ code: 'response_cancelled' }), 'AbortError', 'response_cancelled', false],
  ['an answer stopped by the filter', terminal({ code: 'content_filter', type: 'response_incomplete' }), 'ContentFilterError', 'content_filter', false],
  ['an answer incomplete for another reason', terminal({ code: 'unknown', type: 'response_incomplete' }), 'StreamError', 'unknown', true],
  ['connection refused', transport({ kind: 'connect', phase: 'unsent', systemCode: 'ECONNREFUSED' }), 'NetworkError', 'ECONNREFUSED', true],
  ['name not found', transport({ kind: 'connect', phase: 'unsent', systemCode: 'ENOTFOUND' }), 'NetworkError', 'ENOTFOUND', true],
  ['an unknown certificate', transport({ kind: 'connect', phase: 'unsent', systemCode: 'SELF_SIGNED_CERT_IN_CHAIN' }), 'NetworkError', 'SELF_SIGNED_CERT_IN_CHAIN', false],
  ['connect timeout', transport({ kind: 'timeout', phase: 'unsent', clock: 'connect' }), 'NetworkError', 'connect_timeout', true],
  ['silence before the first event', transport({ kind: 'timeout', phase: 'sent', clock: 'first_frame' }), 'LLMTimeoutError', 'first_event_timeout', true],
  ['silence later', transport({ kind: 'timeout', clock: 'idle' }), 'LLMTimeoutError', 'idle_timeout', true],
  ['the total limit', transport({ kind: 'timeout', clock: 'total' }), 'LLMTimeoutError', 'total_timeout', true],
  ['a reset', transport({ kind: 'cut', systemCode: 'ECONNRESET' }), 'StreamError', 'ECONNRESET', true],
  ['an end before the terminal', transport({ kind: 'cut' }), 'StreamError', 'stream_cut', true],
  ['the caller\'s abort', transport({ kind: 'aborted' }), 'AbortError', 'aborted', false],
  ['close 1009 before any answer', transport({ kind: 'closed', closeCode: 1009, phase: 'sent' }), 'InvalidRequestError', 'message_too_big', false],
  ['close 1009 in mid-answer', transport({ kind: 'closed', closeCode: 1009, phase: 'answering' }), 'StreamError', 'close_1009', true],
  ...[1006, 1008, 1011, 1012, 1013, 4000].map((code): [string, WireFailure, string, string, boolean] =>
    [`close ${code}`, transport({ kind: 'closed', closeCode: code }), 'StreamError', `close_${code}`, true]),
  ['a close that names its reason', transport({ kind: 'closed', closeCode: 4000, closeReason: 'websocket_connection_limit_reached' }), 'ProviderUnavailableError', 'websocket_connection_limit_reached', true],
  ['an upgrade that was refused', transport({ kind: 'refused', status: 401, body: '{"detail":"Unauthorized"}' }), 'AuthenticationError', 'unauthorized', false],
  ['a page instead of events', transport({ kind: 'content', status: 200, body: '<html>hotel wifi</html>', headers: { 'content-type': 'text/html' } }), 'ProviderUnavailableError', 'unexpected_content', true],
  ['an error object instead of events', transport({ kind: 'content', status: 200, body: body(coded('insufficient_quota')) }), 'QuotaExceededError', 'insufficient_quota', false],
  ['a frame over the limit', transport({ kind: 'content', systemCode: 'ERR_FRAME_TOO_LARGE' }), 'StreamError', 'frame_too_big', true],
  ['bytes that are no answer', transport({ kind: 'content', phase: 'sent' }), 'StreamError', 'unreadable_answer', true],
]

describe('every row of the contract\'s table', () => {
  test.each(table)('%s', (_title, failure, name, code, retryable, retryAfter) => {
    const error = map(failure)
    expect({ name: error.name, code: error.code, retryable: error.retryable }).toEqual({ name, code, retryable })
    expect(error.retry_after).toBe(retryAfter)
    expect(error.status_code).toBe(failure.status)
    expect(error).toMatchObject({ provider: 'openai-chatgpt', model: 'gpt-5.9' })
    expect(error.words).toMatch(/\. [A-Z][^\n]*[a-z".…]$/)
  })
})

describe('what an error says', () => {
  test('one sentence of what happened, with the request id, and one of what to do', () => {
    const error = map(http(429, { error: { type: 'usage_limit_reached', message: 'The usage limit has been reached', resets_in_seconds: 3600 } }, { 'x-request-id': 'req_1' }))
    expect(error.message).toBe(
      'The quota of this account is used up (HTTP 429, usage_limit_reached, request id req_1): The usage limit has been reached. ' +
      'It is renewed at 2026-11-20T13:00:00.000Z; until then use another model. [usage_limit_reached]')
    expect(error.request_id).toBe('req_1')
  })

  test.each([
    ['x-request-id', { 'x-request-id': 'a1', 'cf-ray': 'c3' }, 'a1'], ['x-oai-request-id', { 'x-oai-request-id': 'b2', 'cf-ray': 'c3' }, 'b2'], ['cf-ray', { 'cf-ray': 'c3-FRA' }, 'c3-FRA'],
  ])('takes the request id from %s', (_name, headers, id) => expect(map(http(500, '', headers)).request_id).toBe(id))

  test('a model that is not there is answered with the nearest one', () => {
    const error = map(http(404), { model: 'gpt-5.6-sool', availableModels: ['gpt-5.5', 'gpt-5.6-sol', 'gpt-6-luna'] })
    expect(error.message).toContain('Nearest available: "gpt-5.6-sol". Available: gpt-5.5, gpt-5.6-sol, gpt-6-luna.')
  })

  test('a refused sign-in names the command to run, a refused key does not', () => {
    expect(map(http(401)).message).toContain('amplifier-chatgpt login')
    expect(map(http(401), { signInCommand: 'amplifier-chatgpt login --account work' }).message).toContain('login --account work')
    expect(map(http(401), { lane: 'api_key' }).message).toContain('Check the configured API key.')
  })

  test('overload asks for patience', () => expect(map(http(503, coded('server_is_overloaded'))).delay_multiplier).toBeGreaterThan(1))

  test('the wire is quoted in one line, bounded, without controls and without what looks like a secret', () => {
    const token = `eyJhbGciOiJSUzI1NiJ9.${'x'.repeat(40)}.${'y'.repeat(40)}`
    const text = `first\u0000\u001b[31m\nsecond \u202e Bearer abc.def ${token} sk-proj-abcdefghijkl ${'z'.repeat(90)} ${'long '.repeat(500)}`
    const { message } = map(http(400, { error: { message: text } }))
    expect(message).not.toMatch(/[\u0000-\u001f\u202e]/)
    expect(message).not.toContain('eyJ')
    expect(message).not.toContain('abc.def')
    expect(message).not.toContain('sk-proj')
    expect(message).not.toContain('zzzz')
    expect(message.length).toBeLessThan(600)
    expect(message).toContain('first [31m second')
  })

  test('a body is never shown, neither in the message nor when the error is inspected', () => {
    const canary = 'CANARY-made-up-0123456789'
    const failure = fromTransportFailure(new TransportFailure('refused', {
      kind: 'refused', phase: 'answering', status: 500, body: `<html>${canary}</html>`, headers: { 'set-cookie': canary },
    }))
    expect(failure).toMatchObject({ source: 'http', status: 500 })
    for (const body of [canary, `{"prompt":"${canary}"}`, `<html>${canary}</html>`]) {
      const error = map({ ...failure, body })
      expect(`${error.message} ${inspect(error, { depth: 9 })} ${JSON.stringify(describeError(error))} ${JSON.stringify(error)}`).not.toContain(canary)
    }
  })

  test('what had come goes with the error and is not printed with it', () => {
    const partial: ChatResponse = { content: [{ type: 'text', text: 'half an ans' }] }
    const error = map(transport({ kind: 'cut' }), { partial })
    expect(error.partial).toBe(partial)
    expect(inspect(error)).not.toContain('half an ans')
  })
})

describe('after output a broken answer is a stream failure, whatever broke it', () => {
  const partial: ChatResponse = { content: [{ type: 'text', text: 'x' }] }
  test.each<[string, WireFailure, string, boolean]>([
    ['a rate limit', terminal({ code: 'rate_limit_exceeded', message: 'try again in 2 s' }), 'StreamError', true],
    ['overload', terminal({ code: 'server_is_overloaded' }), 'StreamError', true],
    ['a server error', frame({}, 500), 'StreamError', true],
    ['a used-up quota, which stays what it is', frame({ code: 'usage_limit_reached' }, 429), 'QuotaExceededError', false],
    ['a content filter, which stays what it is', terminal({ code: 'content_filter' }), 'ContentFilterError', false],
    ['an abort, which stays what it is', transport({ kind: 'aborted' }), 'AbortError', false],
  ])('%s', (_title, failure, name, retryable) => {
    expect(map(failure, { partial })).toMatchObject({ name, retryable, code: map(failure).code })
    expect(map(failure, { sawOutput: true })).toMatchObject({ name, retryable })
    expect(map(failure, { partial, sawOutput: false })).toMatchObject({ name: map(failure).name })
    expect(map(failure, { partial: { content: [{ type: 'thinking', thinking: '', content: ['gAAA'] }] } })).toMatchObject({ name: map(failure).name })
  })
})

describe('how long to wait', () => {
  test.each<[string, Record<string, string>, string, number | undefined]>([
    ['seconds', { 'retry-after': '12' }, '', 12], ['milliseconds', { 'retry-after-ms': '1500', 'retry-after': '9' }, '', 1.5],
    ['a date gone by', { 'retry-after': new Date(now - 5000).toUTCString() }, '', 0], ['nonsense', { 'retry-after': 'soon' }, '', undefined],
    ['a negative number', { 'retry-after': '-5' }, '', undefined], ['an empty value', { 'retry-after': '' }, '', undefined],
    ['a decimal in prose', {}, 'Please try again in 1.5 s.', 1.5], ['milliseconds in prose', {}, 'TRY AGAIN IN 28ms', 0.028],
    ['several units', {}, 'try again in 1m30s or so', 90], ['words', {}, 'try again in 2 hours and 5 minutes.', 7500],
    ['a day', {}, 'Try again in 1 day', 86_400], ['no unit', {}, 'try again in a moment', undefined],
    ['the header before the prose', { 'retry-after': '3' }, 'try again in 60 s', 3],
  ])('%s', (_title, headers, message, expected) =>
    expect(map(http(429, { error: { message, code: 'rate_limit_exceeded' } }, headers)).retry_after).toBe(expected))
})

describe('a used-up quota says when it is renewed', () => {
  const limit = (error: object, headers: Record<string, string> = {}) => readUsageLimit(http(429, { error: { type: 'usage_limit_reached', ...error } }, headers), now)

  test('by the error itself', () => {
    expect(limit({ plan_type: 'plus', resets_at: now / 1000 + 60, limit_window_minutes: 300 }, { 'x-codex-active-limit': 'premium' }))
      .toEqual({ limitId: 'premium', planType: 'plus', resetsAtMs: now + 60_000, windowMinutes: 300 })
    expect(limit({ resets_in_seconds: 30 })).toEqual({ resetsAtMs: now + 30_000 })
    expect(limit({ resets_at: String(now / 1000 + 5) })).toEqual({ resetsAtMs: now + 5000 })
  })

  test('by the headers of the longest window that is full', () => {
    const window = (slot: string, used: string, minutes: string, reset: object) => ({ [`x-codex-${slot}-used-percent`]: used, [`x-codex-${slot}-window-minutes`]: minutes, ...reset })
    const headers = {
      ...window('primary', '100.0', '300', { 'x-codex-primary-reset-at': String(now / 1000 + 100) }),
      ...window('secondary', '100', '10080', { 'x-codex-secondary-reset-after-seconds': '5000' }), 'x-codex-plan-type': 'pro',
    }
    expect(limit({}, headers)).toEqual({ planType: 'pro', resetsAtMs: now + 5_000_000, windowMinutes: 10_080 })
    expect(limit({}, { ...headers, 'x-codex-secondary-used-percent': '40' })).toEqual({ planType: 'pro', resetsAtMs: now + 100_000, windowMinutes: 300 })
    expect(limit({}, { 'x-codex-primary-used-percent': '', 'x-codex-primary-reset-at': '' })).toEqual({})
  })

  test('by the limit that is named, in a frame as over HTTP', () => {
    const headers = { 'x-codex-active-limit': 'codex_bengalfox', 'x-codex-bengalfox-primary-used-percent': '100', 'x-codex-bengalfox-primary-reset-at': String(now / 1000 + 7) }
    expect(readUsageLimit({ source: 'frame', status: 429, error: { type: 'usage_limit_reached' }, headers }, now)).toEqual({ limitId: 'codex_bengalfox', resetsAtMs: now + 7000 })
  })

  test('another failure has none', () => expect(readUsageLimit(http(429), now)).toBeUndefined())
})

test(`every failure there can be becomes one of the family (seed ${SEED})`, () => {
  const json = fc.jsonValue({ maxDepth: 2 })
  const shape = fc.oneof(json, fc.record({ error: fc.record({ code: json, type: json, message: json, param: json, resets_at: json, resets_in_seconds: json }, { requiredKeys: [] }) }), fc.record({ detail: json }))
  const failure = fc.record({
    source: fc.constantFrom('http' as const, 'frame' as const, 'terminal' as const, 'transport' as const),
    status: fc.integer({ min: 100, max: 599 }), headers: fc.dictionary(fc.constantFrom('retry-after', 'x-request-id', 'x-error-json', 'content-type', 'x-codex-active-limit'), fc.string()),
    body: fc.oneof(fc.string(), shape.map((value) => JSON.stringify(value))), error: shape,
    kind: fc.constantFrom('refused' as const, 'connect' as const, 'cut' as const, 'closed' as const, 'timeout' as const, 'aborted' as const, 'content' as const),
    clock: fc.string(), closeCode: fc.integer(), closeReason: fc.string(), systemCode: fc.string(), message: fc.string(),
  }, { requiredKeys: ['source'] })
  fc.assert(fc.property(failure, (one) => {
    const error = map(one, { availableModels: ['a', 'b'] })
    if (!isLLMError(error) || error.message.length > 1000 || /\n/.test(error.message)) throw new Error(error.message)
    if (error.retry_after !== undefined && !(error.retry_after >= 0)) throw new Error(`retry_after ${error.retry_after}`)
  }), { seed: SEED, numRuns: cases(1500) })
})

test('a hostile megabyte of prose costs little', async () => {
  const { cpuMs } = await measureCpu(() => {
    for (const word of ['model ', 'workspace ', 'encrypted_content ', 'try again in 1', 'eyJ', 'image ', '<html ', 'a'])
      map(http(400, { error: { message: word.repeat(1e6 / word.length) } }))
  })
  expect(cpuMs).toBeLessThan(1500)
})
