import { isServable, KNOWN_ROLES, type RouteReceipt } from '../contract/index.js'
import { defined, suggestName } from '../lib/index.js'
import { describeCandidate, type ResolvedCandidate } from './describe-candidate.js'
import { isEssential } from './lower-tiers.js'
import type { MatrixRoles } from './matrix.js'
import { originOf, type MatrixOrigin } from './origin.js'
import type { RolePlan } from './plan-roles.js'
import type { JudgedCandidate } from './walk-candidates.js'

/** The part of a route receipt that is known before a model is called, and what `routing explain` says besides. */
export interface RouteExplanation extends Pick<RouteReceipt, 'role' | 'file' | 'line' | 'origin' | 'clamp'> {
  /** the role that serves, or the first one asked for */
  role: string
  roles: string[]
  matrix: string
  description?: string
  /** what an override put out of force */
  shadows?: MatrixOrigin['shadows']
  candidates: ResolvedCandidate[]
  /** the candidate that a call would go to */
  resolved?: ResolvedCandidate
  /** the role keeps its model and its place where a quota window runs short */
  essential?: true
  /** roles that the matrix doesn't have, with the one that may have been meant */
  unknown_roles?: { role: string; did_you_mean?: string }[]
}

export interface RouteFacts {
  asked: readonly string[]
  matrix: { name: string; roles: MatrixRoles }
  /** the whole chain */
  judged: readonly JudgedCandidate[]
  plans: ReadonlyMap<string, RolePlan>
}

/** How a call with these roles would be routed now, in words that a receipt and a reader take. */
export function explainRoute({ asked, matrix, judged, plans }: RouteFacts): RouteExplanation {
  const candidates = judged.map(describeCandidate)
  const resolved = candidates.find(({ status }) => isServable(status))
  const role = resolved?.role ?? asked.find((name) => Object.hasOwn(matrix.roles, name)) ?? asked[0] ?? ''
  const entry = Object.hasOwn(matrix.roles, role) ? matrix.roles[role] : undefined
  const origin = entry === undefined ? undefined : originOf(entry)
  const clamp = plans.get(role)?.record
  const missing = asked.filter((name) => !Object.hasOwn(matrix.roles, name))
  const unknown = missing.map((name) => describeUnknown(name, Object.keys(matrix.roles)))
  return {
    role,
    roles: [...asked],
    matrix: matrix.name,
    ...(entry?.description === undefined ? {} : { description: entry.description }),
    ...(origin?.file === undefined ? {} : { file: origin.file }),
    ...(origin?.line === undefined ? {} : { line: origin.line }),
    ...(origin === undefined ? {} : { origin: origin.source }),
    ...(origin?.shadows === undefined ? {} : { shadows: origin.shadows }),
    candidates,
    ...defined({ clamp, resolved }),
    ...(isEssential(role, matrix.roles) ? { essential: true as const } : {}),
    ...(unknown.length === 0 ? {} : { unknown_roles: unknown }),
  }
}

function describeUnknown(role: string, names: readonly string[]): { role: string; did_you_mean?: string } {
  const meant = suggestName(role, names.length > 0 ? names : KNOWN_ROLES)
  return meant === undefined ? { role } : { role, did_you_mean: meant }
}
