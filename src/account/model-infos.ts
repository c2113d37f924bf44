import { laneRow, SPEED_TIERS, type JsonObject, type ModelInfo, type ModelPricing } from '../contract/index.js'
import type { CatalogModel } from './catalog-model.js'
import type { CatalogSnapshot } from './catalog.js'
import { priceOf, PRICES_DATE } from './model-prices.js'

/** Tokens; above the plan route's usual window. */
const LONG_CONTEXT = 400_000
const COST_TIERS = ['low', 'medium', 'high', 'extreme'] as const

/** The backend names no prices; sizes are told by the family's own words, and the priority tier costs a step more. */
function estimateCostTier(model: CatalogModel): string {
  const words = model.slug.toLowerCase().split(/[-_.]/)
  const { costSteps = 0 } = SPEED_TIERS.find(({ word }) => word === model.speed) ?? {}
  const has = (...names: string[]) => names.some((name) => words.includes(name))
  const step = has('pro') ? 3 : has('mini', 'nano', 'luna', 'spark') ? 0 : has('sol', 'astra') ? 2 : 1
  return COST_TIERS[Math.min(COST_TIERS.length - 1, step + costSteps)] ?? 'medium'
}

function listCapabilities(model: CatalogModel): string[] {
  const capabilities = ['tools', 'streaming', 'json_mode']
  if (model.efforts.some((effort) => effort !== 'none')) capabilities.push('thinking')
  if (model.inputModalities.includes('image')) capabilities.push('vision')
  if (model.speed !== undefined) capabilities.push(model.speed)
  if (Math.max(model.contextWindow, model.maxContextWindow ?? 0) >= LONG_CONTEXT) capabilities.push('long_context')
  return capabilities
}

/** A speed tier has a price of its own, which is not known. */
function pricingOf({ slug, speed }: CatalogModel): ModelPricing | undefined {
  const price = speed === undefined ? priceOf(slug) : undefined
  return price && { input: price.input, output: price.output, cache_read: price.cache_read, cache_write: price.cache_write ?? price.input, currency: 'USD' }
}

/** The list as the host's ModelInfo, in its order; `metadata` says where it comes from and how old it is. */
export function toModelInfos(snapshot: CatalogSnapshot): ModelInfo[] {
  const priced = laneRow(snapshot.lane).billing === 'metered'
  return snapshot.models.map((model) => {
    const pricing = priced ? pricingOf(model) : undefined
    const defaults: JsonObject = model.defaultEffort === undefined ? {} : { reasoning_effort: model.defaultEffort }
    return {
      id: model.id,
      display_name: model.displayName,
      context_window: model.contextWindow,
      max_output_tokens: model.maxOutputTokens,
      capabilities: listCapabilities(model),
      defaults,
      metadata: { cost_tier: estimateCostTier(model), source: snapshot.source, age_seconds: snapshot.ageSeconds, ...(pricing && { prices_as_of: PRICES_DATE }) },
      ...(pricing && { pricing }),
    }
  })
}
