import { isRecord } from '../lib/index.js'
import { compileGlob, foldCase, isGlob } from './glob.js'
import { rankModels } from './rank-models.js'

/** One provider's list of models, seen through patterns; answers are kept, so that asking again costs a look-up. */
export interface CatalogView {
  readonly ids: readonly string[]
  /** the provider could not list and answered a built-in list (`metadata.source` is `fallback`) */
  readonly fallback: boolean
  /** The best model that the pattern matches. */
  pick(pattern: string): string | undefined
  /** As `pick`, passing over ids that themselves hold one of `* ? [`. */
  pickPlain(pattern: string): string | undefined
  /** The catalog's own spelling of a literal name. */
  spelling(name: string): string | undefined
  /** Whether the view still shows what this listing says. */
  shows(listing: readonly unknown[]): boolean
}

/** Owner of a listing (a provider, or a preresolved list) → the last view of it. */
export type CatalogMemo = WeakMap<object, CatalogView>

/**
 * Lists are compared item by item up to here. Of a longer one the same array of the same length is believed, and of a new
 * array so many items of the same objects, each look at the next ones: what was listed anew is new in every place, and
 * what was exchanged in one is seen once the looks have gone round.
 */
const COMPARED_ITEMS = 256
/** Patterns come from matrices and are few; the bound is against a caller that makes them up. */
const KEPT_PATTERNS = 1_000

/** The view that `memo` holds for the owner, renewed where the listing has changed. */
export function viewOf(memo: CatalogMemo, owner: object, listing: readonly unknown[]): CatalogView {
  const known = memo.get(owner)
  if (known?.shows(listing)) return known
  const view = createCatalogView(listing)
  memo.set(owner, view)
  return view
}

export function createCatalogView(listing: readonly unknown[]): CatalogView {
  const length = listing.length
  const items = [...listing]
  const raw = listing.map(readId)
  const marks = listing.map(readFallback)
  const ids = raw.filter((id) => id !== undefined)
  let folded: readonly string[] | undefined
  let spellings: ReadonlyMap<string, string> | undefined
  const picks = new Map<string, { best?: string; plain?: string }>()

  let look = 0
  const looksSame = (other: readonly unknown[]): boolean => {
    for (let step = 0; step < COMPARED_ITEMS; step += 1) {
      if (other[look] !== items[look]) return false
      look += 1
      if (look === length) look = 0
    }
    return true
  }

  const pickBoth = (pattern: string): { best?: string; plain?: string } => {
    const known = picks.get(pattern)
    if (known) return known
    folded ??= ids.map(foldCase)
    const names = folded
    const glob = compileGlob(pattern)
    const ranked = rankModels(ids.filter((_, place) => glob.matches(names[place]!)))
    const picked = { best: ranked[0], plain: ranked.find((id) => !isGlob(id)) }
    if (picks.size >= KEPT_PATTERNS) picks.clear()
    picks.set(pattern, picked)
    return picked
  }

  return {
    ids,
    fallback: marks.includes(true),
    pick: (pattern) => pickBoth(pattern).best,
    pickPlain: (pattern) => pickBoth(pattern).plain,
    spelling(name) {
      // An exact hit goes first: two ids of a catalog may differ in case alone.
      spellings ??= new Map([...ids.map((id) => [foldCase(id), id] as const).reverse(), ...ids.map((id) => [id, id] as const)])
      return spellings.get(name) ?? spellings.get(foldCase(name))
    },
    shows(other) {
      if (other.length !== length) return false
      if (length > COMPARED_ITEMS && (other === listing || looksSame(other))) return true
      for (let place = 0; place < length; place += 1) {
        // Most providers describe a model once: the same object says the same.
        if (other[place] === items[place]) continue
        if (readId(other[place]) !== raw[place] || readFallback(other[place]) !== marks[place]) return false
      }
      return true
    },
  }
}

function readId(model: unknown): string | undefined {
  const id = typeof model === 'string' ? model : isRecord(model) ? model['id'] : undefined
  return typeof id === 'string' && id !== '' ? id : undefined
}

function readFallback(model: unknown): boolean {
  if (!isRecord(model)) return false
  const metadata = model['metadata']
  return isRecord(metadata) && metadata['source'] === 'fallback'
}
