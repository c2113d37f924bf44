import { costOf } from '../account/index.js'
import type { ChatResponse } from '../contract/index.js'
import type { Call } from './call.js'
import type { ProviderDeps } from './deps.js'

/** An answer of a metered lane with what it cost; without, where the price of its model or of its service tier is not known. */
export function priceAnswer({ credentials: { billing } }: ProviderDeps, { model }: Call, response: ChatResponse, servedModel: string | undefined): ChatResponse {
  const { usage } = response
  if (billing !== 'metered' || !usage || model.serviceTier !== undefined) return response
  const cost = costOf(servedModel ?? model.slug, usage)
  return cost === undefined ? response : { ...response, usage: { ...usage, cost_usd: cost } }
}
