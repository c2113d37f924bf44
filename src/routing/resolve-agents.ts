import type { AgentPlan, MountPlan } from '../contract/index.js'
import { isRecord, suggestName } from '../lib/index.js'
import type { ModelRoleResolver } from './model-role-resolver.js'

export interface ResolveAgentsOptions {
  resolver: ModelRoleResolver
  /** agents that are resolved at the same time */
  atOnce: number
  warn: (message: string) => void
}

/**
 * Every agent with a `model_role` gets `provider_preferences` = its resolution, `config` left out where it is empty. An
 * agent that had preferences before is resolved without the preset: they may be its resolution for another caller. One
 * that doesn't resolve keeps what it had, with a warning.
 * @throws the first failure of a resolution, once all have ended
 */
export async function resolveAgents(agents: MountPlan['agents'], { resolver, atOnce, warn }: ResolveAgentsOptions): Promise<void> {
  if (!isRecord(agents)) return
  const waiting = Object.entries(agents).flatMap(([name, agent]) => {
    const roles = isRecord(agent) ? readRoles(agent) : undefined
    return roles === undefined ? [] : [{ name, agent, roles }]
  })
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await resolveOne(next, resolver, warn)
  }
  const ended = await Promise.allSettled(Array.from({ length: Math.min(atOnce, waiting.length) }, work))
  const failed = ended.find((end) => end.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

async function resolveOne(
  { name, agent, roles }: { name: string; agent: AgentPlan; roles: readonly string[] }, resolver: ModelRoleResolver, warn: (message: string) => void,
): Promise<void> {
  const resolutions = await resolver.resolve(roles, null, keepsPreset(agent, resolver) ? {} : { inherit: 'off' })
  if (resolutions.length === 0) return warn(explainUnresolved(name, roles, resolver))
  const preferences = resolutions.map(({ provider, model, config }) =>
    Object.keys(config).length === 0 ? { provider, model } : { provider, model, config })
  if (!Reflect.set(agent, 'provider_preferences', preferences)) {
    warn(`agent ${name}: its entry in the mount plan can't be changed, so its model role has no effect`)
  }
}

function keepsPreset(agent: AgentPlan, resolver: ModelRoleResolver): boolean {
  return !('provider_preferences' in agent) && resolver.callerContext() !== undefined
}

/** A role or a list of roles. */
function readRoles({ model_role: written }: AgentPlan): readonly string[] | undefined {
  const roles = (Array.isArray(written) ? written : [written]).filter((role): role is string => typeof role === 'string' && role !== '')
  return roles.length === 0 ? undefined : roles
}

function explainUnresolved(agent: string, roles: readonly string[], resolver: ModelRoleResolver): string {
  const known = resolver.known_roles
  const unknown = roles.filter((role) => !known.includes(role))
  const meant = unknown[0] === undefined ? undefined : suggestName(unknown[0], known)
  const reason =
    unknown.length === 0
      ? 'no candidate can be served'
      : `the matrix ${resolver.name} has no role ${unknown.join(', ')}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`
  return `agent ${agent} keeps the default model: model_role ${roles.join(', ')} does not resolve, ${reason}`
}
