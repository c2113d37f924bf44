import type { CatalogMemo } from './catalog-view.js'
import type { MountedProviders } from './find-mount.js'
import { fetchListing, type Listing } from './listing.js'

/** The providers' lists of one moment, each asked for once however many roles and agents need it. */
export interface SharedListings {
  list(mountedAs: string): Promise<Listing>
  /**
   * What was asked for so far by mounted key, as `preresolved_models_by_instance` wants it.
   * A list that failed or is built in is left out: whoever resolves next should ask again.
   */
  models(): Promise<Record<string, readonly string[]>>
}

export function createSharedListings(
  providers: MountedProviders,
  { memo }: { memo: CatalogMemo },
): SharedListings {
  const asked = new Map<string, Promise<Listing>>()
  return {
    list(mountedAs) {
      const flight = asked.get(mountedAs) ?? fetchListing(memo, providers, mountedAs)
      asked.set(mountedAs, flight)
      return flight
    },
    async models() {
      const models: [string, readonly string[]][] = []
      for (const [mountedAs, flight] of asked) {
        const listing = await flight
        if ('view' in listing && !listing.view.fallback) models.push([mountedAs, listing.view.ids])
      }
      return Object.fromEntries(models)
    },
  }
}
