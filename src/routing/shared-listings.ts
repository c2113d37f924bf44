import type { CatalogMemo } from './catalog-view.js'
import { findMount, type MountedProviders, type MountPlanHolder } from './find-mount.js'
import { fetchListing, type Listing } from './listing.js'
import type { MatrixRoles } from './matrix.js'
import { candidatesOf } from './resolve-model-role.js'

/** The providers' lists of one moment, each asked for once however many roles and agents need it. */
export interface SharedListings {
  list(mountedAs: string): Promise<Listing>
  /**
   * What was asked for so far, under the `provider` words of the matrix, as `preresolved_models` wants it.
   * A list that failed or is built in is left out: whoever resolves next should ask again.
   */
  models(roles: MatrixRoles): Promise<Record<string, readonly string[]>>
}

export function createSharedListings(
  providers: MountedProviders,
  { memo, coordinator }: { memo: CatalogMemo; coordinator?: MountPlanHolder },
): SharedListings {
  const asked = new Map<string, Promise<Listing>>()
  return {
    list(mountedAs) {
      const flight = asked.get(mountedAs) ?? fetchListing(memo, providers, mountedAs)
      asked.set(mountedAs, flight)
      return flight
    },
    async models(roles) {
      const words = Object.keys(roles).flatMap((role) => candidatesOf(roles, role).map(({ provider }) => provider))
      const models: [string, readonly string[]][] = []
      for (const word of new Set(words)) {
        const mountedAs = findMount(word, providers, coordinator)
        const listing = mountedAs === undefined ? undefined : await asked.get(mountedAs)
        if (listing !== undefined && 'view' in listing && !listing.view.fallback) models.push([word, listing.view.ids])
      }
      return Object.fromEntries(models)
    },
  }
}
