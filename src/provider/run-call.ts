import { randomUUID } from 'node:crypto'
import type { CallOptions, ChatRequest, ChatResponse, Degradation, RouteReceipt, StreamEvent } from '../contract/index.js'
import type { Step, WireEvent } from '../responses/index.js'
import { answerCall } from './answer-call.js'
import type { Call, CallHead, RetryBudget } from './call.js'
import { chooseModel } from './choose-model.js'
import type { ProviderDeps, ProviderSettings } from './deps.js'
import type { Emitter } from './emitter.js'
import type { Exchanges } from './exchanges.js'
import { limitTotal } from './limit-total.js'
import type { RequestBuilder } from './request-builder.js'
import type { Deliver, Outcome } from './response-stream.js'
import type { TurnStates } from './turn-states.js'
import { withCallEvents, type AnnounceRequest } from './with-call-events.js'

/** The parts of a provider that its calls share. */
export interface Workshop {
  deps: ProviderDeps
  emitter: Emitter
  exchanges: Exchanges
  builder: RequestBuilder
  turnStates: TurnStates
}

export interface CallPlan {
  request: ChatRequest
  options: CallOptions
  signal: AbortSignal
  settings?: ProviderSettings
  budget?: RetryBudget
  hasAlternative?: boolean
  delegated?: boolean
  degradation?: Degradation
  /** sees the wire's own events before anything is made of them */
  tap?: (events: readonly WireEvent[]) => void
  /** what the chain knows of the route; the call fills in the rest */
  route?: Partial<RouteReceipt>
}

/**
 * Runs one call. The order of wrapping is the design: events outermost, so that there is one pair a
 * call; retry inside them, never emitting `llm:request` again; auth innermost, so that each attempt
 * carries the credential in force.
 */
export async function runCall(workshop: Workshop, plan: CallPlan, deliver: Deliver<StreamEvent>): Promise<Outcome> {
  const { deps, emitter } = workshop
  // A chain has its limit around all of its candidates.
  const { totalTimeoutMs } = plan.delegated ? {} : (plan.settings ?? deps.settings)
  const limit = limitTotal(plan.signal, { provider: deps.mountName, totalTimeoutMs })
  const head = createHead(deps, plan, limit.signal)
  try {
    return await withCallEvents(deps, emitter, head, deliver, (announceRequest, show) => answerHead(workshop, plan, head, announceRequest, show))
  } finally {
    limit.clear()
  }
}

async function answerHead(
  workshop: Workshop, { tap }: CallPlan, head: CallHead, announceRequest: AnnounceRequest, show: Deliver<Step>,
): Promise<ChatResponse> {
  const { deps } = workshop
  head.signal.throwIfAborted()
  const snapshot = deps.catalog.fresh() ?? (await deps.catalog.list({ signal: head.signal }))
  const model = chooseModel(head.request, snapshot, head.settings, deps.mountName)
  head.route.resolved_model = model.slug
  const call: Call = { ...head, model, dropReasoning: false, httpOnly: false, outputSeen: false, continuing: false, retries: 0 }
  head.signal.throwIfAborted()
  return answerCall({ ...workshop, call, announceRequest, show, tap })
}

function createHead(deps: ProviderDeps, plan: CallPlan, signal: AbortSignal): CallHead {
  const settings = plan.settings ?? deps.settings
  const requestedModel = plan.request.model ?? settings.defaultModel
  return {
    id: randomUUID(),
    request: plan.request,
    options: plan.options,
    requestedModel,
    settings,
    signal,
    budget: plan.budget ?? { left: settings.maxRetries, max: settings.maxRetries },
    hasAlternative: plan.hasAlternative ?? false,
    delegated: plan.delegated ?? false,
    ...(plan.degradation ? { degradation: plan.degradation } : {}),
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
