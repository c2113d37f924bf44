import { ProviderUnavailableError, type LaneName } from '../contract/index.js'
import { decodeMoment, defined, isRecord, readString } from '../lib/index.js'
import type { CatalogModel } from './catalog-model.js'
import { decodeModels, trimModelEntry } from './decode-models.js'

/** One answer of the backend to "which models". */
export interface Listing {
  readonly models: readonly CatalogModel[]
  readonly fetchedAtMs: number
  readonly etag?: string
}

/** `W/"abc"`, `"abc"` and `abc` are one tag: a header and an event write it differently. */
export function normalizeEtag(etag: string | undefined): string | undefined {
  const bare = etag?.trim().replace(/^W\//i, '').replaceAll('"', '')
  return bare === '' ? undefined : bare
}

/** @throws ProviderUnavailableError, code `empty_model_list`: such a list says nothing and must not push out a good one */
export function buildListing(entries: readonly unknown[], etag: string | undefined, fetchedAtMs: number, lane: LaneName): Listing {
  const models = decodeModels(entries, lane)
  if (models.length === 0) {
    throw new ProviderUnavailableError('the model list came back without a usable model', { code: 'empty_model_list' })
  }
  const bare = normalizeEtag(etag)
  return { models, fetchedAtMs, ...defined({ etag: bare }) }
}

/** What is kept of a list: the entries' fields that we read, so that a newer version reads them anew. */
export function encodeListing(entries: readonly unknown[], listing: Listing): unknown {
  return { fetched_at_ms: listing.fetchedAtMs, etag: listing.etag, models: entries.map(trimModelEntry) }
}

/** The list that {@link encodeListing} made, undefined for anything else. */
export function decodeListing(stored: unknown, lane: LaneName): Listing | undefined {
  if (!isRecord(stored) || !Array.isArray(stored['models'])) return undefined
  const fetchedAtMs = decodeMoment(stored['fetched_at_ms'])
  if (fetchedAtMs === undefined) return undefined
  try {
    return buildListing(stored['models'] as unknown[], readString(stored, 'etag'), fetchedAtMs, lane)
  } catch {
    return undefined
  }
}
