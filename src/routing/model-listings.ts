import { createCatalogView, type CatalogMemo } from './catalog-view.js'
import { providerNamed, type MountedProviders } from './find-mount.js'
import { canList, failedListing, readListing, type ModelListing } from './model-listing.js'

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
  /** What one resolution, or several of one moment, remember between their questions; nothing where lists are kept otherwise. */
  open(): AskedLists | undefined
  ask(mountedAs: string, providers: MountedProviders, asked: AskedLists | undefined): Promise<ModelListing> | ModelListing
}

export function createListings(kept: ListsKept, preresolved: Readonly<Record<string, unknown>> = {}): ModelListings {
  const views: CatalogMemo = new WeakMap()
  const lists = new Map<string, { ids: readonly unknown[]; listing: ModelListing }>()
  const flights = new Map<string, Promise<ModelListing>>()
  const keep = (mountedAs: string, ids: readonly unknown[]): void =>
    void lists.set(mountedAs, { ids, listing: { view: createCatalogView(ids) } })
  // One promise a question: two more for layers of their own took a third of a checked resolution.
  const fetch = async (mountedAs: string, providers: MountedProviders, flight: { ended: boolean }): Promise<ModelListing> => {
    try {
      const provider = providerNamed(providers, mountedAs)
      if (!canList(provider)) return { failure: `provider ${mountedAs} has no listModels()` }
      const listing = readListing(views, provider, mountedAs, await provider.listModels())
      // An empty list says nothing for long: it is asked for again.
      if ('view' in listing && listing.view.ids.length > 0 && (kept !== 'call' || !listing.view.fallback)) {
        if (lists.get(mountedAs)?.ids !== listing.view.ids) lists.set(mountedAs, { ids: listing.view.ids, listing })
      }
      return listing
    } catch (error) {
      return failedListing(mountedAs, error)
    } finally {
      flight.ended = true
      flights.delete(mountedAs)
    }
  }
  const learn = (others: Readonly<Record<string, unknown>>): void => {
    for (const [mountedAs, list] of Object.entries(others)) if (Array.isArray(list)) keep(mountedAs, list)
  }
  learn(preresolved)
  return {
    known: () => Object.fromEntries([...lists].map(([mountedAs, { ids }]) => [mountedAs, ids])),
    learn,
    open: () => (kept === 'call' ? new Map<string, Promise<ModelListing>>() : undefined),
    ask(mountedAs, providers, asked) {
      const before = kept === 'session' ? lists.get(mountedAs)?.listing : asked?.get(mountedAs)
      if (before !== undefined) return before
      const running = flights.get(mountedAs)
      if (running !== undefined) return running
      const flight = { ended: false }
      const listing = fetch(mountedAs, providers, flight)
      // What has failed at once is no flight that another could join.
      if (!flight.ended) flights.set(mountedAs, listing)
      asked?.set(mountedAs, listing)
      return listing
    },
  }
}
