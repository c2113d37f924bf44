/**
 * The catalog a twin starts with: what was listed in October 2026, with the 5.x models that older hosts name.
 * Prompt texts (base_instructions, model_messages) are left out: nobody here reads them.
 */
const LEVELS: Record<string, string> = {
  none: 'Answers at once', minimal: 'Hardly any reasoning', low: 'Fast, with lighter reasoning', medium: 'Balances speed and depth',
  high: 'Greater depth for hard problems', xhigh: 'Extra depth for the hardest problems', max: 'All the reasoning there is',
}

interface Recipe {
  slug: string
  name: string
  efforts: string[]
  /** default medium */
  effort?: string
  /** default list */
  visibility?: string
  fast?: boolean
  contextWindow?: number
  minimalClientVersion?: string | number[]
  websockets?: boolean
  textOnly?: boolean
  lite?: boolean
}

const STANDARD = ['low', 'medium', 'high', 'xhigh']
const DEEP = [...STANDARD, 'max']

const RECIPES: Recipe[] = [
  { slug: 'gpt-6.1-sol', name: 'GPT-6.1 Sol', efforts: DEEP, fast: true, contextWindow: 872_000, minimalClientVersion: '0.160.0', websockets: true },
  { slug: 'gpt-6-sol', name: 'GPT-6 Sol', efforts: DEEP, fast: true, contextWindow: 872_000, minimalClientVersion: '0.155.0', websockets: true },
  { slug: 'gpt-6-luna', name: 'GPT-6 Luna', efforts: ['none', ...DEEP], effort: 'low', minimalClientVersion: '0.155.0', websockets: true },
  { slug: 'gpt-6-astra', name: 'GPT-6 Astra', efforts: DEEP, minimalClientVersion: '0.153.0', websockets: true },
  { slug: 'gpt-5.6-sol', name: 'GPT-5.6 Sol', efforts: DEEP, fast: true, websockets: true, lite: true },
  { slug: 'gpt-5.6-terra', name: 'GPT-5.6 Terra', efforts: STANDARD, websockets: true, lite: true },
  { slug: 'gpt-5.6-luna', name: 'GPT-5.6 Luna', efforts: ['none', ...STANDARD], effort: 'low', websockets: true, lite: true },
  { slug: 'gpt-5.5', name: 'GPT-5.5', efforts: STANDARD, fast: true, minimalClientVersion: '0.98.0', websockets: true },
  { slug: 'gpt-5.5-pro', name: 'GPT-5.5 Pro', efforts: ['medium', 'high', 'xhigh'], effort: 'high', minimalClientVersion: '0.98.0' },
  { slug: 'gpt-5.4', name: 'GPT-5.4', efforts: STANDARD, fast: true, minimalClientVersion: [0, 99, 0], websockets: true },
  { slug: 'gpt-5.4-mini', name: 'GPT-5.4 Mini', efforts: STANDARD },
  { slug: 'gpt-5.3-codex', name: 'GPT-5.3 Codex', efforts: STANDARD },
  { slug: 'gpt-5.2', name: 'GPT-5.2', efforts: ['none', ...STANDARD] },
  { slug: 'gpt-5-text', name: 'GPT-5 Text', efforts: [], visibility: 'none', textOnly: true },
  { slug: 'gpt-daybreak-blue', name: 'Daybreak Blue', efforts: STANDARD, visibility: 'hide' },
  { slug: 'codex-auto-review', name: 'Codex Auto Review', efforts: ['low', 'medium'], effort: 'low', visibility: 'hide' },
]

function buildEntry(recipe: Recipe, index: number): Record<string, unknown> {
  const fast = recipe.fast === true
  return {
    slug: recipe.slug,
    display_name: recipe.name,
    description: `${recipe.name}, as the stand-in lists it.`,
    default_reasoning_level: recipe.efforts.length === 0 ? null : (recipe.effort ?? 'medium'),
    supported_reasoning_levels: recipe.efforts.map((effort) => ({ effort, description: LEVELS[effort] ?? effort })),
    visibility: recipe.visibility ?? 'list',
    supported_in_api: recipe.visibility !== 'hide',
    priority: index + 1,
    context_window: recipe.contextWindow ?? 272_000,
    max_context_window: recipe.contextWindow ?? 272_000,
    effective_context_window_percent: 95,
    truncation_policy: { mode: 'tokens', limit: 10_000 },
    additional_speed_tiers: fast ? ['fast'] : [],
    service_tiers: fast ? [{ id: 'priority', name: 'Fast', description: 'Answers sooner, uses more of the plan' }] : [],
    default_service_tier: null,
    input_modalities: recipe.textOnly === true ? ['text'] : ['text', 'image'],
    supports_image_detail_original: true,
    support_verbosity: recipe.efforts.length > 0,
    default_verbosity: recipe.efforts.length > 0 ? 'low' : null,
    supports_reasoning_summary_parameter: recipe.efforts.length > 0,
    default_reasoning_summary: 'none',
    apply_patch_tool_type: 'freeform',
    shell_type: 'unified_exec',
    web_search_tool_type: 'text_and_image',
    supports_parallel_tool_calls: true,
    supports_search_tool: true,
    experimental_supported_tools: [],
    prefer_websockets: recipe.websockets === true,
    use_responses_lite: recipe.lite === true,
    tool_mode: 'direct',
    minimal_client_version: recipe.minimalClientVersion ?? '0.60.0',
    upgrade: null,
    availability_nux: null,
    available_in_plans: ['plus', 'pro', 'prolite', 'promax', 'team', 'business', 'enterprise', 'edu'],
  }
}

/** The models of a fresh twin, as `/models` lists them. */
export function buildDefaultModels(): Record<string, unknown>[] {
  return RECIPES.map(buildEntry)
}
