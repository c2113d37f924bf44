import type { CatalogMemo } from './catalog-view.js'
import type { MountedProviders } from './find-mount.js'
import { fetchListing, preresolvedListing, type ModelListing } from './model-listing.js'

/**
 * How long a provider's list counts: `session`: the first success holds, as the reference's resolver does · `call`: each
 * resolution asks once, for providers that keep a list themselves · `pattern`: each pattern asks, as the reference's bare
 * function does. Those who ask at the same time share one answer in any case.
 */
export type ListsKept = 'session' | 'call' | 'pattern'

/** The lists that one resolution has been given so far. */
export type AskedLists = Map<string, Promise<ModelListing>>

/** The one memory of providers' lists: of a resolver, and of the hook that runs it. */
export interface ModelListings {
  /** Lists by mounted key that were fetched or learnt; a built-in one is known only where a session holds on to it. */
  known(): Readonly<Record<string, readonly unknown[]>>
  /** Takes over lists that another session fetched. */
  learn(lists: Readonly<Record<string, unknown>>): void
  ask(mountedAs: string, providers: MountedProviders, asked: AskedLists): Promise<ModelListing> | ModelListing
}

export function createListings(kept: ListsKept, preresolved: Readonly<Record<string, unknown>> = {}): ModelListings {
  const views: CatalogMemo = new WeakMap()
  const lists = new Map<string, readonly unknown[]>()
  const flights = new Map<string, Promise<ModelListing>>()
  const learn = (others: Readonly<Record<string, unknown>>): void => {
    for (const [mountedAs, list] of Object.entries(others)) if (Array.isArray(list)) lists.set(mountedAs, list)
  }
  const fetch = async (mountedAs: string, providers: MountedProviders): Promise<ModelListing> => {
    try {
      const listing = await fetchListing(views, providers, mountedAs)
      // An empty list says nothing for long: it is asked for again.
      if ('view' in listing && listing.view.ids.length > 0 && (kept !== 'call' || !listing.view.fallback)) lists.set(mountedAs, listing.view.ids)
      return listing
    } finally {
      flights.delete(mountedAs)
    }
  }
  learn(preresolved)
  return {
    known: () => Object.fromEntries(lists),
    learn,
    ask(mountedAs, providers, asked) {
      const list = kept === 'session' ? lists.get(mountedAs) : undefined
      if (list !== undefined) return preresolvedListing(views, list)
      const before = kept === 'call' ? asked.get(mountedAs) : undefined
      if (before !== undefined) return before
      let flight = flights.get(mountedAs)
      if (flight === undefined) flights.set(mountedAs, (flight = fetch(mountedAs, providers)))
      if (kept === 'call') asked.set(mountedAs, flight)
      return flight
    },
  }
}
