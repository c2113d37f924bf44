import { laneRow, type LaneName } from '../contract/index.js'
import { decodeModels } from './decode-models.js'
import { DEFAULT_CONTEXT_WINDOW, type CatalogModel } from './catalog-model.js'

const EFFORTS = ['low', 'medium', 'high', 'xhigh']
/**
 * What the windows can be raised to, in tokens: the figures that the Python module plans with. A plan serves the usual
 * window and refuses more, so that this one is told until a live list says otherwise.
 */
const MAX_WINDOWS: Readonly<Record<string, number>> = {
  'gpt-6.1-sol': 272_000, 'gpt-6-luna': 272_000, 'gpt-5.6-sol': 1_000_000, 'gpt-5.6-terra': 1_000_000, 'gpt-5.6-luna': 1_000_000,
  'gpt-5.5': 1_000_000, 'gpt-5.4': 272_000, 'gpt-5.4-mini': 1_047_576,
}
/** The Python module's built-in names of November 2026, the flagship first. */
export const BUILT_IN: readonly string[] = Object.keys(MAX_WINDOWS)

/**
 * What is listed where no list was ever to be had. They are marked `fallback`; nothing may take them for what the
 * account has. None in a lane that has its own list or nothing.
 */
export function buildFallbackModels(lane: LaneName = 'codex'): readonly CatalogModel[] {
  if (!laneRow(lane).fallbackModels) return []
  return decodeModels(BUILT_IN.map((slug) => ({
    slug, supported_reasoning_levels: EFFORTS, default_reasoning_level: 'medium', support_verbosity: true, context_window: DEFAULT_CONTEXT_WINDOW, max_context_window: MAX_WINDOWS[slug],
    ...(slug === 'gpt-5.4-mini' ? {} : { additional_speed_tiers: ['fast'] }),
  })))
}
