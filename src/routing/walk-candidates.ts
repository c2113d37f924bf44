import { ConfigurationError, isServable, type CandidateStatus } from '../contract/index.js'
import { findMount, type MountedProviders, type MountView } from './find-mount.js'
import { isGlob } from './glob.js'
import { requireHaikuConfig } from './haiku-config.js'
import { judgeCandidate, needsListing, type JudgeOptions } from './judge-candidate.js'
import type { ModelListing } from './model-listing.js'
import type { ModelListings, Moment } from './model-listings.js'
import type { MatrixCandidate } from './matrix.js'
import type { RolePlan } from './plan-roles.js'
import { configOf, keyOf } from './plan-entries.js'

/** A candidate with its verdict. */
export interface JudgedCandidate {
  role: string
  candidate: MatrixCandidate
  status: CandidateStatus
  /** mounted key, where one was found */
  mountedAs?: string
  /** what the candidate means, also where it is exhausted */
  model?: string | undefined
  exhaustedUntilMs?: number | undefined
  listing?: ModelListing | undefined
  /** Why it cannot serve; `final`: no other candidate may hide it. */
  failure?: { error: unknown; final?: true } | undefined
}

export interface WalkOptions extends JudgeOptions {
  providers: MountedProviders
  mounts: MountView
  listings: ModelListings
  /** the host's `provider.check_available`: throws where the account behind a mounted key cannot serve now */
  checkAvailable?: ((mountedAs: string) => unknown) | undefined
  /** since when a list that other walks asked for will do; default: this walk's own beginning */
  since?: Moment
}

export interface Walk<Outcome> {
  roles: readonly string[]
  /** Asked of each role when it is its turn: an escalation is used up by roles that are tried. */
  plan(role: string): RolePlan
  /** sees each verdict; true ends the walk */
  visit(judged: JudgedCandidate, plan: RolePlan): boolean | void
  /** what the walk comes to, asked for at its end: a promise around it would be the dearest part of a warm resolution */
  end(): Outcome | Promise<Outcome>
}

/** Judges candidates in order, the only place that does: roles in order, within a role its candidates in order. */
export async function walkCandidates<Outcome>(walk: Walk<Outcome>, options: WalkOptions): Promise<Outcome> {
  const { listings, mounts, checkAvailable } = options
  const since = options.since ?? listings.open()
  for (const role of walk.roles) {
    const plan = walk.plan(role)
    for (const candidate of plan.candidates) {
      const mountedAs = mountOf(candidate, mounts)
      const failure = mountedAs === undefined || checkAvailable === undefined ? undefined : askAvailable(mountedAs, checkAvailable)
      let judged: JudgedCandidate
      if (mountedAs === undefined) judged = { role, candidate, status: 'not_mounted' }
      else if (failure !== undefined) judged = { role, candidate, mountedAs, status: 'unavailable', failure }
      else {
        let listing: ModelListing | undefined
        if (needsListing(candidate, options)) {
          const question = listings.ask(mountedAs, options.providers, since)
          listing = question.answer
          if (question.running !== undefined) {
            try {
              listing = listings.take(question, await question.running)
            } catch (error) {
              listing = listings.fail(question, error)
            }
          }
        }
        judged = judge(role, candidate, mountedAs, listing, options)
      }
      if (walk.visit(judged, plan) === true) return walk.end()
    }
  }
  return walk.end()
}

/** Looked up once for as long as nothing else is mounted. */
function mountOf(candidate: MatrixCandidate, mounts: MountView): string | undefined {
  const { found } = mounts
  if (found.has(candidate)) return found.get(candidate)
  const key = findMount(candidate.provider, candidate.model, mounts)
  found.set(candidate, key)
  return key
}

function judge(
  role: string, candidate: MatrixCandidate, mountedAs: string, listing: ModelListing | undefined, options: WalkOptions,
): JudgedCandidate {
  const { status, model, exhaustedUntilMs } = judgeCandidate(candidate, mountedAs, listing, options)
  const failure = options.checkAvailable === undefined ? undefined : listFailure(candidate, listing)
  // All fields at once: one that is added later takes a second object.
  const judged: JudgedCandidate = { role, candidate, mountedAs, status, model, exhaustedUntilMs, listing, failure }
  if (failure === undefined && model !== undefined && isServable(status) && HAIKU.test(model)) {
    const refusal = refuseHaiku(candidate, model, mountedAs, options.mounts)
    if (refusal !== undefined) return { ...judged, status: 'unavailable', failure: refusal }
  }
  return judged
}

const HAIKU = /haiku/i

function askAvailable(mountedAs: string, checkAvailable: (mountedAs: string) => unknown): JudgedCandidate['failure'] {
  let answer: unknown
  try {
    answer = checkAvailable(mountedAs)
  } catch (error) {
    return { error }
  }
  if (typeof answer !== 'object' || answer === null || !('then' in answer)) return undefined
  // Nothing has been checked yet, and another candidate would hide it.
  return { error: new ConfigurationError('provider.check_available must be synchronous; it returned an awaitable', { code: 'availability_contract' }), final: true }
}

/** Where the host says which accounts serve, a list that fails is kept as a failure; elsewhere it is only passed over. */
function listFailure({ model }: MatrixCandidate, listing: ModelListing | undefined): JudgedCandidate['failure'] {
  if (listing === undefined || !('failure' in listing) || !isGlob(model)) return undefined
  return { error: listing.error ?? new ConfigurationError(listing.failure, { code: 'could_not_list' }) }
}

/** A spawn lays the candidate's config over the mount's own: that is what a Haiku has to honour. */
function refuseHaiku(candidate: MatrixCandidate, model: string, mountedAs: string, { entries }: MountView): JudgedCandidate['failure'] {
  const own = entries.filter((entry) => keyOf(entry) === mountedAs)
  const entry = own.length === 1 ? own[0] : undefined
  const backend = entry?.['module'] === 'provider-anthropic' ? 'anthropic' : undefined
  try {
    requireHaikuConfig({ backend, model, config: { ...configOf(entry), ...candidate.config } })
    return undefined
  } catch (error) {
    return { error, final: true }
  }
}
