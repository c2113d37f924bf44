import type { CatalogMemo } from './catalog-view.js'
import { findMount, type MountedProviders, type MountPlanHolder } from './find-mount.js'
import { judgeCandidate, isServable, needsListing, type JudgeOptions } from './judge-candidate.js'
import { fetchListing, preresolvedListing, type Listing, type PreresolvedModels } from './listing.js'
import { memoOf } from './matrix-memo.js'
import type { MatrixCandidate, MatrixRoles, RoleResolution } from './matrix.js'

export interface ResolveOptions extends JudgeOptions {
  /** finds instances of a module by the mount plan, where no mount name fits */
  coordinator?: MountPlanHolder
  /** lists fetched before: they are used instead of asking the provider again */
  preresolvedModels?: PreresolvedModels
  /** where views of the providers' lists are kept, weakly by provider; default: with the matrix */
  memo?: CatalogMemo
  /** asks a mounted provider for its list; default: its `listModels()`, once a call */
  list?: (mountedAs: string) => Promise<Listing>
}

/**
 * The first candidate that can be served: roles in order, within a role its candidates in order.
 *
 * Without `verify` the answers are the reference implementation's. With `verify: 'catalog'` a name is
 * answered only if the provider's live list has it, or the list can't be had; a glob never leaves.
 * @param roles a role, or roles in order of preference
 * @param providers mounted name → provider
 * @returns one resolution, or none; it never throws for "none"
 */
export async function resolveModelRole(
  roles: string | readonly string[],
  matrixRoles: MatrixRoles,
  providers: MountedProviders,
  options: ResolveOptions = {},
): Promise<RoleResolution[]> {
  const list = createLister(matrixRoles, providers, options)
  const walk = walkCandidates(roles, matrixRoles, providers, options)
  let step = walk.next()
  while (!step.done) step = walk.next(await list(step.value.provider, step.value.mountedAs))
  return step.value
}

/** Whose list a candidate is judged by: the preresolved one of its `provider` word, else the mounted provider's, asked once. */
export function createLister(
  matrixRoles: MatrixRoles,
  providers: MountedProviders,
  options: ResolveOptions,
): (provider: string, mountedAs: string) => Promise<Listing> | Listing {
  const memo = options.memo ?? memoOf(matrixRoles)
  const asked = new Map<string, Promise<Listing>>()
  return (provider, mountedAs) => {
    const known = preresolvedListing(memo, options.preresolvedModels, provider) ?? asked.get(mountedAs)
    if (known !== undefined) return known
    const flight = options.list?.(mountedAs) ?? fetchListing(memo, providers, mountedAs)
    asked.set(mountedAs, flight)
    return flight
  }
}

/**
 * {@link resolveModelRole} without waiting, for callers that already hold the lists.
 * @param listings mounted name → its list; a mounted provider without one counts as one that could not list
 */
export function resolveFromListings(
  roles: string | readonly string[],
  matrixRoles: MatrixRoles,
  listings: ReadonlyMap<string, Listing | undefined>,
  options: Omit<ResolveOptions, 'preresolvedModels' | 'memo' | 'list'> = {},
): RoleResolution[] {
  const walk = walkCandidates(roles, matrixRoles, listings, options)
  let step = walk.next()
  while (!step.done) step = walk.next(listings.get(step.value.mountedAs) ?? NOT_LISTED)
  return step.value
}

/** The one loop behind both: it yields whose list it needs, and takes that list. */
function* walkCandidates(
  roles: string | readonly string[],
  matrixRoles: MatrixRoles,
  providers: MountedProviders,
  options: ResolveOptions,
): Generator<{ provider: string; mountedAs: string }, RoleResolution[], Listing> {
  for (const role of listRoles(roles)) {
    for (const candidate of candidatesOf(matrixRoles, role)) {
      const mountedAs = findMount(candidate.provider, providers, options.coordinator)
      if (mountedAs === undefined) continue
      const listing = needsListing(candidate, options) ? yield { provider: candidate.provider, mountedAs } : undefined
      const { status, model } = judgeCandidate(candidate, mountedAs, listing, options)
      if (model === undefined || !isServable(status)) continue
      return [{ provider: mountedAs, model, config: { ...candidate.config } }]
    }
  }
  return []
}

/** A role or a list of roles, as agents write them. */
export function listRoles(roles: string | readonly string[]): readonly string[] {
  return typeof roles === 'string' ? [roles] : Array.isArray(roles) ? roles : []
}

/** A role's candidates; none for a role that the matrix doesn't have. What is no candidate is left out. */
export function candidatesOf(matrixRoles: MatrixRoles, role: string): readonly MatrixCandidate[] {
  if (typeof role !== 'string' || !Object.hasOwn(matrixRoles, role)) return []
  const candidates: unknown = matrixRoles[role]?.candidates
  return Array.isArray(candidates) ? candidates.filter(isCandidate) : []
}

function isCandidate(value: unknown): value is MatrixCandidate {
  if (typeof value !== 'object' || value === null) return false
  const { provider, model } = value as Partial<MatrixCandidate>
  return typeof provider === 'string' && typeof model === 'string'
}

const NOT_LISTED: Listing = { failure: 'no list was given' }
