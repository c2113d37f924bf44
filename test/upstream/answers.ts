/** The Python module's tests of answers, their events and their failures. */
import { expect } from 'vitest'
import { TOOL } from '../support/mounted.js'
import { added, call, callItem, completed, delta, done, failed, messageItem, onTwin, played, say, type Exchange, type Trial } from './rows.js'

const hear = (...events: unknown[]): Promise<Exchange> => call({ ...say('x'), tools: [TOOL] }, { replies: [played(...events)] })
const refused = (status: number, body: unknown = {}, headers: Record<string, string> = {}): Promise<Exchange> => call(say('x'), { replies: [{ status, body, headers }] })
const TEXT = [added(messageItem()), delta('Hello '), delta('there'), done(messageItem('Hello there')), completed()]
const names = ({ events }: Exchange) => events.map(({ event }) => event)
const named = ({ events }: Exchange, name: string) => events.filter(({ event }) => event === name).map(({ data }) => data)
const stream = (exchange: Exchange) => exchange.events.filter(({ event }) => event.startsWith('llm:stream_'))
const THOUGHT = { id: 'rs_1', type: 'reasoning', summary: [] }
const think = (type: string) => hear(added(THOUGHT), { ...delta('Let me see.', type), item_id: 'rs_1' }, done(THOUGHT), added(messageItem(), 1), done(messageItem('Yes.'), 1), completed())

export const ANSWERS: readonly Trial[] = [
  { file: 'sse', verdict: 'same', tests: 'simple_text_output_text_type text_content_type usage_from_response_done response_id_and_model_from_response_created response_id_and_model_from_response_done non_data_lines_skipped',
    show: async () => {
      const { text, answer } = await hear(...TEXT)
      expect([text, answer?.usage?.input_tokens, answer?.usage?.output_tokens, answer?.metadata?.['response_id']]).toEqual(['Hello there', 3, 2, 'resp_1'])
      expect((await hear(done({ ...messageItem(), content: [{ type: 'text', text: 'older' }] }), completed({}, 'response.done'))).text).toBe('older')
      const { text: commented } = await call(say('x'), { replies: [{ text: 'hi', heartbeatMs: 1, firstEventDelayMs: 20 }] })
      expect(commented).toBe('hi')
    } },
  { file: 'sse', verdict: 'same', tests: 'function_call_accumulation function_call_uses_id_fallback mixed_text_and_tools',
    show: async () => {
      const { answer } = await hear(done(messageItem('Reading.')), done(callItem(), 1), completed())
      expect(answer?.content).toMatchObject([{ type: 'text', text: 'Reading.' }, { type: 'tool_call', id: 'call_1', name: 'read_file', input: { path: 'a' } }])
      const { answer: other } = await hear(done(callItem({ call_id: undefined })), completed())
      expect(other?.content).toMatchObject([{ type: 'tool_call', id: 'fc_1' }])
    } },
  { file: 'sse', verdict: 'otherwise', tests: 'malformed_json_skipped done_sentinel_stops_parsing empty_lines_list',
    show: async () => {
      expect((await call(say('x'), { replies: [{ text: 'some words', malformedAfterEvents: 4 }] })).error).toMatchObject({ name: 'StreamError', code: 'malformed_event' })
      expect((await call(say('x'), { replies: [{ events: [], trailing: 'data: [DONE]\n\n', endBody: true, cutAfterEvents: 0 }] })).error).toMatchObject({ name: 'StreamError' })
      expect((await call(say('x'), { replies: [{ events: [] }] })).error).toMatchObject({ name: 'StreamError', code: 'stream_cut' })
    } },
  { file: 'sse', verdict: 'otherwise', tests: 'multiple_text_parts_concatenated',
    show: async () => { expect((await hear(done(messageItem('one', 'two')), completed())).answer?.content).toMatchObject([{ text: 'one' }, { text: 'two' }]) } },
  { file: 'sse', verdict: 'otherwise', tests: 'raw_events_populated raw_events_empty_when_collect_raw_false',
    show: async () => {
      const raw = async (on: boolean) => named(await call(say('x'), { config: { raw: on }, replies: [played(...TEXT)] }), 'llm:response')[0]?.['raw']
      expect([await raw(true), await raw(false)]).toMatchObject([{ content: [{ text: 'Hello there' }] }, undefined])
    } },
  { file: 'sse', verdict: 'same', tests: 'error_event_raises_sse_error response_failed_raises_sse_error sse_error_has_message_attribute sse_error_has_code_attribute sse_error_has_event_type_attribute response_failed_event_type_attribute error_event_no_error_detail response_failed_no_error_detail',
    show: async () => {
      for (const event of [{ type: 'error', error: { code: 'server_error', message: 'It broke.' } }, failed({ code: 'server_error', message: 'It broke.' })]) {
        const { error } = await hear(event)
        expect([error?.code, error?.message]).toEqual(['server_error', expect.stringContaining('It broke.')])
      }
      for (const event of [{ type: 'error' }, failed(undefined)]) expect((await hear(event)).error).toBeDefined()
    } },
  { file: 'sse', verdict: 'otherwise', tests: 'response_incomplete_raises_sse_error response_incomplete_event_type_attribute',
    show: async () => {
      const { text, requests } = await call(say('x'), { replies: [{ text: 'the first half', incomplete: 'max_output_tokens' }, { text: ', the second' }] })
      expect([text, requests.length]).toEqual(['the first half, the second', 2])
    } },
  { file: 'streaming', verdict: 'same', tests: 'stream_text_block_events_in_order stream_block_start_payload stream_block_end_payload stream_delta_sequence_is_per_block stream_single_request_id_for_all_events',
    show: async () => {
      const events = stream(await hear(...TEXT))
      expect(events.map(({ event, data }) => [event, data['block_index'], data['block_type'], data['sequence']])).toEqual([
        ['llm:stream_block_start', 0, 'text', undefined], ['llm:stream_block_delta', 0, 'text', 0], ['llm:stream_block_delta', 0, 'text', 1], ['llm:stream_block_end', 0, 'text', undefined],
      ])
      expect(new Set(events.map(({ data }) => data['request_id'])).size).toBe(1)
    } },
  { file: 'streaming', verdict: 'same', tests: 'stream_thinking_delta_from_reasoning_summary stream_thinking_block_start_is_thinking_type stream_reasoning_text_delta_maps_to_thinking',
    show: async () => {
      for (const type of ['response.reasoning_summary_text.delta', 'response.reasoning_text.delta']) {
        const [start, first] = stream(await think(type))
        expect([start?.data['block_type'], first?.event, first?.data['block_type'], first?.data['text']]).toEqual(['thinking', 'llm:stream_block_delta', 'thinking', 'Let me see.'])
      }
    } },
  { file: 'streaming', verdict: 'same', tests: 'stream_tool_use_block_start_has_name stream_tool_use_no_arg_deltas stream_tool_use_block_end_emitted',
    show: async () => {
      const events = stream(await hear(added(callItem({ arguments: '' })), { type: 'response.function_call_arguments.delta', item_id: 'fc_1', output_index: 0, delta: '{"path":"a"}' }, done(callItem()), completed()))
      expect(events.map(({ event, data }) => [event, data['block_type'], data['name']])).toEqual([['llm:stream_block_start', 'tool_use', 'read_file'], ['llm:stream_block_end', 'tool_use', expect.anything()]].map(([event, kind, name]) => [event, kind, event === 'llm:stream_block_start' ? name : undefined]))
    } },
  { file: 'streaming', verdict: 'same', tests: 'stream_disabled_via_metadata_no_stream_events stream_disabled_via_metadata_still_emits_llm_events stream_override_uses_identity_check_not_truthiness stream_disabled_via_config',
    show: async () => {
      const quiet = await call({ ...say('x'), metadata: { stream: false } })
      expect([stream(quiet), names(quiet).filter((name) => name === 'llm:request' || name === 'llm:response')]).toEqual([[], ['llm:request', 'llm:response']])
      expect(stream(await call({ ...say('x'), metadata: { stream: 0 } }))).not.toEqual([])
      expect(stream(await call(say('x'), { config: { use_streaming: false } }))).toEqual([])
    } },
  { file: 'streaming', verdict: 'same', tests: 'stream_aborted_after_partial_emit stream_no_abort_when_no_delta_emitted',
    show: async () => {
      const aborted = async (...before: object[]) => named(await hear(...before, { type: 'error', error: { code: 'server_error', message: 'broke' } }), 'llm:stream_aborted').length
      expect([await aborted(added(messageItem()), delta('Hel')), await aborted()]).toEqual([1, 0])
    } },
  { file: 'streaming', verdict: 'same', tests: 'stream_empty_delta_not_emitted',
    show: async () => { expect(named(await hear(added(messageItem()), delta(''), delta('real'), done(messageItem('real')), completed()), 'llm:stream_block_delta').map(({ text }) => text)).toEqual(['real']) } },
  { file: 'streaming', verdict: 'same', tests: 'no_coordinator_no_stream_events',
    show: async () => {
      const { createModule } = await import('../../src/index.js')
      expect(typeof createModule().mount).toBe('function')
      expect((await call(say('x'))).text).toBe('You said: x')
    } },
  { file: 'provider', verdict: 'same', tests: 'simple_text_completion_content simple_text_completion_usage simple_text_completion_finish_reason_stop',
    show: async () => { expect((await hear(...TEXT)).answer).toMatchObject({ content: [{ type: 'text', text: 'Hello there' }], usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 }, finish_reason: 'stop' }) } },
  { file: 'provider', verdict: 'same', tests: 'tool_call_response_name tool_call_response_id tool_call_response_arguments_dict tool_call_response_finish_reason_tool_calls tool_call_arguments_fallback_on_bad_json',
    show: async () => {
      const { answer } = await hear(done(callItem()), completed())
      expect(answer).toMatchObject({ content: [{ id: 'call_1', name: 'read_file', input: { path: 'a' } }], finish_reason: 'tool_calls' })
      expect((await hear(done(callItem({ arguments: 'not json' })), completed())).answer?.content).toMatchObject([{ type: 'tool_call', name: 'read_file' }])
    } },
  { file: 'provider', verdict: 'same', tests: 'emits_llm_request_event_provider emits_llm_request_event_message_count emits_llm_response_event_status_ok emits_llm_response_event_duration_ms emits_llm_response_event_provider non_raw_mode_request_no_payload completion_and_response_hook_report_the_same_usage_once',
    show: async () => {
      const exchange = await hear(...TEXT)
      expect(named(exchange, 'llm:request')).toMatchObject([{ provider: 'openai-chatgpt', message_count: 1 }])
      expect(named(exchange, 'llm:request')[0]).not.toHaveProperty('raw')
      const responses = named(exchange, 'llm:response')
      expect(responses).toMatchObject([{ provider: 'openai-chatgpt', status: 'ok', duration_ms: expect.any(Number) as number, usage: { input_tokens: exchange.answer?.usage?.input_tokens, output_tokens: exchange.answer?.usage?.output_tokens } }])
    } },
  { file: 'provider', verdict: 'same', tests: 'raw_mode_request_event_includes_payload',
    show: async () => { expect(JSON.stringify(named(await call(say('shown'), { config: { raw: true } }), 'llm:request')[0]?.['raw'])).toContain('shown') } },
  { file: 'provider', verdict: 'otherwise', tests: 'raw_mode_response_event_includes_raw_events',
    show: async () => { expect(named(await call(say('x'), { config: { raw: true } }), 'llm:response')[0]?.['raw']).toHaveProperty('content') } },
  { file: 'provider', verdict: 'same', tests: 'sse_error_event_emits_error_status_then_raises partial_sse_context_error_uses_code_and_aborts_once partial_non_object_response_error_aborts_once non_object_response_error_before_delta_stops_observing non_string_sse_error_code_stays_generic sse_content_filter_error_remains_content_filter_error sse_rate_limit_error_mapped',
    show: async () => {
      const opened = [added(messageItem()), delta('Hel')]
      const context = await hear(...opened, failed({ code: 'context_length_exceeded', message: 'neutral' }))
      expect([context.error?.name, named(context, 'llm:stream_aborted').length, named(context, 'llm:response')[0]?.['status']]).toEqual(['ContextLengthError', 1, 'error'])
      const odd = await hear(...opened, failed('just words'))
      expect([odd.error?.name, named(odd, 'llm:stream_aborted').length]).toEqual(['StreamError', 1])
      const early = await hear(failed('just words'), delta('late'))
      expect([early.error === undefined, stream(early)]).toEqual([false, []])
      expect((await hear(failed({ code: 429, message: 'x' }))).error?.name).not.toBe('RateLimitError')
      expect((await hear(failed({ code: 'content_filter', message: 'x' }))).error?.name).toBe('ContentFilterError')
      expect((await hear(failed({ code: 'rate_limit_exceeded', message: 'x' }))).error?.name).toBe('RateLimitError')
    } },
  { file: 'provider', verdict: 'otherwise', tests: 'sse_error_mapped',
    show: async () => { expect((await hear(failed({ code: 'server_error', message: 'x' }))).error).toMatchObject({ name: 'StreamError', retryable: true }) } },
  { file: 'provider', verdict: 'same', tests: '401_raises_auth_error 401_retry_succeeds 401_retry_fails_twice 401_retry_refresh_fails',
    show: async () => {
      const no = { status: 401, body: { error: { code: 'token_expired', message: 'expired' } } }
      const once = await call(say('x'), { replies: [no] })
      expect([once.text, once.requests.length]).toEqual(['You said: x', 2])
      const twice = await call(say('x'), { replies: [no, no] })
      expect([twice.error?.name, twice.requests.length]).toEqual(['AuthenticationError', 2])
      await onTwin({}, async ({ provider, twin }) => {
        twin.enqueue(no)
        twin.enqueueRefresh({ error: 'invalid_grant' })
        await expect(provider.complete(say('x'))).rejects.toMatchObject({ name: 'AuthenticationError' })
      })
    } },
  { file: 'provider', verdict: 'same', tests: '429_raises_rate_limit 429_extracts_retry_after_header 500_raises_provider_unavailable cloudflare_403_detected real_403_not_cloudflare 400_generic_bad_request 400_malformed_json_without_context_words_is_invalid_request',
    show: async () => {
      expect((await refused(429, { error: { message: 'slow' } }, { 'retry-after': '7' })).error).toMatchObject({ name: 'RateLimitError', retry_after: 7 })
      expect((await refused(500)).error).toMatchObject({ name: 'ProviderUnavailableError' })
      expect((await refused(403, '<html>Just a moment... cloudflare</html>', { 'content-type': 'text/html', 'cf-mitigated': 'challenge' })).error).toMatchObject({ name: 'ProviderUnavailableError', retryable: true })
      expect((await refused(403, { error: { message: 'no' } })).error).toMatchObject({ name: 'AccessDeniedError' })
      expect((await refused(400, { error: { message: 'bad' } })).error).toMatchObject({ name: 'InvalidRequestError' })
      expect((await refused(400, '{not json')).error).toMatchObject({ name: 'InvalidRequestError' })
    } },
  { file: 'provider', verdict: 'same', tests: '400_context_length_error 400_context_length_code_with_neutral_message 400_content_filter_error',
    show: async () => {
      expect((await refused(400, { error: { message: 'This exceeds the context length of the model.' } })).error?.name).toBe('ContextLengthError')
      expect((await refused(400, { error: { code: 'context_length_exceeded', message: 'neutral' } })).error?.name).toBe('ContextLengthError')
      expect((await refused(400, { error: { code: 'content_filter', message: 'content policy' } })).error?.name).toBe('ContentFilterError')
    } },
  { file: 'provider', verdict: 'otherwise', tests: '400_unknown_code_with_context_words_is_not_a_context_error',
    show: async () => { expect((await refused(400, { error: { code: 'other_code', message: 'too long for the context length' } })).error?.name).toBe('ContextLengthError') } },
  { file: 'provider', verdict: 'same', tests: 'transport_error_mapped',
    show: async () => { expect((await call(say('x'), { replies: [{ text: 'x', reset: true }] })).error?.name).toMatch(/^(NetworkError|ProviderUnavailableError|StreamError)$/) } },
  { file: 'provider', verdict: 'same', tests: 'timeout_mapped',
    show: async () => { expect((await call({ ...say('x'), timeout: 0.05 }, { replies: [{ text: 'x', stallAfterEvents: 2 }] })).error).toMatchObject({ name: 'LLMTimeoutError', code: 'idle_timeout' }) } },
  { file: 'provider', verdict: 'otherwise', tests: 'non_401_not_retried',
    show: async () => { expect((await call(say('x'), { config: { max_retries: 1 }, replies: [{ status: 503, body: {} }] })).requests).toHaveLength(2) } },
  { file: 'model_waiting', verdict: 'same', tests: 'connection_failure_and_explicit_timeout_still_end_model_work',
    show: async () => {
      const cut = await call(say('x'), { config: { max_retries: 4 }, replies: [{ text: 'some words', cutAfterEvents: 4 }] })
      const silent = await call({ ...say('x'), timeout: 0.05 }, { config: { max_retries: 4 }, replies: [{ text: 'some words', stallAfterEvents: 4 }] })
      expect([cut, silent].map(({ error, requests }) => [error?.name, requests.length])).toEqual([['StreamError', 1], ['LLMTimeoutError', 1]])
    } },
  { file: 'model_waiting', verdict: 'same', tests: 'explicit_cancellation_closes_pending_stream_without_retry',
    show: async () => { await cancelOne() } },
  { file: 'wait_policy', verdict: 'same', tests: 'user_cancellation_does_not_retry',
    show: async () => { await cancelOne() } },
  { file: 'model_waiting', verdict: 'otherwise', tests: 'invalid_explicit_request_timeout_rejected',
    show: async () => { for (const timeout of [Infinity, Number.NaN, -1]) expect((await call({ ...say('x'), timeout })).text).toBe('You said: x') } },
  { file: 'model_waiting', verdict: 'same', tests: 'explicit_request_limit_or_none_overrides_provider_default',
    show: async () => {
      const slow = { text: 'late', stallAfterEvents: 2, stallMs: 250 }
      expect((await call(say('x'), { config: { timeout: 0.1 }, replies: [slow] })).error?.code).toBe('idle_timeout')
      expect((await call({ ...say('x'), timeout: 5 }, { config: { timeout: 0.1 }, replies: [slow] })).text).toBe('late')
      expect((await call({ ...say('x'), timeout: null }, { config: { timeout: 0.1 }, replies: [slow] })).text).toBe('late')
    } },
]

/** In process the contract's `llm:response` knows `ok` and `error`; the Python package says `cancelled` there (`cancel_ends_the_turn_and_its_events`). */
async function cancelOne(): Promise<void> {
  await onTwin({ config: { max_retries: 4 } }, async ({ provider, twin, host, events }) => {
    twin.enqueue({ text: 'a long answer', deltaChars: 1, stallAfterEvents: 6 })
    const calling = provider.complete(say('x')).catch((error: Error) => error.name)
    await expect.poll(() => events.some(({ event }) => event === 'llm:stream_block_delta')).toBe(true)
    await host.cancel('immediate')
    expect(await calling).toBe('AbortError')
    await expect.poll(() => twin.responses()[0]?.ended).toBe('client_gone')
    expect([twin.responses().length, events.filter(({ event }) => event === 'llm:stream_aborted').length, events.filter(({ event }) => event === 'llm:response').map(({ data }) => data['status'])]).toEqual([1, 1, ['error']])
  })
}
