/** The Python module's tests of its model list, what it says of itself, its settings and its mount. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { buildFallbackModels } from '../../src/account/index.js'
import type { JsonObject } from '../../src/contract/index.js'
import { signInToPlan } from '../lanes/support.js'
import { TOOL, type Mounted, type MountedOptions } from '../support/mounted.js'
import { mountFails, onTwin, say, type Trial } from './rows.js'

const MODELS = '/backend-api/codex/models'
const listed = (slug: string, more: object = {}) => ({ slug, visibility: 'list', supported_in_api: true, ...more })
const infoOf = (config: Record<string, unknown>, use: (mounted: Mounted) => Promise<unknown> = async () => undefined, twin: MountedOptions['twin'] = {}) =>
  onTwin({ config, twin }, async (mounted) => {
    await use(mounted)
    return mounted.provider.getInfo()
  })
const withList = (mounted: Mounted) => mounted.provider.listModels()
const idsOf = async (mounted: Mounted) => (await mounted.provider.listModels()).map(({ id }) => id)
const fetches = ({ twin }: Mounted) => twin.requests.filter(({ path }) => path === MODELS).length
const signedOut = (config: Record<string, unknown> = {}): MountedOptions => ({ config: { login_on_mount: false, ...config }, prepare: ({ config: own }) => void (own['token_file_path'] = `${String(own['token_file_path'])}.none`) })
const takes = async (config: Record<string, unknown>) => onTwin({ config }, async ({ provider, warnings }) => {
  await provider.complete(say('x'))
  return warnings
})
const onPlan = <Result>(config: Record<string, unknown>, work: (mounted: Mounted) => Promise<Result>, twin: MountedOptions['twin'] = {}) => onTwin({
  twin, config: { lane: 'plan', ...config },
  prepare: async ({ twin: own, config: mine }) => {
    mine['base_url'] = own.apiBaseUrl
    await signInToPlan(own, String(mine['token_file_path']))
  },
}, work)
const bodyOf = ({ twin }: Mounted) => twin.responses().at(-1)?.body as JsonObject & { input: JsonObject[] }

export const STANDING: readonly Trial[] = [
  { file: 'provider', verdict: 'same', tests: 'fallback_models_nonempty fallback_entries_have_slug fallback_first_entry_is_gpt_56_sol fallback_does_not_contain_stale_models fallback_contains_current_generation fallback_gpt_56_sol_has_fast_tier',
    show: () => {
      const ids = buildFallbackModels().map(({ id }) => id)
      expect(ids.filter((id) => !id.endsWith('-fast'))).toEqual(['gpt-6.1-sol', 'gpt-6-luna', 'gpt-5.6-sol', 'gpt-5.6-terra', 'gpt-5.6-luna', 'gpt-5.5', 'gpt-5.4', 'gpt-5.4-mini'])
      expect(ids).toContain('gpt-6.1-sol-fast')
    } },
  { file: 'current_catalog', verdict: 'same', tests: 'fallback_keeps_legacy_explicit_models_and_current_conservative_limits',
    show: () => { expect(buildFallbackModels()).toEqual(expect.arrayContaining(['gpt-6.1-sol', 'gpt-6-luna', 'gpt-5.6-terra'].map((id) => expect.objectContaining({ id, contextWindow: 272_000 }) as unknown))) } },
  { file: 'models', verdict: 'same', tests: 'fallback_first_entry_is_gpt_55 fallback_models_round_trip fetch_models_raises_on_non_200',
    show: () => onTwin({}, async (mounted) => {
      mounted.twin.refuse(MODELS, { status: 503, times: 9 })
      const models = await mounted.provider.listModels()
      expect([models[0]?.id, models.every(({ metadata }) => metadata?.['source'] === 'fallback')]).toEqual(['gpt-6.1-sol', true])
    }) },
  { file: 'models', verdict: 'otherwise', tests: 'fetch_models_filters_correctly',
    show: () => onTwin({ config: { default_model: 'shown' }, twin: { models: [listed('shown'), { slug: 'unsaid', visibility: 'list' }, listed('hidden', { visibility: 'hide' }), listed('internal', { supported_in_api: false })] } }, async (mounted) => {
      expect(await idsOf(mounted)).toEqual(['shown', 'unsaid'])
    }) },
  { file: 'models', verdict: 'otherwise', tests: 'fetch_models_sends_correct_request',
    show: () => onTwin({}, async (mounted) => {
      await withList(mounted)
      const asked = mounted.twin.requests.find(({ path }) => path === MODELS)
      expect([asked?.query['client_version'], asked?.headers['originator'], asked?.headers['chatgpt-account-id'], asked?.headers['openai-beta']]).toEqual(['99.99.99', 'amplifier', 'acct_twin', undefined])
    }) },
  { file: 'models', verdict: 'same', tests: 'to_model_infos_emits_fast_variant to_model_infos_no_fast_when_absent',
    show: () => onTwin({ config: { default_model: 'quick' }, twin: { models: [listed('quick', { additional_speed_tiers: ['fast'] }), listed('plain')] } }, async (mounted) => {
      expect(await idsOf(mounted)).toEqual(['quick', 'quick-fast', 'plain'])
    }) },
  { file: 'provider', verdict: 'same', tests: 'list_models_all_have_id list_models_all_have_display_name list_models_all_have_context_window list_models_all_have_max_output_tokens list_models_returns_model_info_objects list_models_fetches_on_first_call list_models_uses_cache_on_second_call concurrent_list_models_fetches_once',
    show: () => onTwin({}, async (mounted) => {
      const [models] = await Promise.all([withList(mounted), withList(mounted), withList(mounted)])
      await withList(mounted)
      expect(models?.every(({ id, display_name, context_window, max_output_tokens }) => id && display_name && context_window > 0 && max_output_tokens > 0)).toBe(true)
      expect(fetches(mounted)).toBe(1)
    }) },
  { file: 'provider', verdict: 'same', tests: 'list_models_ttl_expiry_refetches',
    show: () => onTwin({ config: { models_cache_ttl: 0 } }, async (mounted) => {
      await withList(mounted)
      await withList(mounted)
      expect(fetches(mounted)).toBe(2)
    }) },
  { file: 'provider', verdict: 'same', tests: 'list_models_falls_back_on_failure list_models_falls_back_on_empty_catalog transport_error_falls_back_with_single_line_warning',
    show: async () => {
      for (const trouble of [{ status: 500 }, { status: 200, body: { models: [] } }, { reset: true }]) {
        await onTwin({}, async (mounted) => {
          mounted.twin.refuse(MODELS, { ...trouble, times: 9 })
          expect((await idsOf(mounted))[0]).toBe('gpt-6.1-sol')
          expect(mounted.warnings.filter((line) => line.includes('\n'))).toEqual([])
        })
      }
    } },
  { file: 'provider', verdict: 'same', tests: 'list_models_raises_authentication_error list_models_auth_failure_logs_no_traceback_anywhere missing_tokens_raises_auth_error missing_access_token_raises_auth_error none_tokens_raises_auth_error mount_returns_none_no_tokens_login_disabled',
    show: () => onTwin(signedOut(), async ({ provider, warnings }) => {
      await expect(provider.listModels()).rejects.toMatchObject({ name: 'AuthenticationError' })
      await expect(provider.complete(say('x'))).rejects.toMatchObject({ name: 'AuthenticationError' })
      expect(warnings).toEqual([])
    }) },
  { file: 'provider', verdict: 'same', tests: 'missing_account_id_raises_auth_error',
    show: () => onTwin({
      config: { login_on_mount: false },
      prepare: ({ config }) => writeFile(String(config['token_file_path']), JSON.stringify({ access_token: 'opaque', expires_at: '2099-01-01T00:00:00+00:00' }), { mode: 0o600 }),
    }, async ({ provider }) => { await expect(provider.complete(say('x'))).rejects.toMatchObject({ name: 'AuthenticationError' }) }) },
  { file: 'provider', verdict: 'same', tests: 'unauthenticated_falls_back_silently',
    show: async () => { expect((await onTwin(signedOut({ default_model: 'latest' }), async ({ provider }) => provider.getInfo())).defaults).toMatchObject({ model: 'latest' }) } },
  { file: 'provider', verdict: 'same', tests: 'mount_with_valid_token_file_succeeds',
    show: () => onTwin({}, async ({ host }) => { expect(host.coordinator.get('providers', 'openai-chatgpt')).toBeDefined() }) },
  { file: 'provider', verdict: 'otherwise', tests: 'mount_calls_login_when_no_valid_tokens_and_login_on_mount_true',
    show: () => mountFails({ token_file_path: '/nonexistent/there-is-none.json', login_on_mount: true }) },
  { file: 'provider', verdict: 'otherwise', tests: 'resolution_logs_one_info_line',
    show: async () => { expect(await onTwin({ config: { default_model: 'latest' } }, async ({ provider, warnings }) => { await provider.complete(say('x')); return warnings })).toEqual([]) } },
  { file: 'provider', verdict: 'same', tests: 'get_info_id get_info_capabilities_include_streaming get_info_capabilities_include_tools get_info_never_awaits_anything get_info_explicit_model_shown_verbatim get_info_uses_selected_builtin_planning_limits get_info_publishes_known_limits_without_fetching_or_authenticating',
    show: async () => {
      const info = await onTwin(signedOut({ default_model: 'gpt-5.4' }), async ({ provider, twin }) => {
        const said = provider.getInfo()
        expect(twin.requests).toEqual([])
        return said
      })
      expect(info).toMatchObject({ id: 'openai-chatgpt', capabilities: expect.arrayContaining(['streaming', 'tools']) as string[], defaults: { model: 'gpt-5.4', context_window: 272_000, max_output_tokens: 128_000 } })
    } },
  { file: 'provider', verdict: 'otherwise', tests: 'get_info_display_name',
    show: async () => { expect((await infoOf({})).display_name).toBe('OpenAI ChatGPT') } },
  { file: 'provider', verdict: 'otherwise', tests: 'get_info_model_default_shows_sentinel_with_fallback_noted',
    show: async () => { expect((await onTwin(signedOut({ default_model: 'latest' }), async ({ provider }) => provider.getInfo())).defaults).toEqual({ model: 'latest', auth_mode: 'chatgpt_codex' }) } },
  { file: 'provider', verdict: 'same', tests: 'get_info_latest_uses_cached_limits_only_after_resolution get_info_model_shows_resolved_id_once_resolved get_info_tracks_resolved_model_selection get_info_uses_cached_dynamic_model_planning_limits get_info_normalizes_fast_model_for_builtin_planning_limits',
    show: async () => {
      const twin = { models: [listed('gpt-7', { context_window: 500_000, max_output_tokens: 64_000, additional_speed_tiers: ['fast'] })] }
      expect((await onTwin(signedOut({ default_model: 'latest' }), async ({ provider }) => provider.getInfo())).defaults).not.toHaveProperty('context_window')
      expect((await infoOf({ default_model: 'latest' }, withList, twin)).defaults).toMatchObject({ model: 'gpt-7', context_window: 500_000, max_output_tokens: 64_000 })
      expect((await infoOf({ default_model: 'gpt-7' }, withList, twin)).defaults).toMatchObject({ model: 'gpt-7', context_window: 500_000 })
      expect((await onTwin(signedOut({ default_model: 'gpt-5.4-fast' }), async ({ provider }) => provider.getInfo())).defaults).toMatchObject({ model: 'gpt-5.4-fast', context_window: 272_000 })
    } },
  { file: 'provider', verdict: 'otherwise', tests: 'get_info_omits_incomplete_or_invalid_planning_limits',
    show: async () => { expect((await infoOf({ default_model: 'gpt-7' }, withList, { models: [listed('gpt-7', { context_window: -1 })] })).defaults).toMatchObject({ context_window: 272_000, max_output_tokens: 128_000 }) } },
  { file: 'provider', verdict: 'same', tests: 'get_info_omits_capacity_for_unknown_model',
    show: async () => { expect((await onTwin(signedOut({ default_model: 'unknown-model' }), async ({ provider }) => provider.getInfo())).defaults).not.toHaveProperty('context_window') } },
  { file: 'config_hygiene', verdict: 'same', tests: 'string_false_is_false string_true_is_true raw_string_false_is_false use_streaming_string_false_is_false int_from_string float_from_string priority_from_string priority_never_flagged extra_request_params_allowlisted extra_request_params_stored models_client_version_default',
    show: async () => {
      expect(await takes({ raw: 'false', use_streaming: 'true', priority: '50', timeout: '45.5', extra_request_params: { parallel_tool_calls: false } })).toEqual([])
      await onTwin({ config: { extra_request_params: { parallel_tool_calls: false }, raw: 'false', use_streaming: 'false', priority: '50' } }, async (mounted) => {
        await mounted.provider.complete({ ...say('x'), tools: [TOOL] })
        expect([bodyOf(mounted)['parallel_tool_calls'], mounted.provider.priority, mounted.named('llm:stream_block_start'), mounted.named('llm:request')[0]?.['raw']]).toEqual([false, 50, [], undefined])
      })
    } },
  { file: 'config_hygiene', verdict: 'same', tests: 'unknown_key_warns_with_suggestion',
    show: async () => { expect(await takes({ tiemout: 5 })).toEqual([expect.stringMatching(/tiemout.*timeout/)]) } },
  { file: 'config_hygiene', verdict: 'otherwise', tests: 'unrecognized_string_warns_and_defaults int_invalid_warns_and_defaults invalid_numeric_string_defaults_instead_of_crashing extra_request_params_non_dict_ignored',
    show: async () => { for (const config of [{ raw: 'maybe' }, { priority: 'garbage' }, { timeout: 'not-a-number' }, { extra_request_params: 'nope' }]) await mountFails(config) } },
  { file: 'config_hygiene', verdict: 'same', tests: 'models_client_version_override',
    show: () => onTwin({ config: { models_client_version: '1.2.3' } }, async (mounted) => {
      await withList(mounted)
      expect(mounted.twin.requests.find(({ path }) => path === MODELS)?.query['client_version']).toBe('1.2.3')
    }) },
  { file: 'config_hygiene', verdict: 'same', tests: 'default_model_matches_fallback_first_entry',
    show: async () => { expect((await infoOf({ default_model: undefined }, withList)).defaults).toMatchObject({ model: 'gpt-6.1-sol' }) } },
  { file: 'passive_mount', verdict: 'same', tests: 'core_validates_real_provider_without_mount_auth expired_unrenewable_tokens_raise_typed_auth_error',
    show: async () => {
      await onTwin(signedOut(), async ({ provider, twin }) => {
        expect(twin.requests).toEqual([])
        await expect(provider.complete(say('x'))).rejects.toMatchObject({ name: 'AuthenticationError' })
      })
      await onTwin({
        config: { login_on_mount: false },
        prepare: ({ twin, config }) => writeFile(String(config['token_file_path']), JSON.stringify({ ...twin.issueTokens({ expiresInSeconds: -3600 }), expires_at: '2020-01-01T00:00:00+00:00', refresh_token: null }), { mode: 0o600 }),
      }, async ({ provider }) => { await expect(provider.complete(say('x'))).rejects.toMatchObject({ name: 'AuthenticationError' }) })
    } },
  { file: 'passive_mount', verdict: 'same', tests: 'expired_tokens_remain_refreshable_on_request',
    show: () => onTwin({
      config: { login_on_mount: false },
      prepare: ({ twin, config }) => writeFile(String(config['token_file_path']), JSON.stringify({ ...twin.issueTokens({ expiresInSeconds: -3600 }), expires_at: '2020-01-01T00:00:00+00:00' }), { mode: 0o600 }),
    }, async ({ provider, twin }) => {
      await provider.complete(say('x'))
      expect(twin.refreshes.map(({ outcome }) => outcome)).toEqual(['ok'])
    }) },
  { file: 'passive_mount', verdict: 'same', tests: 'disabled_login_does_not_hide_invalid_provider_config',
    show: () => mountFails({ auth_mode: 'invalid-auth-mode', login_on_mount: false }) },
  { file: 'plan_provider', verdict: 'same', tests: 'explicit_invalid_path_never_selects_default_account invalid_mode_and_path_fail_before_mount_login',
    show: async () => { for (const config of [{ token_file_path: '' }, { token_file_path: '   ' }, { host_file_path: '' }, { auth_mode: 'made-up' }]) await mountFails(config) } },
  { file: 'plan_provider', verdict: 'same', tests: 'mode_is_explicit_and_plan_metadata_has_no_codex_fallback codex_is_default_and_old_mode_is_compatibility_alias',
    show: async () => {
      const plan = await onTwin({ config: { auth_mode: 'chatgpt_plan', login_on_mount: false, default_model: undefined }, prepare: ({ config }) => void (config['token_file_path'] = `${String(config['token_file_path'])}.none`) }, async ({ provider }) => provider.getInfo())
      expect([plan.capabilities.includes('auth:oauth_pkce'), plan.defaults]).toEqual([true, { model: 'latest', auth_mode: 'chatgpt_plan' }])
      expect(plan.config_fields.map(({ id }) => id)).toEqual(expect.arrayContaining(['auth_mode', 'token_file_path', 'host_file_path', 'app_name']))
      for (const auth_mode of ['chatgpt_codex', 'legacy_codex']) expect((await infoOf({ auth_mode })).defaults).toMatchObject({ auth_mode: 'chatgpt_codex' })
    } },
  { file: 'plan_provider', verdict: 'same', tests: 'public_inference_wire_and_terminal_success post_stream_limit_is_not_completion_or_retry plan_local_metadata_controls_events_but_never_reaches_wire',
    show: () => onPlan({}, async (mounted) => {
      mounted.twin.setModels([listed('account-model-fast')])
      await mounted.provider.complete({ ...say('hello'), model: 'account-model-fast', metadata: { stream: false } })
      expect(mounted.twin.responses()[0]).toMatchObject({ path: '/v1/responses', body: { store: false, stream: true, model: 'account-model-fast' } })
      expect(mounted.twin.responses()[0]?.headers).not.toHaveProperty('chatgpt-account-id')
      for (const field of ['service_tier', 'metadata']) expect(bodyOf(mounted)).not.toHaveProperty(field)
      expect(mounted.named('llm:stream_block_start')).toEqual([])
      mounted.twin.enqueue({ text: 'partial', failed: { code: 'subscription_sharing_usage_limit_exceeded', message: 'App usage limit' } })
      await expect(mounted.provider.complete({ ...say('x'), model: 'account-model-fast' })).rejects.toMatchObject({ name: 'QuotaExceededError', retryable: false, message: expect.stringContaining('https://chatgpt.com/settings/usage') as string })
    }) },
  { file: 'plan_provider', verdict: 'otherwise', tests: 'interrupted_public_stream_is_never_success',
    show: () => onPlan({}, async ({ provider, twin }) => {
      twin.enqueue({ events: [] })
      await expect(provider.complete(say('x'))).rejects.toMatchObject({ name: 'StreamError' })
      twin.enqueue({ text: 'ended by its older name', terminal: 'response.done' })
      await expect(provider.complete(say('x'))).resolves.toMatchObject({ finish_reason: 'stop' })
    }) },
  { file: 'plan_provider', verdict: 'same', tests: 'public_catalog_filters_preserves_order_and_does_not_synthesize_models',
    show: () => onPlan({ default_model: 'latest' }, async (mounted) => {
      mounted.twin.setModels([listed('second-mini', { display_name: 'Fast choice', additional_speed_tiers: ['fast'] }), listed('hidden', { visibility: 'hide' }), { slug: 'not-listed' }, listed('first')])
      expect((await mounted.provider.listModels()).map(({ id, display_name }) => [id, display_name])).toEqual([['second-mini', 'Fast choice'], ['first', 'first']])
      await mounted.provider.complete(say('x'))
      expect(bodyOf(mounted)['model']).toBe('second-mini')
    }) },
  { file: 'plan_provider', verdict: 'same', tests: 'public_catalog_failure_has_no_legacy_fallback',
    show: () => onPlan({}, async ({ provider, twin }) => {
      twin.refuse('/v1/models', { status: 503, headers: { 'x-request-id': 'req-catalog' }, times: 9 })
      await expect(provider.listModels()).rejects.toMatchObject({ name: 'ProviderUnavailableError', request_id: 'req-catalog' })
    }) },
  { file: 'plan_provider', verdict: 'otherwise', tests: 'plan_errors_preserve_code_parameter_request_id_without_retry',
    show: async () => {
      for (const [status, code, name] of [[429, 'subscription_sharing_usage_limit_exceeded', 'QuotaExceededError'], [503, 'subscription_sharing_usage_unavailable', 'ProviderUnavailableError'],
        [403, 'subscription_sharing_user_not_eligible', 'AccessDeniedError'], [401, 'subscription_sharing_invalid_user', 'AuthenticationError'], [400, 'subscription_sharing_unsupported_capability', 'InvalidRequestError']] as const) {
        await onPlan({}, async ({ provider, twin }) => {
          twin.enqueue({ status, body: { error: { code, param: 'tools', message: 'Plan request blocked' } }, headers: { 'x-request-id': 'req-one' } })
          await expect(provider.complete(say('x'))).rejects.toMatchObject({ name, code, request_id: 'req-one' })
          expect(twin.responses()).toHaveLength(1)
        })
      }
    } },
  { file: 'plan_provider', verdict: 'same', tests: 'plan_function_tool_round_trip_preserves_name_arguments_and_call_id',
    show: () => onPlan({}, async (mounted) => {
      const answer = await mounted.provider.complete({ ...say('call read_file {"path":"a"}'), tools: [TOOL], tool_choice: { type: 'function', name: 'read_file' } })
      expect(bodyOf(mounted).input[0]).toMatchObject({ type: 'additional_tools', tools: [{ type: 'function', name: 'read_file' }] })
      expect(bodyOf(mounted)['tool_choice']).toEqual({ type: 'function', name: 'read_file' })
      expect(mounted.provider.parseToolCalls(answer)).toMatchObject([{ name: 'read_file', arguments: { path: 'a' } }])
    }) },
  { file: 'plan_provider', verdict: 'otherwise', tests: 'plan_unsupported_fields_fail_clearly_in_requests_and_extra_params plan_wire_metadata_is_still_rejected',
    show: () => onPlan({ extra_request_params: { background: true, metadata: { a: 'b' } } }, async (mounted) => {
      await mounted.provider.complete({ ...say('x'), temperature: 0.5 })
      for (const field of ['background', 'metadata', 'temperature']) expect(bodyOf(mounted)).not.toHaveProperty(field)
      expect(mounted.warnings.join()).toMatch(/background.*metadata.*temperature|metadata|temperature/)
    }) },
  { file: 'plan_provider', verdict: 'otherwise', tests: 'plan_unsupported_tools_never_silently_disappear',
    show: async () => {
      await onPlan({}, async (mounted) => {
        await mounted.provider.complete({ ...say('x'), tools: [TOOL, { type: 'file_search', name: 'file_search', description: '', parameters: {} } as never] })
        expect([JSON.stringify(bodyOf(mounted)).includes('file_search'), mounted.warnings.join()]).toEqual([false, expect.stringContaining('file_search')])
      })
      await onPlan({ extra_request_params: { tools: [{ type: 'file_search' }] } }, async ({ provider }) => {
        await expect(provider.complete(say('x'))).rejects.toMatchObject({ name: 'InvalidRequestError', message: expect.stringContaining('file_search') as string })
      })
    } },
  { file: 'plan_provider', verdict: 'same', tests: 'plan_later_system_messages_and_hosted_web_search',
    show: () => onPlan({ extra_request_params: { tools: [{ type: 'web_search' }] } }, async (mounted) => {
      await mounted.provider.complete({ messages: [{ role: 'system', content: 'one' }, { role: 'user', content: 'x' }, { role: 'system', content: 'two' }] })
      expect([bodyOf(mounted)['instructions'], bodyOf(mounted).input.map(({ role }) => role), bodyOf(mounted)['tools']]).toEqual(['one', ['user', 'developer'], [{ type: 'web_search' }]])
    }) },
  { file: 'plan_provider', verdict: 'otherwise', tests: 'codex_tools_and_request_parameter_behavior_are_unchanged',
    show: () => onTwin({ config: { extra_request_params: { metadata: { a: 'b' } } } }, async (mounted) => {
      await mounted.provider.complete(say('x'))
      expect([bodyOf(mounted)['metadata'], mounted.warnings.join()]).toEqual([undefined, expect.stringContaining('metadata')])
    }) },
  { file: 'plan_provider', verdict: 'otherwise', tests: 'plan_image_input_is_not_silently_lost',
    show: () => onPlan({}, async (mounted) => {
      await mounted.provider.complete({ messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } }, { type: 'text', text: 'what is it?' }] }] })
      expect(JSON.stringify(bodyOf(mounted).input)).toContain('input_image')
    }) },
  { file: 'plan_provider', verdict: 'otherwise', tests: 'plan_tool_lists_are_not_replaced_and_config_input_is_not_mutated',
    show: () => {
      const params = { tools: [{ type: 'web_search' }] }
      return onPlan({ extra_request_params: params }, async (mounted) => {
        await mounted.provider.complete({ ...say('x'), tools: [TOOL] })
        expect([bodyOf(mounted)['tools'], bodyOf(mounted).input[0]?.['type'], params]).toEqual([[{ type: 'web_search' }], 'additional_tools', { tools: [{ type: 'web_search' }] }])
      })
    } },
  { file: 'plan_provider', verdict: 'same', tests: 'plan_service_error_cannot_echo_bearer_token',
    show: () => onPlan({}, async ({ provider, twin, folder, config }) => {
      const { readFile } = await import('node:fs/promises')
      const { access_token: token } = JSON.parse(await readFile(String(config['token_file_path'] ?? join(folder, 'none')), 'utf8')) as { access_token: string }
      twin.enqueue({ status: 400, body: { error: { code: 'bad', message: `not with ${token}` } } })
      const error = await provider.complete(say('x')).catch((thrown: unknown) => thrown)
      expect([error instanceof Error, String(error).includes(token), JSON.stringify(error).includes(token)]).toEqual([true, false, false])
    }) },
  { file: 'plan_provider', verdict: 'same', tests: 'background_mount_never_opens_consent',
    show: () => mountFails({ lane: 'plan', token_file_path: '/nonexistent/there-is-none.json', login_on_mount: true }) },
]
