import { ConfigurationError, type CallerContext, type ClampRecord } from '../contract/index.js'
import type { CatalogMemo } from './catalog-view.js'
import { findMount, viewMounts, type MountedProviders, type MountView } from './find-mount.js'
import { requireHaikuConfig } from './haiku-config.js'
import { judgeCandidate, isServable, needsListing, type JudgeOptions } from './judge-candidate.js'
import { fetchListing, preresolvedListing, type Listing, type PreresolvedModels } from './listing.js'
import { memoOf } from './matrix-memo.js'
import type { MatrixCandidate, MatrixRoles, RoleResolution } from './matrix.js'
import type { ModuleAllowlist } from './module-scope.js'
import { configOf, keyOf, type MountPlanHolder } from './plan-entries.js'
import { planCandidates, type EscalationBudget, type Plan } from './plan-candidates.js'
import { isActive, type Preset } from './preset.js'

/** One step of a resolution, for whoever wants to see how it went. */
export interface RouteStep {
  status: 'missing_provider' | 'unavailable' | 'glob_no_match' | 'not_served' | 'selected'
  role: string
  candidate: MatrixCandidate
  /** mounted key, where one was found */
  provider: string | null
}

export interface ResolveOptions extends JudgeOptions {
  /** finds instances of a module by the mount plan, where no mount name fits */
  coordinator?: MountPlanHolder
  /** lists fetched before: they are used instead of asking the provider again */
  preresolvedModels?: PreresolvedModels
  /** where views of the providers' lists are kept, weakly by provider; default: with the matrix */
  memo?: CatalogMemo
  /** asks a mounted provider for its list; default: its `listModels()`, once a call */
  list?: (mountedAs: string) => Promise<Listing>
  /** only mounts of these modules may serve; where none does, the resolution throws */
  allowlist?: ModuleAllowlist
  /** the matrix's preset; without `caller` its candidates stand as they are */
  preset?: Preset
  /** what the session that delegates runs on */
  caller?: CallerContext
  /** counts up where a role is let above its caller's tier */
  escalations?: EscalationBudget
  /** remembered plans by role, so that the same caller is planned for once */
  plans?: Map<string, { key: string; plan: Plan }>
  /** the host's `provider.check_available`: throws where the account behind a mounted key cannot serve now */
  checkAvailable?: (mountedAs: string) => unknown
  /** told of the clamp record of the role that resolved */
  onClamp?: (record: ClampRecord) => Promise<void> | void
  observe?: (step: RouteStep) => void
}

/**
 * The first candidate that can be served: roles in order, within a role its candidates in order, as the preset allows
 * them. Without `verify` the answers are the reference implementation's. With `verify: 'catalog'` a name is answered
 * only if the provider's live list has it, or the list can't be had; a glob never leaves.
 * @param roles a role, or roles in order of preference
 * @param providers mounted name → provider
 * @returns one resolution, or none
 * @throws what `checkAvailable` or, with it, a provider's list threw first, where no candidate serves;
 *   ConfigurationError where a scope leaves none, or a Claude Haiku cannot honour the settings
 */
export async function resolveModelRole(
  roles: string | readonly string[],
  matrixRoles: MatrixRoles,
  providers: MountedProviders,
  options: ResolveOptions = {},
): Promise<RoleResolution[]> {
  const list = createLister(matrixRoles, providers, options)
  const walk = walkCandidates(roles, matrixRoles, viewMounts(providers, options.coordinator, options.allowlist), options)
  let step = walk.next()
  while (!step.done) step = walk.next(await list(step.value))
  const { answer, record } = step.value
  if (record !== undefined && options.onClamp !== undefined) await report(options.onClamp, record)
  return answer
}

/** Reporting never keeps a role from its model. */
async function report(onClamp: NonNullable<ResolveOptions['onClamp']>, record: ClampRecord): Promise<void> {
  try {
    await onClamp(record)
  } catch {
    // A sink that fails has lost a record, nothing else.
  }
}

/** Whose list a candidate is judged by: the preresolved one of the mounted key, else the mounted provider's. */
export function createLister(
  matrixRoles: MatrixRoles,
  providers: MountedProviders,
  options: ResolveOptions,
): (mountedAs: string) => Promise<Listing> | Listing {
  const memo = options.memo ?? memoOf(matrixRoles)
  const asked = new Map<string, Promise<Listing>>()
  return (mountedAs) => {
    const known = preresolvedListing(memo, options.preresolvedModels, mountedAs) ?? asked.get(mountedAs)
    if (known !== undefined) return known
    const flight = options.list?.(mountedAs) ?? fetchListing(memo, providers, mountedAs)
    // The reference asks for every pattern; who wants to ask once hands a `list` that remembers.
    if (options.verify !== undefined) asked.set(mountedAs, flight)
    return flight
  }
}

/**
 * {@link resolveModelRole} without waiting, for callers that already hold the lists. Clamp records are not reported.
 * @param listings mounted name → its list; a mounted provider without one counts as one that could not list
 */
export function resolveFromListings(
  roles: string | readonly string[],
  matrixRoles: MatrixRoles,
  listings: ReadonlyMap<string, Listing | undefined>,
  options: Omit<ResolveOptions, 'preresolvedModels' | 'memo' | 'list' | 'onClamp'> = {},
): RoleResolution[] {
  const walk = walkCandidates(roles, matrixRoles, viewMounts(listings, options.coordinator, options.allowlist), options)
  let step = walk.next()
  while (!step.done) step = walk.next(listings.get(step.value) ?? NOT_LISTED)
  return step.value.answer
}

interface Walked {
  answer: RoleResolution[]
  record?: ClampRecord
}

/** The one loop behind both: it yields whose list it needs, and takes that list. */
function* walkCandidates(
  roles: string | readonly string[], matrixRoles: MatrixRoles, mounts: MountView, options: ResolveOptions,
): Generator<string, Walked, Listing> {
  const { observe } = options
  let failure: { error: unknown } | undefined
  for (const role of listRoles(roles)) {
    const { candidates, record } = planRole(role, matrixRoles, options)
    for (const candidate of candidates) {
      const mountedAs = findMount(candidate.provider, candidate.model, mounts)
      if (mountedAs === undefined) {
        observe?.({ status: 'missing_provider', role, candidate, provider: null })
        continue
      }
      const failed = askAvailable(mountedAs, options)
      const listing = failed === undefined && needsListing(candidate, options) ? yield mountedAs : undefined
      const lost = failed ?? listFailure(candidate, listing, options)
      if (lost !== undefined) {
        failure ??= lost
        observe?.({ status: 'unavailable', role, candidate, provider: mountedAs })
        continue
      }
      const { status, model } = judgeCandidate(candidate, mountedAs, listing, options)
      if (model === undefined || !isServable(status)) {
        observe?.({ status: status === 'exhausted' ? 'not_served' : 'glob_no_match', role, candidate, provider: mountedAs })
        continue
      }
      requireHonoured(candidate, model, mountedAs, mounts)
      observe?.({ status: 'selected', role, candidate, provider: mountedAs })
      return { answer: [{ provider: mountedAs, model, config: { ...candidate.config } }], ...(record === undefined ? {} : { record }) }
    }
  }
  if (failure !== undefined) throw failure.error
  if (mounts.allowlist !== undefined) {
    throw new ConfigurationError('No role route within the exact module constraint', { code: 'no_scoped_route' })
  }
  return { answer: [] }
}

function askAvailable(mountedAs: string, { checkAvailable }: ResolveOptions): { error: unknown } | undefined {
  if (checkAvailable === undefined) return undefined
  let answer: unknown
  try {
    answer = checkAvailable(mountedAs)
  } catch (error) {
    return { error }
  }
  if (typeof answer !== 'object' || answer === null || !('then' in answer)) return undefined
  // Nothing has been checked yet, and another candidate would hide it.
  throw new ConfigurationError('provider.check_available must be synchronous; it returned an awaitable', { code: 'availability_contract' })
}

/** Where the host says which accounts serve, a list that fails is kept as a failure; elsewhere it is only passed over. */
function listFailure({ model }: MatrixCandidate, listing: Listing | undefined, options: ResolveOptions): { error: unknown } | undefined {
  if (options.checkAvailable === undefined || listing === undefined || !('failure' in listing)) return undefined
  if (!needsListing({ provider: '', model }, {})) return undefined
  return { error: listing.error ?? new ConfigurationError(listing.failure, { code: 'could_not_list' }) }
}

/** A spawn lays the candidate's config over the mount's own: that is what a Haiku has to honour. */
function requireHonoured(candidate: MatrixCandidate, model: string, mountedAs: string, { entries }: MountView): void {
  if (!/haiku/i.test(model)) return
  const own = entries.filter((entry) => keyOf(entry) === mountedAs)
  const entry = own.length === 1 ? own[0] : undefined
  const backend = entry?.['module'] === 'provider-anthropic' ? 'anthropic' : undefined
  requireHaikuConfig({ backend, model, config: { ...configOf(entry), ...candidate.config } })
}

/** A role's candidates as its preset and caller allow them. A granted escalation is counted, whether or not it resolves. */
export function planRole(
  role: string, matrixRoles: MatrixRoles, options: ResolveOptions,
): { candidates: readonly MatrixCandidate[]; record?: ClampRecord } {
  const { preset, caller, escalations, plans } = options
  const written = candidatesOf(matrixRoles, role)
  if (!isActive(preset) || !Object.hasOwn(matrixRoles, role)) return { candidates: written }
  const key = plans === undefined ? '' : callerKey(caller, escalations)
  const known = plans?.get(role)
  const plan = known?.key === key ? known.plan : planCandidates({
    role, candidates: written, caller, preset, ...(escalations === undefined ? {} : { escalations }),
  })
  if (plan.record?.escalated === true && escalations !== undefined) escalations.used += 1
  else if (known?.plan !== plan) plans?.set(role, { key, plan })
  const candidates = plan.candidates as readonly MatrixCandidate[]
  return plan.record === undefined ? { candidates } : { candidates, record: plan.record }
}

function callerKey(caller: CallerContext | undefined, escalations: EscalationBudget | undefined): string {
  if (caller === undefined) return ''
  return `${caller.family}\0${caller.model}\0${caller.effort}\0${caller.provider_key}\0${escalations?.used}`
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
