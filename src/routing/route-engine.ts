import { ConfigurationError, isServable, type CallerContext, type ClampRecord, type Coordinator } from '../contract/index.js'
import { checkRoles, type RolesCheck } from './check-roles.js'
import type { EffectiveMatrix } from './effective-matrix.js'
import { explainRoute, type RouteExplanation } from './explain-role.js'
import type { MountedProviders } from './find-mount.js'
import type { JudgeOptions } from './judge-candidate.js'
import type { AskedLists, ModelListings } from './model-listings.js'
import type { MatrixCandidate, RoleResolution } from './matrix.js'
import { createSituations, type Situation } from './mount-view.js'
import { createRolePlanner, listRoles, type RolePlan, type RolePlanner } from './plan-roles.js'
import { walkCandidates, type JudgedCandidate, type WalkOptions } from './walk-candidates.js'

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
  const { matrix, onClamp } = options
  const planner = createRolePlanner(matrix)
  const situationOf = createSituations({
    coordinator: options.coordinator, allowlist: matrix.allowlist, preset: matrix.preset, verified: options.verify !== undefined,
  })
  const situation = (): Situation => situationOf(options.providers())
  const look = (): { walk: WalkOptions; caller: CallerContext | undefined } => {
    const providers = options.providers()
    const { mounts, caller } = situationOf(providers)
    const { verify, exhaustedUntil, listings } = options
    const checkAvailable = options.checkAvailable ?? availabilityIn(options.coordinator)
    return { caller, walk: { verify, exhaustedUntil, checkAvailable, listings, providers, mounts } }
  }
  const explain = async (roles: string | readonly string[], one: OneResolution, isCall = false): Promise<RouteExplanation> => {
    const { walk, caller } = look()
    const chain = createChain(planner, { caller: one.caller ?? caller, withoutPreset: one.inherit === 'off', spending: isCall })
    const asked = listRoles(roles)
    const judged: JudgedCandidate[] = []
    await walkCandidates(chain.plans(asked), walk, (candidate) => {
      judged.push(candidate)
      // What stands after the one that serves is a fall-back: shown and tried, it spends nothing.
      if (isServable(candidate.status)) chain.stopSpending()
    })
    return explainRoute({ asked, matrix, judged, plans: chain.made })
  }
  return {
    situation,
    async resolve(roles, one) {
      const { walk, caller } = look()
      const chain = createChain(planner, { caller: one.caller ?? caller, withoutPreset: one.inherit === 'off', spending: true })
      const search = createSearch(options.observe)
      await walkCandidates(chain.plans(listRoles(roles)), walk, search.visit)
      const { found } = search
      if (found === undefined) return search.giveUp(matrix)
      const record = chain.made.get(found.role)?.record
      if (record !== undefined) await onClamp(record)
      return [{ provider: found.mountedAs ?? '', model: found.model ?? '', config: { ...found.candidate.config } }]
    },
    explain: (roles, one) => explain(roles, one),
    async route(roles, one) {
      const route = await explain(roles, one, true)
      if (route.resolved !== undefined && route.clamp !== undefined) await onClamp(route.clamp)
      return route
    },
    check() {
      const { walk, caller } = look()
      const asked: AskedLists = new Map()
      const chain = createChain(planner, { caller, withoutPreset: false, spending: false })
      return checkRoles(matrix.roles, chain.plans(Object.keys(matrix.roles)), { ...walk, verify: 'catalog', asked })
    },
  }
}

interface Chain {
  /** the plans so far by role */
  readonly made: ReadonlyMap<string, RolePlan>
  /** Plans each role when it is its turn: an escalation is used up by roles that are tried. */
  plans(roles: readonly string[]): Iterable<RolePlan>
  stopSpending(): void
}

function createChain(
  planner: RolePlanner, { caller, withoutPreset, spending }: { caller: CallerContext | undefined; withoutPreset: boolean; spending: boolean },
): Chain {
  const made = new Map<string, RolePlan>()
  let escalations = spending ? planner.escalations : { ...planner.escalations }
  return {
    made,
    * plans(roles) {
      for (const role of roles) {
        const plan = planner.plan(role, { caller, withoutPreset, escalations })
        made.set(role, plan)
        yield plan
      }
    },
    stopSpending() {
      if (escalations === planner.escalations) escalations = { ...escalations }
    },
  }
}

/** Looks for the first candidate that serves, and remembers what kept the ones before it. */
function createSearch(observe: ((step: RouteStep) => void) | undefined) {
  let found: JudgedCandidate | undefined
  let first: JudgedCandidate['failure']
  const step = (status: RouteStep['status'], { role, candidate, mountedAs }: JudgedCandidate): void =>
    observe?.({ status, role, candidate, provider: mountedAs ?? null })
  return {
    get found() { return found },
    visit(judged: JudgedCandidate): boolean {
      const { failure, status } = judged
      if (failure?.final === true) throw failure.error
      if (failure !== undefined) {
        first ??= failure
        step('unavailable', judged)
        return false
      }
      if (isServable(status)) {
        found = judged
        step('selected', judged)
        return true
      }
      step(status === 'not_mounted' ? 'missing_provider' : status === 'exhausted' ? 'not_served' : 'glob_no_match', judged)
      return false
    },
    /** @throws the first failure that was kept, or that the scope leaves no route */
    giveUp({ allowlist }: EffectiveMatrix): [] {
      if (first !== undefined) throw first.error
      if (allowlist !== undefined) throw new ConfigurationError('No role route within the exact module constraint', { code: 'no_scoped_route' })
      return []
    },
  }
}

function availabilityIn(coordinator: RouteEngineOptions['coordinator']): ((mountedAs: string) => unknown) | undefined {
  const check = coordinator?.getCapability?.('provider.check_available')
  return typeof check === 'function' ? (mountedAs) => Reflect.apply(check, undefined, [mountedAs]) as unknown : undefined
}
