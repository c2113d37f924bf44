import type { CandidateVerdict } from '../contract/index.js'
import { defined, nearestName } from '../lib/index.js'
import { lettersOf } from './glob-shape.js'
import type { ModelListing } from './model-listing.js'
import { originOf } from './origin.js'
import type { JudgedCandidate } from './walk-candidates.js'

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

/** A judged candidate as receipts and the command line show it. */
export function describeCandidate(judged: JudgedCandidate): ResolvedCandidate {
  const { role, candidate, status, mountedAs, model } = judged
  const origin = originOf(candidate)
  const resolved = status === 'unavailable' ? undefined : model
  return {
    role,
    provider: candidate.provider,
    model: candidate.model,
    ...(candidate.config == null ? {} : { config: { ...candidate.config } }),
    ...(origin?.line === undefined ? {} : { line: origin.line }),
    ...(origin?.file === undefined ? {} : { file: origin.file }),
    ...(origin === undefined ? {} : { origin: origin.source }),
    ...defined({ mounted_as: mountedAs }),
    status,
    ...defined({ resolved_model: resolved }),
    ...describeVerdict(judged),
  }
}

type Details = Pick<ResolvedCandidate, 'exhausted_until' | 'detail' | 'nearest'>

function describeVerdict({ status, candidate, listing, exhaustedUntilMs, failure }: JudgedCandidate): Details {
  switch (status) {
    case 'unavailable':
      return { detail: failure?.error instanceof Error ? failure.error.message : String(failure?.error) }
    case 'exhausted': {
      const until = new Date(exhaustedUntilMs ?? Number.NaN)
      return Number.isNaN(until.getTime()) ? {} : { exhausted_until: until.toISOString() }
    }
    case 'no_match':
      return describeMiss(candidate.model, listing)
    case 'could_not_list':
    case 'unverified': {
      const detail = describeListing(listing)
      return detail === undefined ? {} : { detail }
    }
    default:
      return {}
  }
}

function describeMiss(model: string, listing: ModelListing | undefined): Details {
  const ids = listing !== undefined && 'view' in listing ? listing.view.ids : []
  const nearest = nearestName(lettersOf(model), ids)
  if (nearest === undefined) return { detail: 'the provider lists no model' }
  return { nearest, detail: `none of ${ids.length} models; the nearest is ${nearest}` }
}

function describeListing(listing: ModelListing | undefined): string | undefined {
  if (listing === undefined) return undefined
  if ('failure' in listing) return listing.failure
  return listing.view.fallback ? 'only the built-in list of models is known' : undefined
}
