import type { CallerContext, EventPayloads, QuotaWindow, RouteReceipt } from '../contract/index.js'
import { defined } from '../lib/index.js'
import { deriveCallerContext } from './caller-context.js'
import type { PlanEntry } from './plan-entries.js'

/** Tokens of a call as the backend counted them. */
export interface CallTokens {
  /** cached ones included */
  input_tokens: number
  cached_tokens: number
  /** reasoning included */
  output_tokens: number
  reasoning_tokens: number
}

/** A quota window as it was last seen when the call ended. */
export interface WindowReading {
  limit_id: string
  window_minutes: number
  used_percent: number
  /** ISO 8601 */
  resets_at?: string
  /** ISO 8601 */
  observed_at: string
}

/** One call of a recording: which model served whom at what cost. No prompt, no answer, no id of an account. */
export interface CallRecord {
  type: 'call'
  version: 1
  /** when it ended, ISO 8601 */
  time: string
  session_id?: string
  status: 'ok' | 'error'
  error_type?: string
  duration_ms: number
  /** mounted key that answered */
  provider: string
  /** absent where the call named a model itself */
  role?: string
  roles?: string[]
  matrix?: string
  model: string
  /** as sent; absent where the model's own default decided */
  effort?: string
  /** what the session that called runs on */
  caller?: CallerContext
  /** models that were passed over because their quota was used up */
  exhausted?: string[]
  tokens?: CallTokens
  windows?: WindowReading[]
}

/** The models that a provider listed, as they were when the calls after it were made. */
export interface CatalogRecord {
  type: 'catalog'
  version: 1
  time: string
  /** mounted key */
  provider: string
  models: string[]
}

/** One line of a recording. */
export type ReplayRecord = CallRecord | CatalogRecord

/** What a recording keeps of an `llm:response`. @param entries the providers of the session's mount plan */
export function buildCallRecord(
  payload: EventPayloads['llmResponse'] & { session_id?: unknown }, options: { entries: readonly PlanEntry[]; nowMs: number },
): CallRecord {
  const { route, usage } = payload
  const caller = deriveCallerContext(options.entries, undefined)
  const exhausted = (route?.candidates ?? []).flatMap(({ status, resolved_model }) => (status === 'exhausted' && resolved_model ? [resolved_model] : []))
  return {
    type: 'call', version: 1, time: new Date(options.nowMs).toISOString(),
    ...(typeof payload.session_id === 'string' ? { session_id: payload.session_id } : {}),
    status: payload.status,
    ...defined({ error_type: payload.error_type }),
    duration_ms: payload.duration_ms,
    provider: route?.provider ?? payload.provider,
    ...(route?.role === undefined ? {} : { role: route.role, roles: route.roles ?? [route.role] }),
    ...(route?.matrix === undefined ? {} : { matrix: route.matrix }),
    model: servedBy(route) ?? payload.model,
    ...(route?.effort === undefined ? {} : { effort: route.effort }),
    ...defined({ caller }),
    ...(exhausted.length === 0 ? {} : { exhausted }),
    ...(usage === undefined ? {} : { tokens: {
      input_tokens: usage.input_tokens, cached_tokens: usage.cache_read_tokens ?? 0,
      output_tokens: usage.output_tokens, reasoning_tokens: usage.reasoning_tokens ?? 0,
    } }),
    ...(route?.quota === undefined ? {} : { windows: route.quota.map(readingOf) }),
  }
}

/** The speed tier of a name draws on the plan in its own way: it stays part of the model. */
function servedBy(route: RouteReceipt | undefined): string | undefined {
  if (route === undefined || route.served_model === 'unknown') return route?.resolved_model
  const fast = /-fast(?::|$)/.test(route.resolved_model) && !route.served_model.endsWith('-fast')
  return fast ? `${route.served_model}-fast` : route.served_model
}

function readingOf({ limit_id, window_minutes, used_percent, resets_at, observed_at }: QuotaWindow): WindowReading {
  return { limit_id, window_minutes, used_percent, ...defined({ resets_at }), observed_at }
}
