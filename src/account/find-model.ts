import { editDistance } from '../lib/index.js'
import type { CatalogModel } from './catalog-model.js'
import type { CatalogSnapshot } from './catalog.js'
import { BUILT_IN } from './fallback-models.js'

/** The entry of exactly this id; names are the wire's and compare as they are written. */
export function findModel(snapshot: CatalogSnapshot, id: string): CatalogModel | undefined {
  return snapshot.models.find((model) => model.id === id)
}

/** The word for "the first that is listed", as a model's name. */
export const LATEST = 'latest'

/**
 * What {@link LATEST} stands for, undefined where nothing is listed. The Codex backend lists its flagship first and
 * variants behind it; the plan's list is in the order in which it is meant; the public API's is in none, so the first
 * built-in name that it has is taken.
 */
export function latestModel({ models, lane }: CatalogSnapshot): CatalogModel | undefined {
  if (lane === 'plan') return models[0]
  const plain = models.filter(({ id }) => !/-(?:fast|mini)$/.test(id))
  if (lane !== 'api_key') return plain[0] ?? models[0]
  return BUILT_IN.map((slug) => plain.find(({ id }) => id === slug)).find((model) => model !== undefined) ?? plain[0] ?? models[0]
}

/**
 * What is known of a model that may not be listed under its whole name: the entry of that id, else the
 * one whose id is the longest prefix of it up to a `-`, as dated names are (`gpt-5.5-2026-04-23`). Good
 * for limits and efforts; it does not say that the account has the model.
 */
export function describeModel(snapshot: CatalogSnapshot, id: string): CatalogModel | undefined {
  let best: CatalogModel | undefined
  for (const model of snapshot.models) {
    if (model.id === id) return model
    if (id.startsWith(`${model.id}-`) && model.id.length > (best?.id.length ?? 0)) best = model
  }
  return best
}

const words = (id: string): string[] => id.toLowerCase().split(/[-_:/.]/)

/** The smaller, the nearer: words not shared count more than letters. */
function strangeness(wanted: string, id: string): number {
  const own = new Set(words(id))
  const asked = words(wanted)
  const missing = asked.filter((word) => !own.has(word)).length
  return (missing + own.size - (asked.length - missing)) * 4 + editDistance(wanted.toLowerCase(), id.toLowerCase())
}

/** Up to `count` ids of the list that are most like `id`, the nearest first; the announced successor comes before all. */
export function nearestModels(snapshot: CatalogSnapshot, id: string, count = 3): string[] {
  const successor = describeModel(snapshot, id)?.replacedBy
  const ranked = snapshot.models
    .map((model, position) => ({ id: model.id, position, score: model.id === successor ? -1 : strangeness(id, model.id) }))
    .sort((left, right) => left.score - right.score || left.position - right.position)
  return ranked.slice(0, count).map((entry) => entry.id)
}
