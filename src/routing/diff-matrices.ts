import type { ModelRoleResolver } from './model-role-resolver.js'
import type { RouteExplanation } from './explain-role.js'

/** How a matrix serves a role; without a model `reason` says why. */
export interface DiffSide {
  provider?: string
  model?: string
  effort?: string
  reason?: string
}

export interface RoleDiff {
  role: string
  same: boolean
  a: DiffSide
  b: DiffSide
}

/** Role by role what two matrices answer over the same lists: the first one's roles in order, then what only the second has. */
export async function diffMatrices(a: ModelRoleResolver, b: ModelRoleResolver): Promise<RoleDiff[]> {
  const roles = [...new Set([...a.known_roles, ...b.known_roles])]
  return Promise.all(roles.map(async (role): Promise<RoleDiff> => {
    const [left, right] = [describeSide(await a.explain(role)), describeSide(await b.explain(role))]
    return { role, same: left.model !== undefined && left.provider === right.provider && left.model === right.model && left.effort === right.effort, a: left, b: right }
  }))
}

function describeSide({ resolved, candidates }: RouteExplanation): DiffSide {
  if (resolved?.resolved_model !== undefined) {
    const effort = resolved.config?.['reasoning_effort']
    return { provider: resolved.mounted_as ?? resolved.provider, model: resolved.resolved_model, ...(typeof effort === 'string' ? { effort } : {}) }
  }
  return { reason: describeMisses(candidates) }
}

/** Why nothing of a chain serves. */
export function describeMisses(candidates: RouteExplanation['candidates']): string {
  if (candidates.length === 0) return 'the matrix has no candidates for it'
  return candidates.map(({ provider, model, status, detail }) => `${provider}/${model}: ${detail ?? status.replaceAll('_', ' ')}`).join('; ')
}
