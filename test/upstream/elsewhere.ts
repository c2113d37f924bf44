/** The Python module's tests whose behaviour other tests of ours hold, each by its title; and what has no counterpart. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { showsWhereCodexSignsIn } from './constants.js'
import type { Trial, Verdict } from './rows.js'

const ROOT = join(import.meta.dirname, '..', '..')

/** Shown by tests of ours of these words. */
function held(file: string, verdict: Verdict, tests: string, where: string, ...titles: string[]): Trial {
  return { file, tests, verdict, show: () => {
    const text = readFileSync(join(ROOT, where), 'utf8')
    for (const title of titles) expect(text).toContain(title)
    expect(titles.length).toBeGreaterThan(0)
  } }
}

export const ELSEWHERE: readonly Trial[] = [
  { file: 'oauth', verdict: 'same', show: showsWhereCodexSignsIn,
    tests: 'oauth_issuer oauth_token_url oauth_client_id oauth_scopes device_code_usercode_url device_code_token_url device_code_verification_url device_code_poll_interval chatgpt_codex_base_url token_file_path device_code_callback_url' },
  held('oauth', 'same', 'returns_tuple_of_two_strings verifier_length verifier_url_safe_characters challenge_is_sha256_of_verifier each_call_returns_unique_pair',
    'test/auth/browser-sign-in.test.ts', 'asks with PKCE, takes the callback, exchanges the code and tells the browser'),
  held('oauth', 'same', 'creates_file_with_correct_json_content file_has_0600_permissions', 'test/auth/device-code.test.ts', 'is shown, waited for through 403 and 404, exchanged and saved'),
  held('oauth', 'same', 'creates_parent_directories_if_missing', 'test/auth/carry-over.test.ts', 'arrives whole, in a private file'),
  held('oauth', 'same', 'returns_dict_for_valid_file', 'test/auth/file-store.test.ts', 'the original module\\\'s file is present as it is'),
  held('oauth', 'same', 'returns_none_for_missing_file returns_none_for_empty_file', 'test/mount.test.ts', 'without a sign-in', 'with an empty token file'),
  held('oauth', 'otherwise', 'returns_none_for_malformed_json', 'test/auth/file-store.test.ts', 'keeps a corrupt file aside under another name'),
  held('oauth', 'same', 'valid_future_token_returns_true', 'test/auth/credential-source.test.ts', 'is the stored one while it is good, and nobody is asked'),
  held('oauth', 'same', 'expired_token_returns_false', 'test/auth/credential-source.test.ts', 'is refreshed five minutes ahead of its expiry, saved whole, and other keys are kept'),
  held('oauth', 'same', 'none_tokens_returns_false missing_access_token_returns_false', 'test/mount.test.ts', 'without a sign-in', 'with a garbage token'),
  held('oauth', 'otherwise', 'missing_expires_at_returns_false', 'test/auth/credential-source.test.ts', 'without a readable expiry is refreshed after eight days'),
  held('oauth', 'same', 'extracts_account_id_from_profile_claim falls_back_to_sub_claim', 'test/auth/claims.test.ts', 'as the original module read it', 'subject at last'),
  held('oauth', 'same', 'returns_empty_string_for_invalid_jwt returns_empty_string_for_empty_string extract_plan_type_missing_claim extract_plan_type_malformed_jwt extract_plan_type_empty_string',
    'test/auth/claims.test.ts', 'a token that is no JWT says nothing and breaks nothing', 'where neither record nor tokens name one'),
  held('oauth', 'same', 'extract_plan_type_happy_path', 'test/auth/claims.test.ts', 'what a token says is read whole'),
  held('oauth', 'same', 'successful_refresh_returns_new_tokens_with_account_id account_id_extracted_from_id_token_on_refresh refresh_includes_plan_type_from_new_id_token refresh_falls_back_to_disk_plan_type',
    'test/auth/credential-source.test.ts', 'is refreshed five minutes ahead of its expiry, saved whole, and other keys are kept'),
  held('oauth', 'same', 'refresh_failure_http_401_returns_none http_status_error_warning_carries_status_and_body network_error_warning_is_distinguishable_from_http_error',
    'test/auth/credential-source.test.ts', 'also after the refresh ends in an error that names the command', 'because nobody answers is a NetworkError'),
  held('oauth', 'same', 'requests_device_code_and_returns_auth_code handles_authorization_pending_then_success', 'test/auth/device-code.test.ts', 'is shown, waited for through 403 and 404, exchanged and saved'),
  held('oauth', 'same', 'expired_device_code_raises overall_timeout_raises_runtime_error', 'test/auth/device-code.test.ts', 'ends after fifteen minutes without anybody typing it'),
  held('oauth', 'same', 'expires_at_computed_from_expires_in_on_direct_token_path direct_token_path_uses_server_expires_at_when_provided', 'test/auth/credential-source.test.ts', 'is kept for its whole life on a clock ten minutes'),
  held('oauth', 'same', 'print_fn_receives_url_and_code_instead_of_stderr login_passes_print_fn_through_to_start_device_code_flow',
    'test/grpc/amplifier_application.py', 'login_tells_its_callback_where_to_go_and_the_next_call_is_signed_in', 'codex/device'),
  held('provider', 'same', 'login_adopts_returned_tokens_and_forwards_print_fn authenticated_when_in_memory_tokens_valid authenticated_when_disk_tokens_valid_and_memory_empty unauthenticated_when_nothing_found_anywhere expired_when_tokens_present_but_invalid expired_when_only_disk_tokens_are_present_but_invalid',
    'test/grpc/amplifier_application.py', 'login_tells_its_callback_where_to_go_and_the_next_call_is_signed_in', '== "authenticated"', '== "unauthenticated"', '== "expired"'),
  held('plan_provider', 'otherwise', 'plan_expired_unrenewable_profile_does_not_block_explicit_login', 'test/grpc/amplifier_application.py', '== "expired"'),
  held('plan_provider', 'same', 'codex_login_never_overwrites_plan_profile', 'test/auth/file-store.test.ts', 'never replaces another lane\\\'s sign-in'),
  held('plan_provider', 'same', 'plan_provider_login_passes_actual_application_name', 'test/auth/python-module.test.ts', 'and the sign-in page shows app_name'),
  held('plan_provider', 'otherwise', 'explicit_provider_login_reasks_only_missing_plan_permission plan_login_returns_inference_readiness_not_identity_success', 'test/auth/plan-lane.test.ts', 'without the plan scope only identifies, and sends nothing'),
  held('plan_auth', 'same', 'registration_persisted_before_exchange_and_sensitive_fields_stay_local', 'test/auth/plan-lane.test.ts', 'registers a client, saves its id before the exchange, and verifies who signed in'),
  held('plan_auth', 'same', 'failed_exchange_retains_issued_registration_for_next_attempt', 'test/auth/plan-lane.test.ts', 'keeps the registration where the exchange fails', 'uses the issued client and the host id ever after'),
  held('plan_auth', 'same', 'bad_callback_never_replaces_active_profile', 'test/auth/browser-sign-in.test.ts', 'that nobody finishes times out, and the sign-in that was there stays', 'every request that is not its own, and takes its own afterwards, once'),
  held('plan_auth', 'otherwise', 'identity_change_rejected_and_declined_plan_saved_as_disabled', 'test/auth/carry-over.test.ts', 'that are pinned refuse another workspace or user, and keep what they have'),
  held('plan_auth', 'otherwise', 'consent_does_not_block_active_inference_and_signout_wins', 'test/auth/browser-sign-in.test.ts', 'that nobody finishes times out, and the sign-in that was there stays'),
  held('plan_auth', 'same', 'refresh_serialized_rotating_token_and_temporary_failure_preserved', 'test/auth/plan-lane.test.ts', 'is kept through temporarily_unavailable'),
  held('plan_auth', 'same', 'jwt_signature_issuer_audience_expiry_and_nonce', 'test/auth/verify-id-token.test.ts', 'a token is refused'),
  held('plan_auth', 'same', 'import_preserves_remote_host_and_keeps_profiles_separate', 'test/auth/python-module.test.ts', 'is imported as its own import does, and the host keeps its name'),
  held('plan_auth', 'same', 'logout_revokes_then_clears_tokens_retaining_identity', 'test/auth/plan-lane.test.ts', 'is ended at the server on sign-out, and the client id is kept'),
  held('plan_auth', 'same', 'cross_process_refresh_uses_only_one_rotating_token', 'test/auth/python-module.test.ts', '20 processes, ten of each program: one exchange for each expiry, no token is used twice'),
  held('plan_auth', 'same', 'unknown_revocation_is_reported_after_local_tokens_cleared', 'test/auth/sign-out.test.ts', 'forgets the file also where the server did not confirm, and says so'),
  held('plan_auth', 'same', 'missing_plan_permission_never_refreshes', 'test/auth/python-module.test.ts', 'without the grant of the plan is refused by name, and not exchanged'),
  held('model_waiting', 'otherwise', 'healthy_delayed_model_has_no_hidden_deadline_and_stops_at_terminal', 'test/grpc/upstream-settings.test.ts', '{ timeout: null, first_event_timeout: null }'),
  held('wait_policy', 'otherwise', 'actual_transport_timeout_extensions', 'test/transport/timeouts.test.ts', 'connect'),
  held('offline_validation', 'same', 'core_validation_does_not_authenticate', 'test/grpc/amplifier_session.py', 'kernel_validation_passes'),
  held('current_catalog', 'otherwise', 'compatibility_matrix_has_only_current_clean_models', 'routing/openai-chatgpt.yaml', 'candidates:'),
  held('compaction', 'same', 'terminal_forms_preserve_checkpoint_and_usage_exactly_once payload_uses_actual_envelope_and_only_one_trigger_without_selection_policy checkpoint_replay_preserves_changed_current_envelope native_tool_choice_is_preserved',
    'test/provider/compaction.test.ts', 'is made by one call that streams nothing and says what it is, and goes back as the backend sent it'),
  held('compaction', 'same', 'terminal_name_does_not_override_unsuccessful_status wrong_response_model_rejected created_and_terminal_response_identity_must_agree missing_usage_is_unavailable failures_preserve_history_and_never_return_or_execute_tools full_history_fallback_remains_caller_owned',
    'test/provider/compaction.test.ts', '%s of the answer is none, whatever the history was'),
  held('compaction', 'same', 'incompatible_provenance_is_rejected unknown_metadata_version_is_rejected', 'test/provider/compaction.test.ts', '%s: fails before anything is sent'),
  held('compaction', 'same', 'three_cycles_manager_retains_history_suffix_and_restores_provider', 'test/provider/compaction.test.ts', 'three times over, each from the one before it and its new turns'),
  held('compaction', 'otherwise', 'shared_transport_operation_usage_and_raw_hooks_do_not_expose_ciphertext invalid_stream_never_yields_candidate malformed_operation_usage_is_not_a_measurement disabled_by_default_and_no_auth_or_network core_json_replay_is_lossless_and_nonmutating normal_completion_keeps_checkpoint_metadata_and_usage transport_overrides_rejected_for_compaction_and_replay native_request_never_silently_drops_unsupported_envelope_fields',
    'test/provider/compaction.test.ts', 'a compaction that came within an answer'),
]

/** They speak of Python's own objects. */
export const PYTHONS_OWN: Readonly<Record<string, string>> = {
  oauth: 'no_oauth_authorize_url no_oauth_callback_port no_oauth_callback_url no_subscription_models no_start_browser_flow no_is_ssh_session',
  sse: 'parsed_response_is_dataclass sse_error_is_exception',
  streaming: 'uses_underscore_coordinator_attribute',
}

/** Not there, as docs/upstream.md says. */
export const MISSING: Readonly<Record<string, string>> = {
  plan_auth: 'staged_login_preserves_source_and_reuses_registration_across_candidates cancelled_staged_login_leaves_cleanup_to_host_without_revocation',
}
