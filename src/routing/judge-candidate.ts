import type { CandidateStatus } from '../contract/index.js'
import { isGlob } from './glob.js'
import type { ModelListing } from './model-listing.js'
import type { MatrixCandidate } from './matrix.js'

export interface JudgeOptions {
  /**
   * `catalog` takes a literal only where the provider's live list has it, in the list's own spelling.
   * Without it a literal is taken unseen, as the reference implementation does.
   */
  verify?: 'catalog'
  /** Epoch milliseconds until which a model of a mounted provider is used up; undefined while it is not. */
  exhaustedUntil?: (provider: string, modelId: string) => number | undefined
}

export interface Judgement {
  status: CandidateStatus
  /** what the candidate means, also where it is exhausted */
  model?: string
  exhaustedUntilMs?: number
}

/** Whether judging this candidate takes its provider's list. */
export function needsListing(candidate: MatrixCandidate, options: JudgeOptions): boolean {
  return options.verify !== undefined || isGlob(candidate.model)
}

/**
 * One candidate of a mounted provider. "No match" and "could not list" stay two things: the first is about
 * the account, the second about the moment.
 * @param listing absent only where {@link needsListing} says so
 */
export function judgeCandidate(
  candidate: MatrixCandidate,
  mountedAs: string,
  listing: ModelListing | undefined,
  options: JudgeOptions,
): Judgement {
  const found = matchCandidate(candidate.model, listing, options.verify !== undefined)
  if (found.model === undefined || options.exhaustedUntil === undefined) return found
  const until = options.exhaustedUntil(mountedAs, found.model)
  return until === undefined ? found : { status: 'exhausted', model: found.model, exhaustedUntilMs: until }
}

function matchCandidate(model: string, listing: ModelListing | undefined, verify: boolean): Judgement {
  if (listing === undefined) return { status: 'unverified', model }
  const view = 'view' in listing ? listing.view : undefined
  if (isGlob(model)) {
    // A built-in list is the reference's business to believe; a checked route does not rest on it.
    if (view === undefined || (verify && view.fallback)) return { status: 'could_not_list' }
    const match = verify ? view.pickPlain(model) : view.pick(model)
    if (match === undefined) return { status: 'no_match' }
    return { status: view.fallback ? 'unverified' : 'live', model: match }
  }
  if (!verify || view === undefined || view.fallback) return { status: 'unverified', model }
  const spelling = view.spelling(model)
  return spelling === undefined ? { status: 'no_match' } : { status: 'live', model: spelling }
}
