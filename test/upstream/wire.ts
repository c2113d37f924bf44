/** The Python module's tests of what it sends. */
import { expect } from 'vitest'
import { TOOL } from '../support/mounted.js'
import { call, mountFails, onTwin, say, type Trial } from './rows.js'

const inputOf = async (request: object) => (await call(request)).body.input
const SYSTEM = { messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'hello' }] }
const pro = async (reasoning_effort: unknown, model = 'gpt-5.5-pro') =>
  (await call({ ...say('x'), ...(reasoning_effort === undefined ? {} : { reasoning_effort }) }, { config: { default_model: model } })).body['reasoning']

export const WIRE: readonly Trial[] = [
  { file: 'provider', verdict: 'same', tests: 'basic_structure_stream_true basic_structure_store_false basic_structure_uses_input_not_messages basic_structure_has_model',
    show: async () => {
      const { body } = await call(say('hi'), { config: { default_model: 'gpt-5.4' } })
      expect(body).toMatchObject({ stream: true, store: false, model: 'gpt-5.4', input: [{ role: 'user' }] })
      expect(body).not.toHaveProperty('messages')
    } },
  { file: 'provider', verdict: 'otherwise', tests: 'basic_structure_no_rejected_params',
    show: async () => {
      const { body } = await call({ ...say('hi'), max_output_tokens: 1000, temperature: 0.7 })
      for (const field of ['max_output_tokens', 'temperature', 'truncation']) expect(body).not.toHaveProperty(field)
      expect(body).toMatchObject({ include: ['reasoning.encrypted_content'], parallel_tool_calls: true })
    } },
  { file: 'provider', verdict: 'same', tests: 'system_message_becomes_instructions system_message_not_in_input',
    show: async () => {
      const { body } = await call(SYSTEM)
      expect([body['instructions'], body.input.map(({ role }) => role)]).toEqual(['Be brief.', ['user']])
    } },
  { file: 'provider', verdict: 'same', tests: 'fast_suffix_stripped_from_model fast_suffix_adds_priority_service_tier',
    show: async () => { expect((await call(say('x'), { config: { default_model: 'gpt-5.4-fast' } })).body).toMatchObject({ model: 'gpt-5.4', service_tier: 'priority' }) } },
  { file: 'provider', verdict: 'same', tests: 'non_fast_model_no_service_tier request_model_overrides_default',
    show: async () => {
      const { body } = await call({ ...say('x'), model: 'gpt-5.4' })
      expect([body['model'], 'service_tier' in body]).toEqual(['gpt-5.4', false])
    } },
  { file: 'provider', verdict: 'same', tests: 'request_model_fast_overrides_with_service_tier',
    show: async () => { expect((await call({ ...say('x'), model: 'gpt-5.4-fast' })).body).toMatchObject({ model: 'gpt-5.4', service_tier: 'priority' }) } },
  { file: 'provider', verdict: 'same', tests: 'tools_converted_to_responses_api_format tools_adds_tool_choice_auto',
    show: async () => { expect((await call({ ...say('x'), tools: [TOOL] })).body).toMatchObject({ tools: [{ type: 'function', name: TOOL.name, description: TOOL.description, parameters: TOOL.parameters }], tool_choice: 'auto' }) } },
  { file: 'provider', verdict: 'same', tests: 'no_tools_no_tool_choice',
    show: async () => { expect((await call(say('x'))).body).not.toHaveProperty('tool_choice') } },
  { file: 'provider', verdict: 'same', tests: 'user_message_string_content_converted user_message_text_block_content_converted',
    show: async () => {
      const wanted = [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] }]
      expect(await inputOf(say('hello'))).toEqual(wanted)
      expect(await inputOf({ messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }] })).toEqual(wanted)
    } },
  { file: 'provider', verdict: 'same', tests: 'tool_result_converted_to_function_call_output assistant_tool_call_converted_to_function_call',
    show: async () => {
      const messages = [
        { role: 'user', content: 'x' }, { role: 'assistant', content: [{ type: 'tool_call', id: 'call_1', name: 'read_file', input: { path: 'a' } }] },
        { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'tool_result', tool_call_id: 'call_1', output: 'text of a' }] },
      ]
      expect((await inputOf({ messages, tools: [TOOL] })).slice(1)).toMatchObject([
        { type: 'function_call', call_id: 'call_1', name: 'read_file', arguments: '{"path":"a"}' }, { type: 'function_call_output', call_id: 'call_1', output: 'text of a' },
      ])
    } },
  { file: 'provider', verdict: 'otherwise', tests: 'reasoning_effort_adds_reasoning_block no_reasoning_effort_no_reasoning_block',
    show: async () => {
      expect((await call({ ...say('x'), reasoning_effort: 'high' })).body['reasoning']).toEqual({ effort: 'high', summary: 'auto' })
      expect((await call(say('x'))).body['reasoning']).toEqual({ effort: 'medium', summary: 'auto' })
    } },
  { file: 'provider', verdict: 'same', tests: 'authorization_header chatgpt_account_id_header content_type_header accept_header',
    show: async () => {
      expect((await call(say('x'))).headers).toMatchObject({
        authorization: expect.stringMatching(/^Bearer /) as string, 'chatgpt-account-id': 'acct_twin', 'content-type': 'application/json', accept: 'text/event-stream',
      })
    } },
  { file: 'provider', verdict: 'otherwise', tests: 'openai_beta_header openai_originator_header all_six_fields_present',
    show: async () => {
      const { headers } = await call(say('x'))
      expect([headers['originator'], 'openai-beta' in headers, 'openai-originator' in headers]).toEqual(['amplifier', false, false])
    } },
  { file: 'provider', verdict: 'otherwise', tests: 'rejects_low_effort dict_form_low mount_config_effort_respects_gpt_5_5_pro_floor',
    show: async () => {
      expect(await pro('low')).toMatchObject({ effort: 'medium' })
      expect((await call(say('x'), { config: { default_model: 'gpt-5.5-pro', reasoning_effort: 'low' } })).body['reasoning']).toMatchObject({ effort: 'medium' })
    } },
  { file: 'provider', verdict: 'otherwise', tests: 'rejects_none_effort_string dated_snapshot fast_suffix_stripped',
    show: async () => { expect(await pro('none')).not.toMatchObject({ effort: 'none' }) } },
  { file: 'provider', verdict: 'same', tests: 'allows_medium_effort allows_high_effort allows_xhigh_effort allows_unset dict_form_medium non_pro_model_skipped',
    show: async () => {
      for (const effort of ['medium', 'high', 'xhigh']) expect(await pro(effort)).toMatchObject({ effort })
      expect(await pro(undefined)).toMatchObject({ effort: 'high' })
      expect(await pro('low', 'gpt-5.5')).toMatchObject({ effort: 'low' })
    } },
  { file: 'provider', verdict: 'same', tests: 'mount_config_reasoning_effort_reaches_the_payload request_effort_beats_mount_config_effort mount_config_effort_is_normalized mount_config_effort_applies_to_fast_variant mount_config_effort_none_means_do_not_inject',
    show: async () => {
      const sent = async (reasoning_effort: string, request: object = {}, default_model = 'gpt-5.5') => (await call({ ...say('x'), ...request }, { config: { reasoning_effort, default_model } })).body
      expect((await sent('high'))['reasoning']).toMatchObject({ effort: 'high' })
      expect((await sent('high', { reasoning_effort: 'low' }))['reasoning']).toMatchObject({ effort: 'low' })
      expect((await sent('  XHigh '))['reasoning']).toMatchObject({ effort: 'xhigh' })
      expect(await sent('high', {}, 'gpt-5.4-fast')).toMatchObject({ reasoning: { effort: 'high' }, service_tier: 'priority' })
      expect(await sent('none')).not.toHaveProperty('reasoning')
    } },
  { file: 'provider', verdict: 'same', tests: 'mount_config_effort_invalid_fails_at_mount',
    show: () => mountFails({ reasoning_effort: 'enormous' }) },
  { file: 'provider', verdict: 'same', tests: 'advisory_planning_output_limit_is_not_sent_to_backend',
    show: async () => { expect((await call({ ...say('x'), max_output_tokens: 5 })).body).not.toHaveProperty('max_output_tokens') } },
  { file: 'provider', verdict: 'same', tests: 'explicit_model_untouched_by_resolution sentinel_authenticated_resolves_first_non_variant sentinel_authenticated_skips_variant_ids resolution_cached_for_instance_lifetime complete_sends_resolved_model_not_literal_sentinel',
    show: async () => {
      const models = ['gpt-7-mini', 'gpt-7-fast', 'gpt-7', 'gpt-6'].map((slug) => ({ slug, visibility: 'list', supported_in_api: true, supported_reasoning_levels: [{ effort: 'medium' }], default_reasoning_level: 'medium' }))
      await onTwin({ config: { default_model: 'latest' }, twin: { models } }, async ({ provider, twin }) => {
        await provider.complete(say('one'))
        twin.setModels([...models].reverse())
        await provider.complete(say('two'))
        await provider.complete({ ...say('three'), model: 'gpt-6' })
        expect(twin.responses().map(({ body }) => (body as { model: string }).model)).toEqual(['gpt-7', 'gpt-7', 'gpt-6'])
      })
    } },
  { file: 'current_catalog', verdict: 'same', tests: 'current_model_and_effort_reach_payload',
    show: async () => {
      for (const [model, effort] of [['gpt-6.1-sol', 'max'], ['gpt-6-luna', 'low'], ['gpt-6.1-sol', 'high']]) {
        expect((await call({ ...say('x'), model, reasoning_effort: effort })).body).toMatchObject({ model, reasoning: { effort } })
      }
      expect((await call({ ...say('x'), model: 'gpt-6.1-sol-fast', reasoning_effort: 'xhigh' })).body).toMatchObject({ model: 'gpt-6.1-sol', service_tier: 'priority', reasoning: { effort: 'xhigh' } })
    } },
]
