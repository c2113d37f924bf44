/**
 * What kind of failure it is: first by the wire's own code, then by what its prose says (the last
 * resort: several refusals come as `{"detail": "text"}` alone), then by its status.
 */
import type { FailureFacts } from './read-failure-facts.js'

export type FailureClass =
  | 'quota' | 'rate_limited' | 'at_capacity' | 'flex_unavailable' | 'unavailable'
  | 'model_not_available' | 'not_found'
  | 'unauthenticated' | 'missing_scopes' | 'missing_account' | 'consent_needed'
  | 'challenge' | 'edge_blocked' | 'access_denied'
  | 'context_length' | 'content_filter'
  | 'previous_response_not_found' | 'connection_limit' | 'invalid_encrypted_content'
  | 'no_tool_output' | 'no_tool_call' | 'item_not_found'
  | 'invalid_image' | 'unsupported_parameter' | 'too_large' | 'invalid_request' | 'redirected'
  | 'request_timeout' | 'stream_failed' | 'cancelled'
  | 'aborted' | 'connect_failed' | 'tls_failed' | 'misconfigured' | 'connect_timeout' | 'total_timeout'
  | 'first_event_timeout' | 'idle_timeout' | 'cut' | 'closed' | 'unexpected_content' | 'frame_too_big' | 'unreadable' | 'not_attributable'

const BY_CODE: Readonly<Record<string, FailureClass>> = {
  usage_limit_reached: 'quota', usage_not_included: 'quota', insufficient_quota: 'quota',
  subscription_sharing_usage_limit_exceeded: 'quota', credit_balance_exhausted: 'quota',
  organization_spend_limit_exceeded: 'quota', project_spend_limit_exceeded: 'quota', organization_usage_limit_exceeded: 'quota',
  workspace_owner_credits_depleted: 'quota', workspace_member_credits_depleted: 'quota',
  workspace_owner_usage_limit_reached: 'quota', workspace_member_usage_limit_reached: 'quota', billing_hard_limit_reached: 'quota',
  rate_limit_exceeded: 'rate_limited', rate_limit_error: 'rate_limited', slow_down: 'rate_limited', too_many_requests: 'rate_limited',
  server_is_overloaded: 'at_capacity', server_overloaded: 'at_capacity', overloaded_error: 'at_capacity', at_capacity: 'at_capacity',
  flex_unavailable: 'flex_unavailable',
  subscription_sharing_usage_unavailable: 'unavailable', subscription_sharing_user_unavailable: 'unavailable',
  model_not_found: 'model_not_available', model_not_available: 'model_not_available', model_not_supported: 'model_not_available',
  unsupported_model: 'model_not_available', invalid_model: 'model_not_available', model_deprecated: 'model_not_available',
  token_expired: 'unauthenticated', token_invalidated: 'unauthenticated', token_revoked: 'unauthenticated',
  invalid_token: 'unauthenticated', invalid_api_key: 'unauthenticated', authentication_error: 'unauthenticated',
  missing_scopes: 'missing_scopes', missing_account: 'missing_account',
  subscription_sharing_invalid_user: 'consent_needed', chatpass_v2_scope_not_authorized: 'consent_needed',
  chatpass_v2_invalid_authorization_context: 'consent_needed',
  subscription_sharing_user_not_eligible: 'access_denied', subscription_sharing_route_not_supported: 'access_denied',
  missing_codex_entitlement: 'access_denied', deactivated_workspace: 'access_denied', account_deactivated: 'access_denied',
  unsupported_country_region_territory: 'access_denied', permission_error: 'access_denied',
  context_length_exceeded: 'context_length', context_window_exceeded: 'context_length',
  content_filter: 'content_filter', content_policy_violation: 'content_filter', cyber_policy: 'content_filter',
  bio_policy: 'content_filter', misalignment_policy_violation: 'content_filter', moderation_blocked: 'content_filter',
  previous_response_not_found: 'previous_response_not_found',
  websocket_connection_limit_reached: 'connection_limit',
  invalid_encrypted_content: 'invalid_encrypted_content',
  not_attributable: 'not_attributable', invalid_prompt: 'invalid_request', subscription_sharing_unsupported_capability: 'unsupported_parameter',
  unsupported_parameter: 'unsupported_parameter', unknown_parameter: 'unsupported_parameter', unsupported_value: 'unsupported_parameter',
  invalid_image: 'invalid_image', invalid_image_url: 'invalid_image', message_too_big: 'too_large',
  response_cancelled: 'cancelled', cancelled: 'cancelled', canceled: 'cancelled',
}

interface ProseRule {
  /** lower-case prose */
  words: RegExp
  failureClass: FailureClass
  /** statuses for which the words mean this; a failure without a status always passes */
  statuses: (status: number) => boolean
}

const refusal = (status: number) => status >= 400 && status < 500 && status !== 429
const any = () => true
const only = (...statuses: number[]) => (status: number) => statuses.includes(status)

/** In order: what names one precise thing stands before what a longer text might mention by the way. */
const BY_PROSE: readonly ProseRule[] = [
  { words: /missing scopes?\b/, failureClass: 'missing_scopes', statuses: only(400, 401, 403) },
  { words: /previous[ _]response\b.{0,160}not[ _]found/, failureClass: 'previous_response_not_found', statuses: refusal },
  { words: /websocket[ _]connection[ _]limit/, failureClass: 'connection_limit', statuses: any },
  { words: /no tool output found/, failureClass: 'no_tool_output', statuses: refusal },
  { words: /no tool call found/, failureClass: 'no_tool_call', statuses: refusal },
  { words: /encrypted[ _]content\b.{0,200}(?:could not|couldn't|can(?:no|')t|not supported|invalid|fail|unable)|(?:invalid|could not|unable|fail).{0,80}encrypted[ _]content/, failureClass: 'invalid_encrypted_content', statuses: refusal },
  { words: /items are not persisted|item with id .{0,120}not found|without its required following item/, failureClass: 'item_not_found', statuses: refusal },
  { words: /^(?:unsupported|unknown|unrecognized) (?:parameter|value|service_tier|request argument)/, failureClass: 'unsupported_parameter', statuses: refusal },
  { words: /maximum context|context[ _](?:window|length)|(?:input|prompt) is too long|too many (?:input )?tokens/, failureClass: 'context_length', statuses: refusal },
  { words: /content[ _](?:filter|policy|management)|usage polic(?:y|ies)|safety (?:system|polic|reasons)|flagged (?:as|by|for)/, failureClass: 'content_filter', statuses: only(400, 403, 422) },
  { words: /\bmodel\b(?:[^.\n]|\.\d){0,160}(?:does(?:n't| not) exist|not (?:found|available|supported|accessible|enabled|recognized)|isn't (?:available|supported)|no longer (?:available|supported|exists)|retired|deprecated|(?:do|does)(?:n't| not) have access|requires a newer version)|(?:unknown|unsupported|invalid|no such|unrecognized) model\b|access to (?:the )?model\b/, failureClass: 'model_not_available', statuses: only(400, 404, 410, 422) },
  { words: /(?:chatgpt-account-id|account[ _-]id|workspace)\b.{0,60}(?:missing|required|invalid|not (?:found|provided|selected)|mismatch)|(?:missing|invalid|select a|without an?)\b.{0,40}(?:chatgpt-account-id|account[ _-]id|workspace)\b/, failureClass: 'missing_account', statuses: only(400, 401, 403) },
  { words: /at capacity|over capacity|overloaded|high demand/, failureClass: 'at_capacity', statuses: (status) => status === 429 || status >= 500 },
  { words: /usage limit|quota|out of credits|credit balance|spend(?:ing)? limit/, failureClass: 'quota', statuses: only(402, 429) },
  { words: /rate limit|too many requests/, failureClass: 'rate_limited', statuses: (status) => status === 429 || status >= 500 },
  { words: /not eligible/, failureClass: 'access_denied', statuses: refusal },
  { words: /(?:invalid|unsupported|malformed|could not (?:decode|process|download)).{0,40}\bimage|\bimage\b.{0,60}(?:invalid|not (?:a )?valid|could not|too large|unsupported)/, failureClass: 'invalid_image', statuses: only(400, 413, 422) },
]

export function classifyFailure(facts: FailureFacts): FailureClass {
  if (facts.page === 'challenge') return 'challenge'
  if (facts.page === 'blocked' && facts.status === 403) return 'edge_blocked'
  const { status } = facts
  for (const code of facts.codes) {
    const known = Object.hasOwn(BY_CODE, code) ? BY_CODE[code] : undefined
    // The documented plan lane names the model as an unsupported capability.
    if (known === 'unsupported_parameter' && facts.param === 'model') return 'model_not_available'
    if (known) return known
  }
  if (facts.param?.endsWith('.image_url') && (status === undefined || refusal(status))) return 'invalid_image'
  const rule = BY_PROSE.find((one) => (status === undefined || one.statuses(status)) && one.words.test(facts.prose))
  return rule?.failureClass ?? byStatus(status, facts)
}

function byStatus(status: number | undefined, facts: FailureFacts): FailureClass {
  switch (status) {
    case undefined:
      return 'stream_failed'
    case 401:
      return 'unauthenticated'
    case 402:
      return 'quota'
    case 403:
      return 'access_denied'
    case 404:
      // The only thing a well-formed call can name wrongly is the model; a page or a named path is another matter.
      return facts.page === 'none' && !/\b(?:url|path|route|endpoint)\b/.test(facts.prose) ? 'model_not_available' : 'not_found'
    case 408:
      return 'request_timeout'
    case 413:
      return 'too_large'
    case 425:
    case 426:
      return 'unavailable'
    case 429:
      return 'rate_limited'
    default:
      return status >= 500 ? 'unavailable' : status >= 400 ? 'invalid_request' : status >= 300 ? 'redirected' : 'unexpected_content'
  }
}
