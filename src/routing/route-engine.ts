import { ConfigurationError, isServable, type CallerContext, type ClampRecord, type Coordinator } from '../contract/index.js'
import { checkRoles, type RolesCheck } from './check-roles.js'
import type { EffectiveMatrix } from './effective-matrix.js'
import { explainRoute, type RouteExplanation } from './explain-role.js'
import type { MountedProviders } from './find-mount.js'
import type { JudgeOptions } from './judge-candidate.js'
import type { ModelListings } from './model-listings.js'
import type { MatrixCandidate, RoleResolution } from './matrix.js'
import { createSituations, type Situation } from './mount-view.js'
import type { EscalationBudget } from './plan-candidates.js'
import { createRolePlanner, listRoles, type PlanRequest, type RolePlan, type RolePlanner } from './plan-roles.js'
import { walkCandidates, type JudgedCandidate, type Walk, type WalkOptions } from './walk-candidates.js'

/** One step of a resolution, for those who want to see how it went. */
export interface RouteStep {
  status: 'missing_provider' | 'unavailable' | 'glob_no_match' | 'not_served' | 'selected'
  role: string
  candidate: MatrixCandidate
  /** mounted key, where one was found */
  provider: string | null
}

/** What a caller may say of one resolution. */
export interface OneResolution {
  /** what the session that delegates runs on; default: its own mount plan says it */
  caller?: CallerContext
  /** `off` resolves without the preset */
  inherit?: 'off'
  /** of tiers below the one that would serve */
  lower?: true
}

export interface RouteEngineOptions extends JudgeOptions {
  matrix: EffectiveMatrix
  listings: ModelListings
  providers: () => MountedProviders
  coordinator: (Pick<Coordinator, 'config'> & Partial<Pick<Coordinator, 'getCapability'>>) | undefined
  /** default: the host's capability `provider.check_available`, where it has one */
  checkAvailable?: ((mountedAs: string) => unknown) | undefined
  /** told of the clamp record of each role that resolved; never fails */
  onClamp: (record: ClampRecord) => Promise<void> | void
  observe?: ((step: RouteStep) => void) | undefined
}

export interface RouteEngine {
  resolve(roles: string | readonly string[], one: OneResolution): Promise<RoleResolution[]>
  explain(roles: string | readonly string[], one: OneResolution): Promise<RouteExplanation>
  route(roles: string | readonly string[], one: OneResolution): Promise<RouteExplanation>
  check(): Promise<RolesCheck>
  situation(): Situation
}

/** Every question about a route, by one walk over the candidates. */
export function createRouteEngine(options: RouteEngineOptions): RouteEngine {
  const { matrix, onClamp, observe, verify, exhaustedUntil, listings } = options
  const planner = createRolePlanner(matrix)
  const situationOf = createSituations({
    coordinator: options.coordinator, allowlist: matrix.allowlist, preset: matrix.preset, verified: verify !== undefined,
  })
  let last: Look | undefined
  const look = (one: OneResolution): Look => {
    const providers = options.providers()
    const { mounts, caller } = situationOf(providers)
    const checkAvailable = options.checkAvailable ?? availabilityIn(options.coordinator)
    const asked = one.caller ?? caller
    const withoutPreset = one.inherit === 'off'
    const lower = one.lower === true
    // A session asks in the same terms again and again: two objects fewer a resolution.
    if (last?.walk.providers === providers && last.walk.mounts === mounts && last.walk.checkAvailable === checkAvailable
      && last.request.caller === asked && last.request.withoutPreset === withoutPreset && last.request.lower === lower) return last
    return (last = {
      walk: { verify, exhaustedUntil, checkAvailable, listings, providers, mounts },
      request: { caller: asked, withoutPreset, lower, escalations: planner.escalations },
    })
  }
  const explain = async (roles: string | readonly string[], one: OneResolution, isCall: boolean): Promise<RouteExplanation> => {
    const { walk, request } = look(one)
    return explainChain(listRoles(roles).filter((role) => typeof role === 'string'), { walk, request: { ...request }, matrix, planner, isCall })
  }
  const searching: Searching = { matrix, planner, observe, onClamp }
  return {
    situation: () => situationOf(options.providers()),
    resolve(roles, one) {
      try {
        const { walk, request } = look(one)
        return walkCandidates(new Search(listRoles(roles), request, searching), walk)
      } catch (error) {
        return Promise.reject(error instanceof Error ? error : new Error(String(error)))
      }
    },
    explain: (roles, one) => explain(roles, one, false),
    async route(roles, one) {
      const route = await explain(roles, one, true)
      if (route.resolved !== undefined && route.clamp !== undefined) await onClamp(route.clamp)
      return route
    },
    async check() {
      const { walk, request } = look({})
      const plan = (role: string): RolePlan => planner.plan(role, { ...request, escalations: { ...planner.escalations } })
      return checkRoles(matrix.roles, plan, { ...walk, verify: 'catalog', since: listings.now() })
    },
  }
}

/** What one resolution goes by. */
interface Look {
  walk: WalkOptions
  request: PlanRequest
}

interface ChainQuestion extends Look {
  matrix: EffectiveMatrix
  planner: RolePlanner
  /** the answer is for a call that is made: escalations count */
  isCall: boolean
}

async function explainChain(asked: readonly string[], { walk, request, matrix, planner, isCall }: ChainQuestion): Promise<RouteExplanation> {
  const unspent = (): EscalationBudget => ({ ...planner.escalations })
  if (!isCall) request.escalations = unspent()
  const plans = new Map<string, RolePlan>()
  const judged: JudgedCandidate[] = []
  const plan = (role: string): RolePlan => {
    const made = planner.plan(role, request)
    plans.set(role, made)
    return made
  }
  const visit = (candidate: JudgedCandidate): void => {
    judged.push(candidate)
    // What stands after the one that serves is a fall-back: shown and tried, it spends nothing.
    if (isServable(candidate.status) && request.escalations === planner.escalations) request.escalations = unspent()
  }
  return walkCandidates({ roles: asked, plan, visit, end: () => explainRoute({ asked, matrix, judged, plans }) }, walk)
}

interface Searching extends Pick<RouteEngineOptions, 'matrix' | 'observe' | 'onClamp'> {
  planner: RolePlanner
}

/** The search for the first candidate that serves: one object a resolution, where closures would be five. No `async`: each promise is a fifth of a warm one. */
class Search implements Walk<RoleResolution[]> {
  /** that of the role that serves */
  #plan: RolePlan | undefined
  #found: JudgedCandidate | undefined
  /** the first that was kept */
  #failure: JudgedCandidate['failure']

  constructor(readonly roles: readonly string[], readonly request: PlanRequest, readonly searching: Searching) {}

  plan(role: string): RolePlan {
    return this.searching.planner.plan(role, this.request)
  }

  /** True where the search is over. @throws a failure that no other candidate may hide */
  visit(judged: JudgedCandidate, plan: RolePlan): boolean {
    const { failure, status } = judged
    const { observe } = this.searching
    if (failure?.final === true) throw failure.error
    if (failure !== undefined) {
      this.#failure ??= failure
      observe?.(stepOf('unavailable', judged))
      return false
    }
    if (isServable(status)) {
      this.#found = judged
      this.#plan = plan
      observe?.(stepOf('selected', judged))
      return true
    }
    observe?.(stepOf(status === 'not_mounted' ? 'missing_provider' : status === 'exhausted' ? 'not_served' : 'glob_no_match', judged))
    return false
  }

  end(): RoleResolution[] | Promise<RoleResolution[]> {
    const { matrix, onClamp } = this.searching
    const found = this.#found
    if (found === undefined) return giveUp(this.#failure, matrix)
    const answer = [{ provider: found.mountedAs ?? '', model: found.model ?? '', config: { ...found.candidate.config } }]
    const reported = this.#plan?.record === undefined ? undefined : onClamp(this.#plan.record)
    return reported === undefined ? answer : reported.then(() => answer)
  }
}

function stepOf(status: RouteStep['status'], { role, candidate, mountedAs }: JudgedCandidate): RouteStep {
  return { status, role, candidate, provider: mountedAs ?? null }
}

/** @throws the first failure that was kept, or that the scope leaves no route */
function giveUp(failure: JudgedCandidate['failure'], { allowlist }: EffectiveMatrix): [] {
  if (failure !== undefined) throw failure.error
  if (allowlist !== undefined) throw new ConfigurationError('No role route within the exact module constraint', { code: 'no_scoped_route' })
  return []
}

function availabilityIn(coordinator: RouteEngineOptions['coordinator']): ((mountedAs: string) => unknown) | undefined {
  const check = coordinator?.getCapability?.('provider.check_available')
  return typeof check === 'function' ? (mountedAs) => Reflect.apply(check, undefined, [mountedAs]) as unknown : undefined
}
