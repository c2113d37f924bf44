import { costOf } from '../account/index.js'
import { StreamError, type ChatResponse, type Degradation } from '../contract/index.js'
import { modelOf, type Call } from './call.js'
import type { ProviderDeps } from './deps.js'

/** What was learned of an answer beside it. */
export interface SeenAnswer {
  servedModel?: string | undefined
  /** what broke the prompt cache, where something did */
  cacheBreak?: string | undefined
  /** how the stream differs from the response, where it does */
  streamDifference?: string | undefined
}

/**
 * The finished response with its route receipt, and the word on which model really answered.
 * @throws StreamError under `served_model_policy: fail`, where another model, or nobody knows which, answered
 */
export function finalizeResponse(
  deps: ProviderDeps,
  call: Call,
  response: ChatResponse,
  seen: SeenAnswer,
): ChatResponse {
  const { route } = call
  route.served_model = seen.servedModel ?? 'unknown'
  const cached = response.usage?.cache_read_tokens ?? 0
  route.cache = {
    key: route.cache?.key ?? '',
    cached_tokens: cached,
    uncached_tokens: Math.max(0, (response.usage?.input_tokens ?? 0) - cached),
    ...(seen.cacheBreak !== undefined && { first_difference: seen.cacheBreak }),
  }
  const quota = deps.quota.windows()
  if (quota.length > 0) route.quota = quota
  const substitution = findSubstitution(deps, call, response)
  const unlike = seen.streamDifference === undefined ? undefined : { requested: modelOf(call), actual: route.served_model, reason: seen.streamDifference }
  const degradation = substitution ?? call.degradation ?? unlike
  return {
    ...response,
    ...(degradation && { degradation }),
    metadata: { route, ...response.metadata },
  }
}

function findSubstitution(deps: ProviderDeps, call: Call, partial: ChatResponse): Degradation | undefined {
  const served = call.route.served_model
  if (served === 'unknown' ? call.settings.servedModelPolicy !== 'fail' : isSameModel(call.model.slug, served)) return undefined
  const reason =
    served === 'unknown' ? 'the server did not say which model answered' : `the server answered with ${served} instead of ${call.model.slug}`
  if (call.settings.servedModelPolicy === 'fail') {
    throw new StreamError(`served_model_policy is fail, and ${reason}. The answer is in the error.`, {
      provider: deps.mountName, model: modelOf(call), code: 'served_model', retryable: false, partial,
    })
  }
  if (call.settings.servedModelPolicy === 'warn') deps.warn(reason)
  return { requested: modelOf(call), actual: served, reason }
}

/** A dated name of the same model is the same model. */
function isSameModel(slug: string, served: string): boolean {
  const [wanted, actual] = [slug.toLowerCase(), served.toLowerCase()]
  return actual === wanted || (actual.startsWith(`${wanted}-`) && /^-\d{4}-?\d{2}-?\d{2}$/.test(actual.slice(wanted.length)))
}

/** An answer of a metered lane with what it cost; without, where the price of its model or of its service tier is not known. */
export function priceAnswer({ credentials: { billing } }: ProviderDeps, { model }: Call, response: ChatResponse, servedModel: string | undefined): ChatResponse {
  const { usage } = response
  if (billing !== 'metered' || !usage || model.serviceTier !== undefined) return response
  const cost = costOf(servedModel ?? model.slug, usage)
  return cost === undefined ? response : { ...response, usage: { ...usage, cost_usd: cost } }
}
