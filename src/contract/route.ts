/** The route receipt: how a call came to the model that answered it. Rides in `metadata.route` and on `provider:resolve`. */

import type { Billing, LaneName } from './lanes.js'

/** What is known of a candidate: `live` is in the account's list, `unverified` could not be compared with one. */
export type CandidateStatus =
  | 'live'
  | 'unverified'
  | 'no_match'
  | 'could_not_list'
  | 'exhausted'
  | 'not_mounted'
  | 'unavailable'
  | 'not_tried'

/** The 13 roles that agents may rely on, in the order of the host's documentation. */
export const KNOWN_ROLES = [
  'general', 'fast', 'coding', 'ui-coding', 'security-audit', 'reasoning', 'critique', 'creative', 'writing',
  'research', 'vision', 'image-gen', 'critical-ops',
] as const

/** True for the two verdicts with which a call may be made. */
export function isServable(status: CandidateStatus): boolean {
  return status === 'live' || status === 'unverified'
}

/** One candidate of a role, and whether it can serve. */
export interface CandidateVerdict {
  provider: string
  /** as the matrix writes it: a literal or a glob */
  model: string
  status: CandidateStatus
  /** what the candidate resolved to, where it did */
  resolved_model?: string
  /** mounted key of the provider, where it is mounted */
  mounted_as?: string
  config?: Record<string, unknown>
  /** ISO 8601, with `exhausted` */
  exhausted_until?: string
  /** what else there is to say: the nearest existing model, the failure of the listing */
  detail?: string
  /** line of the candidate in the matrix file, from 1 */
  line?: number
}

/** What the session that delegates runs on: the tier and effort that a role may inherit. */
export interface CallerContext {
  /** the word that a tier ladder knows the provider by */
  family: string
  model: string
  /** null where the session says none */
  effort: string | null
  /** mounted key of the session's own provider */
  provider_key: string
}

/** A model, maybe a pattern, and an effort, as a clamp record has them. */
export interface Intent {
  model: string | null
  effort: string | null
}

/** What a role asked for, what it was granted in view of its caller, and why; payload of `routing:intent-clamped`. */
export interface ClampRecord {
  role: string
  /** the preset's `inherit` */
  mode: string
  /** false where the caller's intent could not be taken over */
  honored: boolean
  reason: string
  caller: CallerContext | null
  requested: Intent
  granted: Intent
  /** the role was let above its caller's tier */
  escalated: boolean
  escalations_remaining: number
}

/** How a session's own preference was put back in force; payload of `routing:role-pin-reasserted`. */
export interface RolePinRecord {
  reasserted: boolean
  reason: 'mount_state_disagreed_with_declared_pin' | 'pinned_provider_not_mounted' | 'no_writable_priority_surface'
  /** mounted key; where none is mounted, the first preference's word */
  pinned_provider: string
  /** the mounted key that orchestrators would have selected */
  would_have_resolved_to?: string
  /** by mounted key; 100 where a provider says none */
  priorities_before?: Record<string, number>
  priorities_after?: Record<string, number>
  priority_reasserted?: boolean
  model_reasserted?: boolean
  model_before?: unknown
  model_after?: unknown
  /** sorted */
  config_keys_reasserted?: readonly string[]
  /** which of several preferences, from 0 */
  preference_index?: number
  tried_providers?: readonly string[]
  mounted?: readonly string[]
  pinned_provider_declared?: string
  /** by what rule the word was found */
  provider_resolution?: string
  resolution_candidates?: readonly string[]
  model_not_reasserted_reason?: 'model_is_unresolved_pattern' | 'no_writable_model_surface'
  pinned_model?: string | null
  /** written to `config`, while the provider's attribute still says something else */
  inert_config_keys?: readonly string[]
  unrestorable_config_keys?: readonly string[]
}

/** One request that was sent, or that failed before it was. */
export interface RouteAttempt {
  model: string
  /** absent where another provider of the host was asked */
  transport?: 'sse' | 'websocket'
  outcome: 'ok' | 'error'
  /** the error's kind */
  error_type?: string
  error_code?: string
}

/** How much of the prompt the backend had cached, in tokens. */
export interface CacheReceipt {
  key: string
  cached_tokens: number
  uncached_tokens: number
  /** the first part of the request that differs from the turn before, where the prefix broke */
  first_difference?: string
}

/** One window of the account's quota as it was last seen. */
export interface QuotaWindow {
  /** `codex` or another limit id of the account */
  limit_id: string
  window_minutes: number
  used_percent: number
  /** ISO 8601 */
  resets_at?: string
  source: 'headers' | 'event' | 'error' | 'usage'
  /** ISO 8601 */
  observed_at: string
  /** seconds since it was observed */
  age_seconds: number
}

/** A quota window that would not last until its reset, and what is kept of it. */
export interface AdmissionWindow {
  limit_id: string
  window_minutes: number
  used_percent: number
  /** what essential calls will need until the reset */
  reserve_percent: number
  /** ISO 8601: when the rest is used up if every call goes as it is asked; absent where that can't be told yet */
  runs_out_at?: string
  /** ISO 8601 */
  resets_at: string
}

/** What admission by forecast did with a call, and why. */
export interface AdmissionRecord extends AdmissionWindow {
  /** served by a lower tier, or kept waiting and then served as asked */
  action: 'step_down' | 'wait'
  /** with `step_down`: what would have served */
  from_model?: string
  to_model?: string
  /** ms for which the call waited for the window */
  waited_ms?: number
}

/** How a call came to the model that answered it, and over what. */
export interface RouteReceipt {
  role?: string
  roles?: string[]
  matrix?: string
  /** file and line of the role in force */
  file?: string
  line?: number
  /** `matrix`, or the settings file that overrides the role */
  origin?: string
  candidates?: CandidateVerdict[]
  /** where the matrix's preset looked at the caller: what was asked, what was granted and why */
  clamp?: ClampRecord
  requested_model: string
  resolved_model: string
  /** reasoning effort as it was sent; absent where the model's own default decided */
  effort?: string
  /** what really answered, `unknown` where the wire did not say */
  served_model: string
  provider: string
  /** This and the next two are ours to say: absent where another provider of the host answers and does not say. */
  lane?: LaneName
  billing?: Billing
  transport?: 'sse' | 'websocket'
  attempts: RouteAttempt[]
  /** ms for which the call waited for a place of the account; absent where one was free at once */
  waited_ms?: number
  /** where a window would not have lasted: what was done with the call */
  admission?: AdmissionRecord
  /** why this transport */
  transport_reason: string
  cache?: CacheReceipt
  quota?: QuotaWindow[]
}
