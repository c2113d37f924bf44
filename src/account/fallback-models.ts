import { decodeModels } from './decode-models.js'
import type { CatalogModel } from './catalog-model.js'

const EFFORTS = ['low', 'medium', 'high', 'xhigh']

/**
 * What is listed where no list was ever to be had: the original module's built-in names. They are marked
 * `fallback`; nothing may take them for what the account has.
 */
export function buildFallbackModels(): readonly CatalogModel[] {
  return decodeModels(['gpt-5.5', 'gpt-5.4', 'gpt-5.4-mini', 'gpt-5.3-codex', 'gpt-5.2'].map((slug) => ({
    slug, supported_reasoning_levels: EFFORTS, default_reasoning_level: 'medium', support_verbosity: true,
  })))
}
