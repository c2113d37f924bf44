import { SPEED_TIERS, type LaneName } from '../contract/index.js'
import { decodeNumber, defined, isRecord, readString } from '../lib/index.js'
import { DEFAULT_CONTEXT_WINDOW, MAX_OUTPUT_TOKENS, type CatalogModel } from './catalog-model.js'

type Entry = Record<string, unknown>

/** Fields of an entry that we read; the rest, prompts of tens of kilobytes among it, is not kept. */
const READ_FIELDS = [
  'slug', 'id', 'object', 'display_name', 'default_reasoning_level', 'supported_reasoning_levels', 'visibility', 'supported_in_api',
  'priority', 'context_window', 'max_context_window', 'max_output_tokens', 'additional_speed_tiers', 'service_tiers',
  'input_modalities', 'support_verbosity', 'supports_reasoning_summary_parameter', 'supports_reasoning_summaries',
  'supports_parallel_tool_calls', 'prefer_websockets', 'upgrade',
] as const

/** The entry reduced to what {@link decodeModels} reads, for keeping. */
export function trimModelEntry(entry: unknown): unknown {
  if (!isRecord(entry)) return undefined
  const kept: Entry = {}
  for (const field of READ_FIELDS) if (entry[field] !== undefined) kept[field] = entry[field]
  return kept
}

function readText(entry: Entry, key: string): string | undefined {
  const text = readString(entry, key)?.trim()
  return text === '' ? undefined : text
}

/** Far beyond any window or position. */
const MOST = 1e12

function readPositive(entry: Entry, key: string): number | undefined {
  return decodeNumber(entry[key], { least: 1, most: MOST })
}

/** Texts, or the text under one of `keys` of each object; newer servers put objects where older ones put texts. */
function readWords(value: unknown, ...keys: string[]): string[] {
  if (!Array.isArray(value)) return []
  const words = new Set<string>()
  for (const item of value as unknown[]) {
    const word = typeof item === 'string' ? item : isRecord(item) ? keys.map((key) => readString(item, key)).find((text) => text) : undefined
    if (word) words.add(word)
  }
  return [...words]
}

/**
 * Public listings (`{ id, object: "model" }`) don't say how a model reasons; of those names we know that
 * they do, with these efforts at least.
 */
function readEfforts(entry: Entry, slug: string): string[] {
  if (entry['supported_reasoning_levels'] !== undefined || entry['slug'] !== undefined) {
    return readWords(entry['supported_reasoning_levels'], 'effort', 'level', 'id')
  }
  return /^(gpt-([5-9]|\d\d)|o\d|codex)/.test(slug) && !slug.includes('-chat') ? ['low', 'medium', 'high'] : []
}

function isVisible(entry: Entry, lane: LaneName): boolean {
  const visibility = entry['visibility']
  // The plan's documentation: what is to be offered says so.
  if (lane === 'plan') return visibility === 'list'
  return visibility !== 'hide' && visibility !== 'none' && entry['supported_in_api'] !== false
}

/** The words of the tiers that the model has. */
function readSpeeds(entry: Entry): string[] {
  const listed = [...readWords(entry['additional_speed_tiers'], 'id', 'name'), ...readWords(entry['service_tiers'], 'id')]
  return SPEED_TIERS.filter(({ listedAs }) => listedAs.some((word) => listed.includes(word))).map(({ word }) => word)
}

function decodeModel(entry: unknown, position: number, lane: LaneName): { model: CatalogModel; speeds: string[] } | undefined {
  if (!isRecord(entry) || !isVisible(entry, lane)) return undefined
  const slug = readText(entry, 'slug') ?? readText(entry, 'id')
  if (slug === undefined) return undefined
  const efforts = readEfforts(entry, slug)
  const defaultEffort = readText(entry, 'default_reasoning_level')
  const maxContextWindow = readPositive(entry, 'max_context_window')
  const modalities = readWords(entry['input_modalities'], 'type', 'id')
  const upgrade = entry['upgrade']
  const replacedBy = isRecord(upgrade) ? readText(upgrade, 'model') : undefined
  const summaries = entry['supports_reasoning_summary_parameter'] ?? entry['supports_reasoning_summaries']
  const model: CatalogModel = {
    id: slug,
    slug,
    displayName: readText(entry, 'display_name') ?? slug,
    contextWindow: readPositive(entry, 'context_window') ?? maxContextWindow ?? DEFAULT_CONTEXT_WINDOW,
    ...defined({ maxContextWindow }),
    maxOutputTokens: readPositive(entry, 'max_output_tokens') ?? MAX_OUTPUT_TOKENS,
    efforts,
    ...defined({ defaultEffort }),
    // Absent means text and image (wire.md 5).
    inputModalities: entry['input_modalities'] === undefined || modalities.length === 0 ? ['text', 'image'] : modalities,
    supportsVerbosity: entry['support_verbosity'] === true,
    supportsReasoningSummary: typeof summaries === 'boolean' ? summaries : efforts.length > 0,
    priority: decodeNumber(entry['priority'], { least: -MOST, most: MOST }) ?? position,
    ...defined({ replacedBy }),
  }
  return { model, speeds: lane === 'plan' ? [] : readSpeeds(entry) }
}

/**
 * The account's models in the order the backend listed them, each followed by its variants, such as `-fast`, where
 * it has the tier. Hidden entries, those without a slug and later ones of the same slug are left out;
 * unknown fields and values are passed over. In lane plan only what is marked `list`, and no variants.
 */
export function decodeModels(entries: readonly unknown[], lane: LaneName = 'codex'): readonly CatalogModel[] {
  const decoded = entries.map((entry, position) => decodeModel(entry, position, lane)).filter((item) => item !== undefined)
  const listed = new Set(decoded.map(({ model }) => model.id))
  const models = new Map<string, CatalogModel>()
  for (const { model, speeds } of decoded) {
    if (models.has(model.id)) continue
    models.set(model.id, Object.freeze(model))
    for (const speed of speeds) {
      const id = `${model.slug}-${speed}`
      if (!listed.has(id)) models.set(id, Object.freeze({ ...model, id, displayName: `${model.displayName} (${speed})`, speed }))
    }
  }
  return Object.freeze([...models.values()])
}
