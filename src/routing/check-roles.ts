import { isServable } from '../contract/index.js'
import { defined } from '../lib/index.js'
import { describeOrigin } from '../documents/index.js'
import { checkCandidateConfig, createFieldsReader } from './check-config.js'
import { describeCandidate, type ResolvedCandidate } from './describe-candidate.js'
import type { MatrixRoles } from './matrix.js'
import { originOf } from './origin.js'
import type { RolePlan } from './plan-roles.js'
import { walkCandidates, type JudgedCandidate, type WalkOptions } from './walk-candidates.js'

/**
 * `served` by a model of the live list · `unverified`: taken on trust, the list could not be had ·
 * `exhausted` until a reset · `unknown`: only globs, and no list to match them with · `unserved`: nothing fits.
 */
export type RoleStatus = 'served' | 'unverified' | 'exhausted' | 'unknown' | 'unserved'

export interface RoleCheck {
  role: string
  status: RoleStatus
  /** the candidate in force, where there is one */
  resolved?: ResolvedCandidate
  candidates: ResolvedCandidate[]
  /** with `unserved`: the existing model nearest to what the role asks for */
  nearest?: string
  /** what to tell the user: the role has no model, or a candidate has a setting the provider doesn't take */
  problems: string[]
}

export interface RolesCheck {
  /** false where a role is `unserved`; `strict_routing` fails the mount then */
  ok: boolean
  roles: RoleCheck[]
  /** every role's problems, in order */
  problems: string[]
}

/** Judges every role's candidates as they are planned. The names of dead roles come with their nearest model. */
export async function checkRoles(matrixRoles: MatrixRoles, plan: (role: string) => RolePlan, walk: WalkOptions): Promise<RolesCheck> {
  const fieldsOf = createFieldsReader(walk.providers)
  const roles = await Promise.all(Object.keys(matrixRoles).map((role) => {
    const judged: JudgedCandidate[] = []
    return walkCandidates({
      roles: [role], plan, visit: (candidate) => void judged.push(candidate),
      end: () => checkRole(role, judged.map(describeCandidate), matrixRoles, fieldsOf),
    }, walk)
  }))
  return {
    ok: roles.every(({ status }) => status !== 'unserved'),
    roles,
    problems: roles.flatMap(({ problems }) => problems),
  }
}

function checkRole(
  role: string,
  candidates: ResolvedCandidate[],
  matrixRoles: MatrixRoles,
  fieldsOf: (key: string) => readonly unknown[],
): RoleCheck {
  const resolved = candidates.find(({ status }) => isServable(status))
  const status = statusOf(candidates, resolved)
  const nearest = status === 'unserved' ? candidates.find((candidate) => candidate.nearest !== undefined)?.nearest : undefined
  const origin = originOf(matrixRoles[role] ?? {})
  const place = origin?.file === undefined ? '' : `${describeOrigin(origin)}: `
  const dead = status === 'unserved' ? [`${place}role ${role} has no model: ${explainMisses(candidates, nearest)}`] : []
  return {
    role,
    status,
    ...defined({ resolved }),
    candidates,
    ...defined({ nearest }),
    problems: [...dead, ...candidates.flatMap((candidate) => configProblems(role, candidate, fieldsOf))],
  }
}

function statusOf(candidates: readonly ResolvedCandidate[], resolved: ResolvedCandidate | undefined): RoleStatus {
  if (resolved !== undefined) return resolved.status === 'live' ? 'served' : 'unverified'
  const statuses = candidates.map(({ status }) => status)
  return statuses.includes('exhausted') ? 'exhausted' : statuses.includes('could_not_list') ? 'unknown' : 'unserved'
}

function explainMisses(candidates: readonly ResolvedCandidate[], nearest: string | undefined): string {
  if (candidates.length === 0) return 'it lists no candidates'
  const misses = candidates.map(({ provider, model, status }) =>
    status === 'not_mounted' ? `provider ${provider} is not mounted` : `${provider} has no ${model}`)
  return [...new Set(misses)].join(', ') + (nearest === undefined ? '' : `; the nearest existing model is ${nearest}`)
}

function configProblems(role: string, candidate: ResolvedCandidate, fieldsOf: (key: string) => readonly unknown[]): string[] {
  if (candidate.mounted_as === undefined) return []
  const { file, line, model } = candidate
  const place = file === undefined ? '' : `${describeOrigin({ file, ...defined({ line }) })}: `
  return checkCandidateConfig(candidate.config, fieldsOf(candidate.mounted_as)).map(({ message }) => `${place}role ${role}, ${model}: ${message}`)
}
