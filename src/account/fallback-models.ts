import { decodeModels } from './decode-models.js'
import type { CatalogModel } from './catalog-model.js'

const SLUGS = ['gpt-6.1-sol', 'gpt-6-luna', 'gpt-5.6-sol', 'gpt-5.6-terra', 'gpt-5.6-luna', 'gpt-5.5', 'gpt-5.4', 'gpt-5.4-mini']
const EFFORTS = ['low', 'medium', 'high', 'xhigh']

/**
 * What is listed where no list was ever to be had: what a plan's list held in October 2026. They are marked
 * `fallback`; nothing may take them for what the account has.
 */
export function buildFallbackModels(): readonly CatalogModel[] {
  return decodeModels(SLUGS.map((slug) => ({
    slug, supported_reasoning_levels: EFFORTS, default_reasoning_level: 'medium', support_verbosity: true,
  })))
}
