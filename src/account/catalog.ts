import { isLLMError, ProviderUnavailableError, type LaneName, type LLMError } from '../contract/index.js'
import { orAbort, startElapsed } from '../lib/index.js'
import type { CatalogModel } from './catalog-model.js'
import { buildFallbackModels } from './fallback-models.js'
import { buildListing, decodeListing, encodeListing, normalizeEtag, type Listing } from './model-listing.js'
import type { Persisted } from './persisted.js'
import { createSharedFlight, type SharedFlight } from './shared-flight.js'

export interface CatalogSnapshot {
  /** the same array for as long as the list is the same */
  readonly models: readonly CatalogModel[]
  /** `live`: within its time to live; `last_good`: an older list, since the newest could not be had; `fallback`: built in */
  readonly source: 'live' | 'last_good' | 'fallback'
  /** the lane that the list is of: lanes order and mark theirs differently */
  readonly lane: LaneName
  readonly fetchedAtMs?: number
  readonly ageSeconds: number
  /** why the newest list could not be had */
  readonly failure?: LLMError
}

export interface CatalogOptions {
  /** One try at the model list. Retries are its business. @throws LLMError */
  fetchModels: (signal?: AbortSignal) => Promise<{ models: unknown[]; etag?: string }>
  ttlMs: number
  /** default codex; the plan's list has no variants of ours, and where it cannot be had there are no built-in names */
  lane?: LaneName
  /** ms since 1970 */
  now?: () => number
  /** Keeps the last good list over restarts. It is served only where a newer one cannot be had. */
  persisted?: Pick<Persisted, 'load' | 'save' | 'watch'>
  /** how long a failed fetch answers for the calls behind it, unless they ask for a refetch; default 5,000 */
  failureTtlMs?: number
  /** what other catalogs of the same account in this process know, and learn; default nothing */
  shared?: SharedListing
}

/** The newest list that any mount on an account was told, and the one fetch that runs: each further mount then asks nobody. */
export interface SharedListing {
  listing: Listing | undefined
  /** how many lists were told */
  told: number
  /** since the list was told, or told to be as good as new; one that was kept is no live one */
  heldFor: () => number
  compareEtag: ReturnType<typeof createEtagComparison>
  refetchBehind: boolean
  readonly flight: SharedFlight<Fetched>
}

/** `gone`: the mount that asked ended meanwhile, which says nothing of the list. */
type Fetched = 'told' | 'gone' | LLMError

export function createSharedListing(): SharedListing {
  return { listing: undefined, told: 0, heldFor: () => Number.POSITIVE_INFINITY, compareEtag: createEtagComparison(), refetchBehind: false, flight: createSharedFlight() }
}

export interface Catalog {
  /**
   * The list: live within its time to live, else fetched, at most once at a time; on failure the last
   * good one, else the built-in one, with the failure. Rejects only with the reason of `signal`.
   */
  list(options?: { refetch?: boolean; signal?: AbortSignal }): Promise<CatalogSnapshot>
  /** What `list()` would answer without a wait; undefined where it would fetch. The same object as long as it says the same. */
  fresh(): CatalogSnapshot | undefined
  /** What is known without a call or a file; undefined before the first list. */
  peek(): CatalogSnapshot | undefined
  /**
   * What a response says the list's tag is. The same as ours: the list is as good as new (renewed where
   * it is older than half its time to live). Another: the next `list()` fetches behind its answer.
   */
  observeEtag(etag: string): void
  /** Keeps nothing from now on, and settles when what was being kept is. */
  close(): Promise<void>
}

function toFailure(error: unknown): LLMError {
  if (isLLMError(error)) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new ProviderUnavailableError(`the model list could not be had: ${reason}`, { cause: error })
}

interface Failure {
  error: LLMError
  /** lists told until then; a newer one outranks the failure */
  told: number
  /** ms since then */
  ago: () => number
}

function buildSnapshot(
  state: { listing: Listing; fresh: boolean } | { fallback: readonly CatalogModel[] }, failure: Failure | undefined, nowMs: number, lane: LaneName,
): CatalogSnapshot {
  const reason = failure === undefined ? {} : { failure: failure.error }
  if ('fallback' in state) return { models: state.fallback, source: 'fallback', lane, ageSeconds: 0, ...reason }
  const { models, fetchedAtMs } = state.listing
  return { models, lane, source: state.fresh ? 'live' : 'last_good', fetchedAtMs, ageSeconds: readAge(state.listing, nowMs), ...reason }
}

function readAge({ fetchedAtMs }: Listing, nowMs: number): number {
  return Math.round(Math.max(0, nowMs - fetchedAtMs) / 1000)
}

/** A tag that is told apart from our own is so once, fetched for once: replicas may never agree on it. */
function createEtagComparison(): (observed: string, own: string | undefined) => 'same' | 'changed' | undefined {
  let foreign: string | undefined
  return (observed, own) => {
    const etag = normalizeEtag(observed)
    if (etag === undefined || own === undefined) return undefined
    if (etag === own) return 'same'
    if (etag === foreign) return undefined
    foreign = etag
    return 'changed'
  }
}

/** Shows a list once for as long as it says the same; its age counts in seconds. */
function createListingShow(build: () => CatalogSnapshot): (listing: Listing, nowMs: number) => CatalogSnapshot {
  let shown: { listing: Listing; snapshot: CatalogSnapshot } | undefined
  return (listing, nowMs) => {
    if (shown?.listing !== listing || shown.snapshot.ageSeconds !== readAge(listing, nowMs)) shown = { listing, snapshot: build() }
    return shown.snapshot
  }
}

/** Another host has asked: its list is as good as one's own. */
function watchListing(persisted: CatalogOptions['persisted'], lane: LaneName, told: (listing: Listing) => void): void {
  persisted?.watch?.((stored) => {
    const listing = decodeListing(stored, lane)
    if (listing) told(listing)
  })
}

/** @param terms.isRight whether the list is the newest that could be asked for */
function takeEtag(shared: SharedListing, observed: string, { isRight, ttlMs, now }: { isRight: boolean; ttlMs: number; now: () => number }): void {
  const { listing } = shared
  const outcome = shared.compareEtag(observed, listing?.etag)
  if (outcome === 'changed') shared.refetchBehind = true
  if (outcome !== 'same' || !isRight || !listing || shared.heldFor() <= ttlMs / 2) return
  shared.listing = { ...listing, fetchedAtMs: now() }
  shared.heldFor = startElapsed(now)
}

/** The account's model list. */
export function createCatalog(options: CatalogOptions): Catalog {
  const { fetchModels, ttlMs, lane = 'codex', now = Date.now, persisted, failureTtlMs = 5000, shared = createSharedListing() } = options
  let loaded: Promise<void> | undefined
  let failure: Failure | undefined
  let saving: Promise<void> | undefined
  let closed = false
  let builtIn: readonly CatalogModel[] | undefined

  const load = () => (loaded ??= (persisted?.load() ?? Promise.resolve(undefined)).then((stored) => { shared.listing ??= decodeListing(stored, lane) }, () => undefined))
  const take = (told: Listing) => void ([shared.listing, shared.told, shared.heldFor] = [told, shared.told + 1, startElapsed(now)])
  watchListing(persisted, lane, (told) => void (!closed && told.fetchedAtMs > (shared.listing?.fetchedAtMs ?? 0) && take(told)))
  const failed = () => (failure?.told === shared.told ? failure : undefined)
  const ask = async (signal: AbortSignal): Promise<Fetched> => {
    shared.refetchBehind = false
    try {
      const { models, etag } = await fetchModels(signal)
      const told = buildListing(models, etag, now(), lane)
      take(told)
      if (!closed) saving = persisted?.save(encodeListing(models, told)).catch(() => undefined)
      return 'told'
    } catch (error) {
      return closed || signal.aborted ? 'gone' : toFailure(error)
    }
  }
  const fetchOnce = async (signal?: AbortSignal) => {
    let outcome = await shared.flight(ask, signal)
    if (outcome === 'gone' && !closed) outcome = await shared.flight(ask, signal)
    if (outcome === 'told') failure = undefined
    else if (outcome !== 'gone') failure = { error: outcome, told: shared.told, ago: startElapsed(now) }
  }
  const isFresh = () => shared.listing !== undefined && failed() === undefined && shared.heldFor() < ttlMs
  const snapshot = () => buildSnapshot(
    shared.listing ? { listing: shared.listing, fresh: isFresh() } : { fallback: (builtIn ??= buildFallbackModels(lane)) }, failed(), now(), lane)
  const show = createListingShow(snapshot)
  const fresh = () => {
    if (!shared.listing || !isFresh()) return undefined
    if (shared.refetchBehind) void fetchOnce()
    return show(shared.listing, now())
  }

  return {
    fresh,
    async list({ refetch = false, signal } = {}) {
      signal?.throwIfAborted()
      const live = refetch ? undefined : fresh()
      if (live) return live
      const before = failed()
      if (!refetch && before !== undefined && before.ago() < failureTtlMs) return snapshot()
      await fetchOnce(signal)
      // Only now: a list that was kept is no reason not to ask.
      if (!shared.listing) await (signal ? orAbort(load(), signal) : load())
      return snapshot()
    },
    peek: () => (shared.listing === undefined && failed() === undefined ? undefined : snapshot()),
    observeEtag: (observed) => takeEtag(shared, observed, { isRight: failed() === undefined, ttlMs, now }),
    close: async () => { closed = true; await saving },
  }
}
