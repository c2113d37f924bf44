import type { CatalogMemo } from './catalog-view.js'
import type { MountedProviders } from './find-mount.js'
import { fetchListing, type Listing } from './listing.js'

/** Lists that hold for a session, as the reference keeps them: the first success counts, simultaneous askers share a fetch. */
export interface SessionLists {
  /** mounted key → ids */
  readonly known: Record<string, readonly unknown[]>
  fetch(mountedAs: string): Promise<Listing>
}

export function createSessionLists(
  memo: CatalogMemo, providers: () => MountedProviders, preresolved: Readonly<Record<string, readonly unknown[]>> = {},
): SessionLists {
  const known: Record<string, readonly unknown[]> = { ...preresolved }
  const flights = new Map<string, Promise<Listing>>()
  const ask = async (mountedAs: string): Promise<Listing> => {
    const listing = await fetchListing(memo, providers(), mountedAs)
    flights.delete(mountedAs)
    // An empty list says nothing for long: it is asked for again.
    if ('view' in listing && listing.view.ids.length > 0) known[mountedAs] = listing.view.ids
    return listing
  }
  return {
    known,
    fetch(mountedAs) {
      const flight = flights.get(mountedAs) ?? ask(mountedAs)
      flights.set(mountedAs, flight)
      return flight
    },
  }
}
