import type { CallerContext, ClampRecord } from '../contract/index.js'
import type { EffectiveMatrix } from './effective-matrix.js'
import type { MatrixCandidate, MatrixRoles } from './matrix.js'
import { lowerTiers } from './lower-tiers.js'
import { planCandidates, type EscalationBudget } from './plan-candidates.js'
import { isActive } from './preset.js'

/** What a role's candidates are for a caller, and what there is to report of it. */
export interface RolePlan {
  role: string
  candidates: readonly MatrixCandidate[]
  record?: ClampRecord
}

export interface PlanRequest {
  caller?: CallerContext | undefined
  /** true resolves as if the matrix had no preset */
  withoutPreset?: boolean
  /** true: of tiers below the one that would serve, whatever they take over */
  lower?: boolean
  /** counts up where a role is let above its caller's tier */
  escalations: EscalationBudget
}

export interface RolePlanner {
  /** the session's own; a copy of it plans without spending */
  readonly escalations: EscalationBudget
  plan(role: string, request: PlanRequest): RolePlan
}

/** Callers that are remembered: a session has one, a host may hand in others. */
const KEPT_CALLERS = 32

/** Plans a role once for the same caller; a granted escalation is counted, whether or not its role then resolves. */
export function createRolePlanner({ roles, preset }: EffectiveMatrix): RolePlanner {
  const written = new Map(Object.keys(roles).map((role) => [role, candidatesOf(roles, role)]))
  const plain = new Map([...written].map(([role, candidates]): [string, RolePlan] => [role, { role, candidates }]))
  const planned = new Map<string, Map<string, RolePlan>>()
  let last: { caller: CallerContext | undefined; used: number; plans: Map<string, RolePlan> } | undefined
  const plansFor = (caller: CallerContext | undefined, used: number): Map<string, RolePlan> => {
    // A session's own context is one frozen object for as long as its plan says the same.
    if (last !== undefined && last.caller === caller && last.used === used && (caller === undefined || Object.isFrozen(caller))) return last.plans
    const key = caller === undefined ? String(used) : `${used}\0${callerKey(caller)}`
    const known = planned.get(key)
    if (known === undefined && planned.size >= KEPT_CALLERS) planned.clear()
    const plans = known ?? new Map<string, RolePlan>()
    planned.set(key, plans)
    last = { caller, used, plans }
    return plans
  }
  const escalations = { maxUses: preset?.escalate.maxUses ?? 0, used: 0 }
  const planAsAsked = (role: string, { caller, withoutPreset = false, escalations: budget }: PlanRequest): RolePlan => {
    const unplanned = plain.get(role)
    if (unplanned === undefined) return { role, candidates: [] }
    if (withoutPreset || !isActive(preset)) return unplanned
    const plans = plansFor(caller, budget.used)
    const known = plans.get(role)
    if (known !== undefined) return known
    const plan = planCandidates({ role, candidates: unplanned.candidates, caller, preset, escalations: budget })
    const candidates = plan.candidates as readonly MatrixCandidate[]
    if (plan.record?.escalated === true) budget.used += 1
    const answer = plan.record === undefined ? { role, candidates } : { role, candidates, record: plan.record }
    if (plan.record?.escalated !== true) plans.set(role, answer)
    return answer
  }
  return {
    escalations,
    plan(role, request) {
      const plan = planAsAsked(role, request)
      return request.lower === true ? { ...plan, candidates: lowerTiers(plan.candidates, preset) } : plan
    },
  }
}

/** Joined by a character that no name has. */
function callerKey({ family, model, effort, provider_key }: CallerContext): string {
  return `${family}\0${model}\0${effort}\0${provider_key}`
}

/** A role's candidates; what is no candidate is left out. */
function candidatesOf(roles: MatrixRoles, role: string): readonly MatrixCandidate[] {
  const candidates: unknown = roles[role]?.candidates
  return Array.isArray(candidates) ? candidates.filter(isCandidate) : []
}

function isCandidate(value: unknown): value is MatrixCandidate {
  if (typeof value !== 'object' || value === null) return false
  const { provider, model } = value as Partial<MatrixCandidate>
  return typeof provider === 'string' && typeof model === 'string'
}

/** A role or a list of roles, as agents write them. */
export function listRoles(roles: string | readonly string[]): readonly string[] {
  return typeof roles === 'string' ? [roles] : Array.isArray(roles) ? roles : []
}
