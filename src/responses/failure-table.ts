/** One row for each class of failure: the statuses and codes that mean it, the error's kind and code, and the words for what happened and what to do. */
import { laneRow, type LaneName, type LLMErrorName } from '../contract/index.js'
import { CERTIFICATE_ADVICE } from '../lib/index.js'

export interface AdviceContext {
  lane: LaneName
  model: string
  signInCommand: string
  /** seconds */
  retryAfter: number | undefined
  resetsAt: string | undefined
  /** nothing proves that the request did not run */
  mayHaveRun: boolean
  /** host and port */
  proxy: string | undefined
  param: string | undefined
  /** the wire's own code */
  code: string | undefined
  nearestModel: string | undefined
  availableModels: readonly string[]
}

export interface FailureRow {
  kind: Exclude<LLMErrorName, 'LLMError' | 'InvalidToolCallError'>
  /** HTTP statuses that mean it where neither a code nor the prose says more */
  statuses?: readonly number[]
  /** the wire's codes that mean it, whatever the status */
  codes?: readonly string[]
  /** stands for the wire's own word; a default where `keepsCode` */
  code?: string
  /** the wire's own code is kept where it has one; default true where no `code` is given */
  keepsCode?: boolean
  /** where it differs from the kind's default */
  retryable?: boolean
  delayMultiplier?: number
  what: string | ((context: AdviceContext) => string)
  advice: string | ((context: AdviceContext) => string)
}

const TWICE = 'It may have run: send it again only where running twice does no harm.'
const again = (context: AdviceContext) => (context.mayHaveRun ? TWICE : 'Send the request again.')
const signIn = (context: AdviceContext) =>
  laneRow(context.lane).billing === 'metered' ? 'Check the configured API key.' : `Sign in again: ${context.signInCommand}`
const wait = (context: AdviceContext) =>
  context.mayHaveRun ? TWICE : context.retryAfter === undefined ? 'Wait a moment and send the request again.' : `Send the request again in ${context.retryAfter} s.`
const LISTED = 12

const ROWS = {
  quota: {
    statuses: [402], codes: [
      'usage_limit_reached', 'usage_not_included', 'insufficient_quota', 'subscription_sharing_usage_limit_exceeded',
      'credit_balance_exhausted', 'organization_spend_limit_exceeded', 'project_spend_limit_exceeded',
      'organization_usage_limit_exceeded', 'workspace_owner_credits_depleted', 'workspace_member_credits_depleted',
      'workspace_owner_usage_limit_reached', 'workspace_member_usage_limit_reached', 'billing_hard_limit_reached',
    ],
    kind: 'QuotaExceededError', code: 'usage_limit_reached', keepsCode: true,
    what: 'The quota of this account is used up',
    advice: (context) => adviseQuota(context),
  },
  rate_limited: {
    statuses: [429], codes: ['rate_limit_exceeded', 'rate_limit_error', 'slow_down', 'too_many_requests'],
    kind: 'RateLimitError', code: 'rate_limit_exceeded', keepsCode: true, what: 'Too many requests at once', advice: wait,
  },
  at_capacity: {
    codes: ['server_is_overloaded', 'server_overloaded', 'overloaded_error', 'at_capacity'],
    kind: 'ProviderUnavailableError', code: 'at_capacity', delayMultiplier: 5,
    what: (context) => `The model "${context.model}" is at capacity`, advice: 'Wait a while before sending the request again, or use another model.',
  },
  flex_unavailable: {
    codes: ['flex_unavailable'],
    kind: 'ProviderUnavailableError', retryable: false,
    what: 'The flex service tier is not available now', advice: 'Leave the service tier out of the request.',
  },
  unavailable: {
    statuses: [425, 426], codes: ['subscription_sharing_usage_unavailable', 'subscription_sharing_user_unavailable'],
    kind: 'ProviderUnavailableError', what: 'The backend could not serve the request', advice: wait,
  },
  model_not_available: {
    codes: ['model_not_found', 'model_not_available', 'model_not_supported', 'unsupported_model', 'invalid_model', 'model_deprecated'],
    kind: 'NotFoundError', code: 'model_not_available',
    what: (context) => `The model "${context.model}" is unknown to the backend or not available to this account`,
    advice: (context) => adviseModel(context),
  },
  not_found: { kind: 'NotFoundError', code: 'not_found', keepsCode: true, what: 'The backend knows nothing under this address', advice: 'Check base_url.' },
  unauthenticated: {
    statuses: [401], codes: ['token_expired', 'token_invalidated', 'token_revoked', 'invalid_token', 'invalid_api_key', 'authentication_error'],
    kind: 'AuthenticationError', code: 'unauthorized', keepsCode: true, what: 'The backend refused the credentials', advice: signIn,
  },
  missing_scopes: {
    codes: ['missing_scopes'],
    kind: 'AuthenticationError', code: 'missing_scopes',
    what: 'The credentials lack the scope model.request',
    advice: (context) => `Sign in to the workspace that has access to the models: ${context.signInCommand}`,
  },
  missing_account: {
    codes: ['missing_account'],
    kind: 'AuthenticationError', code: 'missing_account',
    what: 'The backend misses a valid workspace or account id',
    advice: (context) => `Sign in and choose the workspace that the calls are to run in: ${context.signInCommand}`,
  },
  consent_needed: {
    codes: ['subscription_sharing_invalid_user', 'chatpass_v2_scope_not_authorized', 'chatpass_v2_invalid_authorization_context'],
    kind: 'AuthenticationError', what: 'The sign-in does not allow this app to use the plan',
    advice: (context) => `Sign in again and allow the use of the plan: ${context.signInCommand}`,
  },
  challenge: {
    kind: 'ProviderUnavailableError', code: 'cloudflare_challenge',
    what: 'A browser check stood before the backend instead of an answer', advice: 'Wait a moment and send the request again; from behind a VPN or proxy try without it.',
  },
  edge_blocked: {
    kind: 'AccessDeniedError', code: 'edge_blocked', what: 'The network edge before the backend blocked the request',
    advice: 'This address or region may not be served: try from another network.',
  },
  access_denied: {
    statuses: [403], codes: [
      'subscription_sharing_user_not_eligible', 'subscription_sharing_route_not_supported', 'missing_codex_entitlement',
      'deactivated_workspace', 'account_deactivated', 'unsupported_country_region_territory', 'permission_error',
    ],
    kind: 'AccessDeniedError', code: 'access_denied', keepsCode: true, what: 'The backend denied access',
    advice: 'Check that the plan and the workspace of this account include what was asked for.',
  },
  context_length: {
    codes: ['context_length_exceeded', 'context_window_exceeded'],
    kind: 'ContextLengthError', code: 'context_length_exceeded',
    what: (context) => `The request does not fit into the context window of "${context.model}"`, advice: 'Shorten or compact the conversation.',
  },
  content_filter: {
    codes: [
      'content_filter', 'content_policy_violation', 'cyber_policy', 'bio_policy', 'misalignment_policy_violation',
      'moderation_blocked',
    ],
    kind: 'ContentFilterError', code: 'content_filter', keepsCode: true,
    what: 'The content was stopped by a policy of the backend', advice: 'Change the request; sent again unchanged it will be stopped again.',
  },
  previous_response_not_found: {
    codes: ['previous_response_not_found'],
    kind: 'InvalidRequestError', code: 'previous_response_not_found', retryable: true,
    what: 'The server no longer has the response that the request goes on from', advice: 'Send the whole conversation.',
  },
  connection_limit: {
    codes: ['websocket_connection_limit_reached'],
    kind: 'ProviderUnavailableError', code: 'websocket_connection_limit_reached',
    what: 'The WebSocket connection has reached its time limit', advice: 'Connect again and send the request again.',
  },
  invalid_encrypted_content: {
    codes: ['invalid_encrypted_content'],
    kind: 'InvalidRequestError', code: 'invalid_encrypted_content',
    what: 'The server cannot read the encrypted reasoning in the conversation', advice: 'Send the request again without the reasoning of earlier turns.',
  },
  no_tool_output: {
    kind: 'InvalidRequestError', code: 'no_tool_output_found',
    what: 'A tool call in the conversation has no result', advice: 'Add the missing tool result, or take the call out.',
  },
  no_tool_call: {
    kind: 'InvalidRequestError', code: 'no_tool_call_found',
    what: 'A tool result in the conversation has no call', advice: 'Add the missing tool call, or take the result out.',
  },
  item_not_found: {
    kind: 'InvalidRequestError', code: 'item_not_found',
    what: 'The conversation refers to an item that the server did not keep', advice: 'Send the request again without the reasoning of earlier turns.',
  },
  invalid_image: {
    codes: ['invalid_image', 'invalid_image_url'],
    kind: 'InvalidRequestError', code: 'invalid_image', keepsCode: true, what: 'The backend cannot use an image of the request', advice: 'Send images as PNG, JPEG, WebP or GIF within the size limits.',
  },
  unsupported_parameter: {
    codes: ['subscription_sharing_unsupported_capability', 'unsupported_parameter', 'unknown_parameter', 'unsupported_value'],
    kind: 'InvalidRequestError', code: 'unsupported_parameter', keepsCode: true, what: 'The backend does not take a part of the request',
    advice: (context) => (context.param === undefined ? 'Leave out what the message names.' : `Leave out or change "${context.param}".`),
  },
  too_large: {
    statuses: [413], codes: ['message_too_big'],
    kind: 'InvalidRequestError', code: 'message_too_big', what: 'The request is larger than the backend takes', advice: 'Shorten the conversation or send smaller images.',
  },
  invalid_request: {
    codes: ['invalid_prompt'],
    kind: 'InvalidRequestError', code: 'invalid_request', keepsCode: true, what: 'The backend refused the request as invalid', advice: 'Correct the request; sent again unchanged it will be refused again.',
  },
  redirected: { kind: 'NotFoundError', code: 'redirected', what: 'The backend answered with a redirect, which is not followed', advice: 'Check base_url.' },
  request_timeout: { statuses: [408], kind: 'StreamError', code: 'request_timeout', what: 'The backend gave up waiting for the request', advice: again },
  stream_failed: { kind: 'StreamError', code: 'response_failed', keepsCode: true, what: 'The backend broke the answer off with an error', advice: again },
  cancelled: {
    codes: ['response_cancelled', 'cancelled', 'canceled'],
    kind: 'AbortError', code: 'response_cancelled', what: 'The backend cancelled the answer', advice: 'Send the request again if it is still wanted.',
  },
  aborted: { kind: 'AbortError', code: 'aborted', what: 'The call was cancelled', advice: 'Send the request again if it is still wanted.' },
  connect_failed: { kind: 'NetworkError', code: 'connect_failed', keepsCode: true, what: ({ proxy }) => `No connection to the backend came about${proxy === undefined ? '' : ` through the proxy ${proxy}`}`, advice: 'Check the network, the proxy settings and base_url.' },
  tls_failed: {
    kind: 'NetworkError', code: 'tls_failed', keepsCode: true, retryable: false, what: 'The certificate of the backend could not be verified',
    advice: CERTIFICATE_ADVICE,
  },
  misconfigured: { kind: 'ConfigurationError', code: 'misconfigured', keepsCode: true, what: 'A setting keeps every connection from being made', advice: 'Correct base_url, ca_file or the proxy variables.' },
  connect_timeout: { kind: 'NetworkError', code: 'connect_timeout', what: 'The backend did not take the connection in time', advice: 'Check the network and the proxy settings, or raise connect_timeout.' },
  total_timeout: { kind: 'LLMTimeoutError', code: 'total_timeout', what: 'The call took longer than its total limit', advice: 'Raise total_timeout, or ask for less.' },
  first_event_timeout: { kind: 'LLMTimeoutError', code: 'first_event_timeout', what: 'The backend took the request and stayed silent', advice: (context) => `${again(context)} Raise first_event_timeout where answers begin later.` },
  idle_timeout: { kind: 'LLMTimeoutError', code: 'idle_timeout', what: 'The backend fell silent in the middle of the answer', advice: (context) => `${again(context)} Raise timeout where answers pause longer.` },
  cut: { kind: 'StreamError', code: 'stream_cut', keepsCode: true, what: 'The answer stopped before its end', advice: again },
  closed: { kind: 'StreamError', what: 'The backend closed the WebSocket connection before the end of the answer', advice: again },
  unexpected_content: {
    kind: 'ProviderUnavailableError', code: 'unexpected_content',
    what: 'Something other than an event stream came back', advice: 'Check base_url and whatever stands between here and the backend.',
  },
  unreadable: { kind: 'StreamError', code: 'unreadable_answer', what: 'What the backend sent cannot be read', advice: again },
  not_attributable: {
    codes: ['not_attributable'],
    kind: 'StreamError', code: 'not_attributable', what: 'The backend sent events that cannot be told apart from those of another answer', advice: again,
  },
  frame_too_big: { kind: 'StreamError', code: 'frame_too_big', what: 'The backend sent one event that is larger than the limit', advice: again },
} satisfies Readonly<Record<string, FailureRow>>

export type FailureClass = keyof typeof ROWS
export const FAILURE_TABLE: Readonly<Record<FailureClass, FailureRow>> = ROWS

function adviseQuota(context: AdviceContext): string {
  if (context.code === 'usage_not_included') return 'The plan does not include this use: choose another model, or a plan that includes it.'
  if (context.code === 'subscription_sharing_usage_limit_exceeded') {
    return 'See https://chatgpt.com/settings/usage for the limits of the plan and of this app; nothing is moved to another way of paying by itself.'
  }
  return context.resetsAt === undefined
    ? 'Use another model, or wait until the quota is renewed.'
    : `It is renewed at ${context.resetsAt}; until then use another model.`
}

function adviseModel({ nearestModel, availableModels }: AdviceContext): string {
  if (nearestModel === undefined) return 'Name a model that the catalog lists.'
  const more = availableModels.length > LISTED ? ', …' : ''
  return `Nearest available: "${nearestModel}". Available: ${availableModels.slice(0, LISTED).join(', ')}${more}.`
}
