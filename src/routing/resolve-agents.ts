import type { AgentPlan, MountPlan } from '../contract/index.js'
import { isRecord, suggestName } from '../lib/index.js'
import type { ModelRoleResolver, OneResolution } from './model-role-resolver.js'

/**
 * Every agent with a `model_role` gets `provider_preferences` = its resolution, `config` left out where it is
 * empty; agents resolve side by side. An agent that doesn't resolve keeps what it had, with a warning.
 */
export async function resolveAgents(
  agents: MountPlan['agents'],
  resolver: ModelRoleResolver,
  one: OneResolution,
  warn: (message: string) => void,
): Promise<void> {
  if (!isRecord(agents)) return
  await Promise.all(
    Object.entries(agents).map(async ([name, agent]) => {
      if (!isRecord(agent)) return
      const roles = readRoles(agent)
      if (roles === undefined) return
      const resolutions = await resolver.resolve(roles, null, 'provider_preferences' in agent || resolver.callerContext() === undefined ? { ...one, inherit: 'off' } : one)
      if (resolutions.length === 0) return warn(explainUnresolved(name, roles, resolver))
      const preferences = resolutions.map(({ provider, model, config }) =>
        Object.keys(config).length === 0 ? { provider, model } : { provider, model, config })
      if (!Reflect.set(agent, 'provider_preferences', preferences)) {
        warn(`agent ${name}: its entry in the mount plan can't be changed, so its model role has no effect`)
      }
    }),
  )
}

/** A role, a list of roles; at the top level or inside `meta`, where agent files may have it. */
function readRoles(agent: AgentPlan): string[] | undefined {
  const meta = agent['meta']
  const written: unknown = agent.model_role ?? (isRecord(meta) ? meta['model_role'] : undefined)
  const roles = (Array.isArray(written) ? written : [written]).filter(
    (role): role is string => typeof role === 'string' && role !== '',
  )
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
