import { isRecord } from '../lib/index.js'
import { viewOf, type CatalogMemo, type CatalogView } from './catalog-view.js'
import { providerNamed, type ListsModels, type MountedProviders } from './find-mount.js'

/** What is known of a provider's models: the list, or why it could not be had. Never confused with an empty list. */
export type ModelListing = { view: CatalogView } | { failure: string; error?: unknown }

/** A list of ids that is already held. */
export function preresolvedListing(memo: CatalogMemo, list: readonly unknown[]): ModelListing {
  return { view: viewOf(memo, list, list) }
}

/** Asks the mounted provider; a failure is an answer too. Retrying is the provider's own business. */
export async function fetchListing(memo: CatalogMemo, providers: MountedProviders, name: string): Promise<ModelListing> {
  const provider = providerNamed(providers, name)
  if (!canList(provider)) return { failure: `provider ${name} has no listModels()` }
  try {
    const listing: unknown = await provider.listModels()
    if (!Array.isArray(listing)) return { failure: `listModels() of ${name} answered no list` }
    return { view: viewOf(memo, provider, listing) }
  } catch (error) {
    return { failure: error instanceof Error && error.message !== '' ? error.message : `listModels() of ${name} failed`, error }
  }
}

function canList(provider: unknown): provider is ListsModels {
  return (isRecord(provider) || typeof provider === 'function') && typeof Reflect.get(provider, 'listModels') === 'function'
}
