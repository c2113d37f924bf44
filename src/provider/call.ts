/** One call: what stays the same over its attempts, and what they learn on the way. */
import type { CallOptions, CallWatch, ChatRequest, ChatResponse, Degradation, LLMError, RouteReceipt, WireSource } from '../contract/index.js'
import type { TypedEvent } from '../responses/index.js'
import type { ModelChoice } from './choose-model.js'
import type { ProviderDeps, ProviderSettings } from './deps.js'

/** How a run ended; it never throws. */
export type Outcome = { response: ChatResponse; error?: undefined } | { response?: undefined; error: LLMError }

/**
 * Hands a batch on; resolves when the next one is wanted, and is undefined where that is so already.
 * The producer waits for it, so a slow reader is a slow producer.
 */
export type Deliver<Item> = (batch: readonly Item[]) => Promise<void> | undefined

/** Retries left beyond each candidate's own first attempt; shared along a chain so that attempts never multiply. */
export interface RetryBudget {
  left: number
  readonly max: number
}

/** How a call draws on the windows. */
export interface Draw {
  essential: boolean
  steppedDown: boolean
  /** what would have served, where that is another model */
  askedModel?: string
}

/** What is asked for, and by whom. */
export interface CallPlan {
  request: ChatRequest
  options: CallOptions
  signal: AbortSignal
  /** default: the mount's */
  settings?: ProviderSettings
  budget?: RetryBudget
  /** another candidate could take over: an overload is not waited out */
  hasAlternative?: boolean
  /** part of a candidate list: a model known to be exhausted is not asked */
  delegated?: boolean
  degradation?: Degradation | undefined
  /** sees the wire's own events before anything is made of them */
  tap?: (events: readonly TypedEvent[], source: WireSource) => void
  /** the answer is to be a checkpoint of the request's messages */
  asCheckpoint?: boolean
  /** a delegation's, which has been admitted; others are admitted as they run */
  draw?: Draw
  /** what the delegation knows of the route; the call fills in the rest */
  route?: Partial<RouteReceipt>
}

/** A call before its model is chosen. */
export interface CallHead extends Required<Omit<CallPlan, 'route' | 'tap' | 'degradation' | 'draw'>>, Pick<CallPlan, 'tap' | 'degradation' | 'draw'> {
  /** as the caller or the mount config named the model */
  readonly requestedModel: string
  /** absent until it is chosen */
  readonly model?: ModelChoice | undefined
  readonly route: RouteReceipt & { transport: 'sse' | 'websocket' }
  /** the last attempt sent reasoning that the server could not decrypt: leave it out */
  dropReasoning: boolean
  /** one message was too large for a WebSocket: this call stays on HTTP */
  httpOnly: boolean
  /** the running request has shown output */
  outputSeen: boolean
  /** who watches was told that the running request brings output */
  streaming: boolean
  /** a part of the answer has been shown whole: no other candidate takes over any more */
  continuing: boolean
  /** waits announced so far, over all requests of the call */
  retries: number
  /** who watches it, where anybody does */
  watch: CallWatch | undefined
}

export interface Call extends CallHead {
  readonly model: ModelChoice
}

/** The name of the model that serves, once it is chosen: `latest`, an effort or `-fast` is the setting's word for it. */
export function modelOf(call: CallHead): string {
  return call.model?.slug ?? call.requestedModel
}

export function openCall(deps: ProviderDeps, plan: CallPlan): CallHead {
  const { request, options, signal, settings = deps.settings, budget, hasAlternative = false, delegated = false, asCheckpoint = false, degradation } = plan
  const requestedModel = request.model ?? settings.defaultModel
  return {
    // Named though it comes later: a property that is added takes 40 bytes more of each call that waits.
    model: undefined,
    request, options, settings, signal, hasAlternative, delegated, asCheckpoint, degradation, requestedModel,
    budget: budget ?? { left: settings.maxRetries, max: settings.maxRetries },
    tap: plan.tap ?? options.onWireEvents,
    ...(plan.draw && { draw: plan.draw }),
    dropReasoning: false, httpOnly: false, outputSeen: false, streaming: false, continuing: false, retries: 0, watch: undefined,
    route: Object.assign(createReceipt(deps, { requested_model: requestedModel, resolved_model: requestedModel, ...plan.route }), { transport: 'sse' as const }),
  }
}

/** The receipt of a call before anything was sent. @param known of its route: both models, and whatever differs from a call of this mount */
export function createReceipt(
  { mountName, credentials: { lane, billing } }: ProviderDeps, known: Pick<RouteReceipt, 'requested_model' | 'resolved_model'> & Partial<RouteReceipt>,
): RouteReceipt {
  return { served_model: 'unknown', provider: mountName, lane, billing, attempts: [], transport: 'sse', transport_reason: 'not sent', ...known }
}
