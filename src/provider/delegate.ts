/**
 * Delegation along a chain: the first candidate that serves answers. Until output has been shown a
 * failure that another candidate can cure moves the call on; after that it never silently starts over.
 */
import {
  LLMError, NotFoundError, QuotaExceededError, isLLMError, isServable,
  type CallOptions, type CandidateVerdict, type ChatRequest, type Degradation, type Provider, type RouteAttempt, type RouteReceipt, type StreamEvent,
} from '../contract/index.js'
import { fallbackScopeOf } from './fallback-scope.js'
import { admitRoute } from './admit-call.js'
import type { ProviderDeps, ProviderSettings, ResolvedRoute } from './deps.js'
import { orAbort } from '../lib/index.js'
import { CallEmitter } from './emitter.js'
import { runOnOtherProvider } from './run-on-other-provider.js'
import { createReceipt, type CallPlan, type Deliver, type Outcome, type RetryBudget } from './call.js'
import { runCall } from './run-call.js'
import type { ProviderContext } from './provider-context.js'
import { StreamWriter } from './sink.js'

export interface Delegation {
  roles: readonly string[]
  request: ChatRequest
  options: CallOptions
  signal: AbortSignal
  /** the provider that delegates: its own candidates run here, others through the host */
  self: Provider
}

/** Resolves the roles and runs their chain; ends in an outcome whatever happens. */
export async function runDelegation(shared: ProviderContext, delegation: Delegation, deliver: Deliver<StreamEvent>): Promise<Outcome> {
  const context = { ...shared, emitter: new CallEmitter(shared.emitter, delegation.signal) }
  const { deps, emitter } = context
  try {
    const asked = await orAbort(deps.resolveRoute(delegation.roles), delegation.signal)
    const [wanted] = usableOf(asked)
    if (wanted === undefined) throw nothingServes(deps, delegation.roles, asked)
    // The windows are this account's: what another provider serves draws on none of them.
    const route = deps.admission === undefined || findOther(deps, delegation, wanted) ? asked
      : await admitRoute(context, asked, { roles: delegation.roles, signal: delegation.signal, usableOf })
    const usable = usableOf(route)
    await emitter.emit('resolve', { provider: deps.mountName, route: receiptOf(deps, delegation, route, usable[0]) })
    return await runChain(context, delegation, route, usable, deliver)
  } catch (thrown) {
    const error = deps.redactor.error(isLLMError(thrown) ? thrown : new LLMError(String(thrown), { provider: deps.mountName, cause: thrown }))
    const writer = new StreamWriter({ sessionId: deps.sessionId, thinking: true, stamp: context.stamp })
    await deliver(writer.fail(error))
    return { error }
  }
}

const usableOf = ({ candidates }: ResolvedRoute): CandidateVerdict[] => candidates.filter(({ status, resolved_model: model }) => isServable(status) && model !== undefined)

async function runChain(
  context: ProviderContext, delegation: Delegation, route: ResolvedRoute, usable: readonly CandidateVerdict[], deliver: Deliver<StreamEvent>,
): Promise<Outcome> {
  const { deps, emitter } = context
  // One call: what a host writes to the mount's config meanwhile counts from the next.
  const { settings } = deps
  const budget: RetryBudget = { left: settings.maxRetries, max: settings.maxRetries }
  let degradation = steppedDown(route) ?? skippedBefore(route, usable[0] as CandidateVerdict)
  const attempts: RouteAttempt[] = []
  let position = 0
  for (;;) {
    const candidate = usable[position] as CandidateVerdict
    const trial = new Trial(deliver)
    const outcome = await runCandidate(context, delegation, route, candidate, {
      settings, budget, attempts, hasAlternative: position + 1 < usable.length, ...(degradation && { degradation }),
    }, (events) => trial.deliver(events))
    const { error } = outcome
    if (!error || trial.shown) return outcome
    const next = delegation.signal.aborted ? undefined : nextCandidate(usable, position, error)
    if (next === undefined) {
      await trial.show()
      return outcome
    }
    if (error.code === 'model_not_available') void deps.catalog.list({ refetch: true }).catch(() => undefined)
    const successor = usable[next] as CandidateVerdict
    degradation = {
      requested: degradation?.requested ?? (candidate.resolved_model as string),
      actual: successor.resolved_model as string,
      reason: `${candidate.resolved_model}: ${error.code ?? error.name}`,
    }
    await emitter.emit('fallback', {
      provider: deps.mountName,
      role: route.role ?? delegation.roles.join(', '),
      from_model: candidate.resolved_model as string,
      to_model: successor.resolved_model as string,
      reason: error.message,
      error_type: error.name,
    })
    position = next
  }
}

/** Holds a candidate's events back until it shows output; what failed before that leaves no trace in the stream. */
class Trial {
  /** output was shown, or the answer's end */
  shown = false
  readonly #held: StreamEvent[] = []

  constructor(private readonly out: Deliver<StreamEvent>) {}

  deliver(events: readonly StreamEvent[]): Promise<void> | undefined {
    if (this.shown) return this.out(events)
    this.#held.push(...events)
    return events.some(({ type }) => type !== 'message.start' && type !== 'error') ? this.show() : undefined
  }

  /** Hands out what was held back. */
  show(): Promise<void> | undefined {
    this.shown = true
    const events = this.#held.splice(0)
    return events.length > 0 ? this.out(events) : undefined
  }
}

function nextCandidate(usable: readonly CandidateVerdict[], position: number, error: LLMError): number | undefined {
  const cure = fallbackScopeOf(error)
  if (cure === 'none') return undefined
  const from = usable[position]?.mounted_as
  for (let index = position + 1; index < usable.length; index++) {
    if (cure === 'next' || usable[index]?.mounted_as !== from) return index
  }
  return undefined
}

/** `settings`: the mount's own; `attempts`: those of the whole chain so far, each candidate adds its own. */
type CandidateTerms = Required<Pick<CallPlan, 'settings' | 'budget' | 'hasAlternative'>> & Pick<CallPlan, 'degradation'> & Pick<RouteReceipt, 'attempts'>

function runCandidate(
  context: ProviderContext, delegation: Delegation, route: ResolvedRoute, candidate: CandidateVerdict, { settings, ...terms }: CandidateTerms,
  deliver: Deliver<StreamEvent>,
): Promise<Outcome> {
  const { deps } = context
  const request = { ...delegation.request, model: candidate.resolved_model as string }
  const other = findOther(deps, delegation, candidate)
  const receipt = { ...receiptOf(deps, delegation, route, candidate), attempts: terms.attempts }
  if (other) {
    return runOnOtherProvider(context, { provider: other, request: withCandidateEffort(request, candidate), options: delegation.options, signal: delegation.signal, receipt, ...terms }, deliver)
  }
  return runCall(context, {
    request,
    options: delegation.options,
    signal: delegation.signal,
    settings: withCandidateConfig(settings, candidate.config),
    delegated: true,
    draw: { essential: route.essential === true, steppedDown: route.admission?.to_model !== undefined, ...(route.admission?.from_model && { askedModel: route.admission.from_model }) },
    route: receipt,
    ...terms,
  }, deliver)
}

/** The host's provider that serves a candidate, where it is not the one that delegates. */
function findOther(deps: ProviderDeps, { self }: Delegation, { mounted_as: name }: CandidateVerdict): Provider | undefined {
  const provider = name === undefined ? undefined : deps.findProvider(name)
  return provider === self ? undefined : provider
}

/** Of a candidate's config another provider can be told the effort alone: a request has no word for the rest. */
function withCandidateEffort(request: ChatRequest, { config }: CandidateVerdict): ChatRequest {
  const effort = config?.['reasoning_effort']
  return typeof effort === 'string' && request.reasoning_effort == null ? { ...request, reasoning_effort: effort } : request
}

/** A candidate's config stands where a spawn would have merged it: over the mount's own. */
function withCandidateConfig(settings: ProviderSettings, config: Record<string, unknown> | undefined): ProviderSettings {
  if (!config) return settings
  const text = (key: string): string | undefined => (typeof config[key] === 'string' ? config[key] : undefined)
  return {
    ...settings,
    reasoningEffort: text('reasoning_effort') ?? settings.reasoningEffort,
    reasoningSummary: text('reasoning_summary') ?? settings.reasoningSummary,
    textVerbosity: text('text_verbosity') ?? settings.textVerbosity,
    serviceTier: text('service_tier') ?? settings.serviceTier,
  }
}

function receiptOf(
  deps: ProviderDeps, delegation: Delegation, route: ResolvedRoute, chosen: CandidateVerdict | undefined,
): RouteReceipt {
  const { candidates, essential: _essential, ...written } = route
  const resolved = chosen?.resolved_model ?? 'none'
  const elsewhere = { lane: undefined, billing: undefined, transport: undefined, transport_reason: 'another provider' }
  return createReceipt(deps, {
    ...written,
    roles: [...delegation.roles],
    candidates: candidates.map((candidate) => ({ ...candidate })),
    requested_model: chosen?.model ?? resolved,
    resolved_model: resolved,
    provider: chosen?.mounted_as ?? deps.mountName,
    ...(chosen && findOther(deps, delegation, chosen) ? elsewhere : {}),
  })
}

function steppedDown({ admission }: ResolvedRoute): Degradation | undefined {
  if (admission?.from_model === undefined || admission.to_model === undefined) return undefined
  const { from_model: requested, to_model: actual, window_minutes: minutes, resets_at: until } = admission
  return { requested, actual, reason: `a lower tier: the quota window of ${minutes} minutes would not last until ${until}` }
}

/** A live candidate that was passed over because its quota is gone is a degradation; one that never matched is not. */
function skippedBefore(route: ResolvedRoute, first: CandidateVerdict): Degradation | undefined {
  for (const candidate of route.candidates) {
    if (candidate === first) return undefined
    if (candidate.status === 'exhausted') {
      return {
        requested: candidate.resolved_model ?? candidate.model,
        actual: first.resolved_model as string,
        reason: `${candidate.resolved_model ?? candidate.model}: exhausted until ${candidate.exhausted_until ?? 'its reset'}`,
      }
    }
  }
  return undefined
}

function nothingServes(deps: ProviderDeps, roles: readonly string[], route: ResolvedRoute): LLMError {
  const words = roles.join(', ')
  const exhausted = route.candidates.filter((candidate) => candidate.status === 'exhausted')
  const earliest = exhausted.map((candidate) => Date.parse(candidate.exhausted_until ?? '')).filter(Number.isFinite).sort((a, b) => a - b)[0]
  if (exhausted.length > 0) {
    return new QuotaExceededError(`The quota of every candidate for ${words} is used up; the first is back ${exhausted[0]?.exhausted_until ?? 'later'}. Run 'amplifier-chatgpt status' to see the windows.`, {
      provider: deps.mountName,
      code: 'usage_limit_reached',
      ...(earliest === undefined ? {} : { retry_after: Math.max(0, (earliest - deps.now()) / 1000) }),
    })
  }
  const unknown = (route.unknown_roles ?? []).map(({ role, did_you_mean: meant }) => ` The matrix has no role ${role}${meant === undefined ? '' : `; did you mean ${meant}?`}`).join('')
  const chain = route.candidates.map((candidate) => `${candidate.provider}/${candidate.model} (${candidate.status})`).join(', ')
  return new NotFoundError(
    `No candidate serves ${words}${chain ? `: ${chain}` : ''}.${unknown} Run 'amplifier-chatgpt routing show' to see every role's candidates.`,
    { provider: deps.mountName, code: 'no_live_candidate' },
  )
}
