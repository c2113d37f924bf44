import { livePriority, readLive } from './live-fields.js'
import { configOf, entryOf, moduleTypeOf, servesModel, type PlanEntry } from './plan-entries.js'
import { bareName } from './provider-words.js'
import { pythonInt } from './python-text.js'

/** Which mounted provider a preference means, and by what rule. */
export interface Pinned {
  key: string
  /** `module_single`, `module_default_model`, `module_priority`, `instance_id`, or `name_variant_…` */
  how: string
  /** every key that answers to the word, sorted */
  candidates: readonly string[]
}

export interface PinnedQuestion {
  word: string
  /** the preference's model, maybe a pattern */
  model: string | undefined
  /** mounted key → provider, as far as the matrix's scope lets it be pinned */
  providers: ReadonlyMap<string, unknown>
  entries: readonly PlanEntry[]
}

/**
 * The mounted provider that a preference names: first as a module (matrices write modules), then as a mounted key, then
 * as another spelling of one. A module comes first so that an instance that is merely called like another module cannot
 * stand for it. Families are not followed here.
 */
export function findPinned(question: PinnedQuestion): Pinned | undefined {
  const { word, providers, entries } = question
  const keys = [...providers.keys()].sort()
  const bare = bareName(word)
  const ofModule = keys.filter((key) => moduleTypeOf(entryOf(entries, key)) === bare)
  if (ofModule.length > 0) {
    const { key, by } = pick(ofModule, question)
    // To name a key exactly says more than a priority does, and less than a model.
    if (by === 'priority' && ofModule.includes(word)) return { key: word, how: 'instance_id', candidates: ofModule }
    return { key, how: `module_${by}`, candidates: ofModule }
  }
  if (providers.has(word)) return { key: word, how: 'instance_id', candidates: [word] }
  const spelled = keys.filter((key) => bareName(key) === bare)
  if (spelled.length === 0) return undefined
  const { key, by } = pick(spelled, question)
  return { key, how: `name_variant_${by}`, candidates: spelled }
}

/** Of several the one that is configured for the model, among those or all the lowest priority, then the first by name. */
function pick(keys: readonly string[], question: PinnedQuestion): { key: string; by: 'single' | 'default_model' | 'priority' } {
  const [only] = keys
  if (keys.length === 1 && only !== undefined) return { key: only, by: 'single' }
  const intended = keys.filter((key) => isFor(key, question))
  const pool = intended.length > 0 ? intended : keys
  const best = pool.reduce((left, right) => (priorityOf(right, question) < priorityOf(left, question) ? right : left))
  return { key: best, by: intended.length > 0 ? 'default_model' : 'priority' }
}

function isFor(key: string, { model, providers, entries }: PinnedQuestion): boolean {
  if (model === undefined) return false
  return servesModel(configOf(entryOf(entries, key))['default_model'], model) || servesModel(readLive(providers.get(key), 'default_model'), model)
}

/** The plan's word goes before the mounted object's: a pin is there to correct the latter. */
function priorityOf(key: string, { providers, entries }: PinnedQuestion): number {
  return pythonInt(configOf(entryOf(entries, key))['priority']) ?? livePriority(providers.get(key))
}
