import type { CandidateVerdict } from '../contract/index.js'
import { nearestName } from '../lib/index.js'
import { findMount, viewMounts, type MountedProviders } from './find-mount.js'
import { lettersOf } from './glob-shape.js'
import { judgeCandidate, needsListing } from './judge-candidate.js'
import type { Listing } from './listing.js'
import type { ClampRecord } from '../contract/index.js'
import type { MatrixCandidate, MatrixRoles } from './matrix.js'
import { originOf } from './origin.js'
import { createLister, listRoles, planRole, type ResolveOptions } from './resolve-model-role.js'

/** A verdict, and where in the chain the candidate stands. */
export interface ResolvedCandidate extends CandidateVerdict {
  role: string
  /** file of the candidate, where it was read from one */
  file?: string
  /** `matrix`, or what overrides it */
  origin?: string
  /** with `no_match`: the existing model whose name is nearest */
  nearest?: string
}

/**
 * The whole chain of the roles in order, each candidate with its verdict. What {@link resolveModelRole}
 * answers is the first one here that is `live` or `unverified`, with the same options.
 * @param clamps takes the clamp record of each role that has one
 */
export async function resolveCandidates(
  roles: string | readonly string[],
  matrixRoles: MatrixRoles,
  providers: MountedProviders,
  options: ResolveOptions = {},
  clamps?: Map<string, ClampRecord>,
): Promise<ResolvedCandidate[]> {
  const list = createLister(matrixRoles, providers, options)
  const mounts = viewMounts(providers, options.coordinator, options.allowlist)
  const chain = listRoles(roles).flatMap((role) => {
    const { candidates, record } = planRole(role, matrixRoles, options)
    if (record !== undefined) clamps?.set(role, record)
    return candidates.map((candidate) => ({ role, candidate }))
  })
  return Promise.all(
    chain.map(async ({ role, candidate }): Promise<ResolvedCandidate> => {
      const base = describeCandidate(role, candidate)
      const mountedAs = findMount(candidate.provider, candidate.model, mounts)
      if (mountedAs === undefined) return { ...base, status: 'not_mounted' }
      const unavailable = describeUnavailable(mountedAs, options)
      if (unavailable !== undefined) return { ...base, mounted_as: mountedAs, status: 'unavailable', detail: unavailable }
      const listing = needsListing(candidate, options) ? await list(mountedAs) : undefined
      const verdict = judge(candidate, mountedAs, listing, options)
      return { ...base, mounted_as: mountedAs, ...verdict }
    }),
  )
}

function describeUnavailable(mountedAs: string, { checkAvailable }: ResolveOptions): string | undefined {
  try {
    checkAvailable?.(mountedAs)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function describeCandidate(role: string, candidate: MatrixCandidate): Omit<ResolvedCandidate, 'status'> {
  const origin = originOf(candidate)
  return {
    role,
    provider: candidate.provider,
    model: candidate.model,
    ...(candidate.config == null ? {} : { config: { ...candidate.config } }),
    ...(origin?.line === undefined ? {} : { line: origin.line }),
    ...(origin?.file === undefined ? {} : { file: origin.file }),
    ...(origin === undefined ? {} : { origin: origin.source }),
  }
}

type Verdict = Pick<ResolvedCandidate, 'status' | 'resolved_model' | 'exhausted_until' | 'detail' | 'nearest'>

function judge(
  candidate: MatrixCandidate,
  mountedAs: string,
  listing: Listing | undefined,
  options: ResolveOptions,
): Verdict {
  const { status, model, exhaustedUntilMs } = judgeCandidate(candidate, mountedAs, listing, options)
  const resolved = model === undefined ? {} : { resolved_model: model }
  switch (status) {
    case 'exhausted':
      return { status, ...resolved, ...describeExhaustion(exhaustedUntilMs) }
    case 'no_match':
      return { status, ...describeMiss(candidate.model, listing) }
    case 'could_not_list':
    case 'unverified': {
      const detail = describeListing(listing)
      return { status, ...resolved, ...(detail === undefined ? {} : { detail }) }
    }
    default:
      return { status, ...resolved }
  }
}

function describeExhaustion(untilMs: number | undefined): Pick<Verdict, 'exhausted_until'> {
  const until = new Date(untilMs ?? Number.NaN)
  return Number.isNaN(until.getTime()) ? {} : { exhausted_until: until.toISOString() }
}

function describeMiss(model: string, listing: Listing | undefined): Pick<Verdict, 'nearest' | 'detail'> {
  const ids = listing !== undefined && 'view' in listing ? listing.view.ids : []
  const nearest = nearestName(lettersOf(model), ids)
  if (nearest === undefined) return { detail: 'the provider lists no model' }
  return { nearest, detail: `none of ${ids.length} models; the nearest is ${nearest}` }
}

function describeListing(listing: Listing | undefined): string | undefined {
  if (listing === undefined) return undefined
  if ('failure' in listing) return listing.failure
  return listing.view.fallback ? 'only the built-in list of models is known' : undefined
}
