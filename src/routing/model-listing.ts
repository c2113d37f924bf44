import { isRecord } from '../lib/index.js'
import { viewOf, type CatalogMemo, type CatalogView } from './catalog-view.js'
import type { ListsModels } from './find-mount.js'

/** What is known of a provider's models: the list, or why it could not be had. Never confused with an empty list. */
export type ModelListing = { view: CatalogView } | { failure: string; error?: unknown }

/** What a provider's answer to `listModels()` comes to. */
export function readListing(memo: CatalogMemo, provider: object, name: string, answer: unknown): ModelListing {
  return Array.isArray(answer) ? { view: viewOf(memo, provider, answer) } : { failure: `listModels() of ${name} answered no list` }
}

/** A failure is an answer too. */
export function failedListing(name: string, error: unknown): ModelListing {
  return { failure: error instanceof Error && error.message !== '' ? error.message : `listModels() of ${name} failed`, error }
}

export function canList(provider: unknown): provider is ListsModels {
  return (isRecord(provider) || typeof provider === 'function') && typeof Reflect.get(provider, 'listModels') === 'function'
}
