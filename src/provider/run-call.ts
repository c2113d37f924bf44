import type { CatalogSnapshot } from '../account/index.js'
import type { CallOptions, ChatRequest, ChatResponse, Degradation, RouteReceipt, StreamEvent, WireSource } from '../contract/index.js'
import type { TypedEvent } from '../responses/index.js'
import { answerCall } from './answer-call.js'
import type { Call, CallHead, RetryBudget } from './call.js'
import type { ProviderDeps, ProviderSettings } from './deps.js'
import { limitTotal } from './limit-total.js'
import type { Deliver, Outcome } from './call.js'
import { withCallEvents, type AnnounceRequest, type Screen } from './with-call-events.js'
import type { Workshop } from './workshop.js'

export interface CallPlan {
  request: ChatRequest
  options: CallOptions
  signal: AbortSignal
  settings?: ProviderSettings
  budget?: RetryBudget
  hasAlternative?: boolean
  delegated?: boolean
  degradation?: Degradation | undefined
  /** sees the wire's own events before anything is made of them */
  tap?: (events: readonly TypedEvent[], source: WireSource) => void
  /** what the chain knows of the route; the call fills in the rest */
  route?: Partial<RouteReceipt>
}

/**
 * Runs one call. The order of wrapping is the design: events outermost, so that there is one pair a
 * call; retry inside them, never emitting `llm:request` again; auth innermost, so that each attempt
 * carries the credential in force.
 */
export function runCall(workshop: Workshop, plan: CallPlan, deliver: Deliver<StreamEvent>): Promise<Outcome> {
  const { deps, emitter } = workshop
  // A chain has its limit around all of its candidates.
  const totalTimeoutMs = plan.delegated ? undefined : (plan.settings ?? deps.settings).totalTimeoutMs
  return limitTotal(plan.signal, { provider: deps.mountName, totalTimeoutMs }, (signal) => {
    const head = createHead(deps, plan, signal)
    return withCallEvents(deps, emitter, head, deliver, (announceRequest, screen) => answerHead(workshop, plan, head, announceRequest, screen))
  })
}

function answerHead(
  workshop: Workshop, plan: CallPlan, head: CallHead, announceRequest: AnnounceRequest, screen: Screen,
): Promise<ChatResponse> {
  const { catalog } = workshop.deps
  const tap = plan.tap ?? plan.options.onWireEvents
  head.signal.throwIfAborted()
  const answer = (snapshot: CatalogSnapshot): Promise<ChatResponse> => {
    const model = workshop.chooseModel(head.request, snapshot, head.settings)
    head.route.resolved_model = model.slug
    const call: Call = Object.assign(head, { model, dropReasoning: false, httpOnly: false, outputSeen: false, continuing: false, retries: 0 })
    return answerCall({ workshop, call, announceRequest, screen, tap })
  }
  const known = catalog.fresh()
  return known ? answer(known) : catalog.list({ signal: head.signal }).then(answer)
}

function createHead(deps: ProviderDeps, plan: CallPlan, signal: AbortSignal): CallHead {
  const settings = plan.settings ?? deps.settings
  const requestedModel = plan.request.model ?? settings.defaultModel
  return {
    request: plan.request,
    options: plan.options,
    requestedModel,
    settings,
    signal,
    budget: plan.budget ?? { left: settings.maxRetries, max: settings.maxRetries },
    hasAlternative: plan.hasAlternative ?? false,
    delegated: plan.delegated ?? false,
    degradation: plan.degradation,
    route: {
      requested_model: requestedModel,
      resolved_model: requestedModel,
      served_model: 'unknown',
      provider: deps.mountName,
      lane: deps.credentials.lane,
      billing: deps.credentials.billing,
      attempts: [],
      transport: 'sse',
      transport_reason: 'not sent',
      ...plan.route,
    },
  }
}
