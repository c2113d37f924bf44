import { isRecord } from '../lib/index.js'
import { originOf, type Finding } from '../documents/index.js'
import { isOurModule, readModuleEntries, type ModuleEntry } from './module-entry.js'
import { judgeCandidates, judgeConfig, judgeRoles, judgeVariables, type Refusal } from './judge-config.js'
import { omit, type PlanLayer } from './plan-layer.js'

/** Parts of an agent that belong to other modules, which read their own variables. */
const FOREIGN_KEYS = ['tools', 'hooks', 'session', 'providers']

/**
 * What a project's file says and may not: in our provider's config, in candidates' configs, in routing and in
 * agents. The config of other modules is theirs to judge; variables in it are left as they are written.
 */
export function findBundleTrustProblems(layer: PlanLayer, file: string): Finding[] {
  const problems = [
    ...layer.providers.flatMap(findEntryProblems),
    ...findRoutingProblems(layer.rest['routing']),
    ...findAgentProblems(layer.rest['agents']),
  ]
  return problems.map(({ message, origin }) => ({
    severity: 'error', message, file: origin?.file ?? file, line: origin?.line ?? 1, column: origin?.column ?? 1,
  }))
}

/** An entry without a module may turn out to be ours once it is merged by its id, so it counts as ours. */
export function findEntryProblems(entry: ModuleEntry): Refusal[] {
  if (entry.module !== undefined && !isOurModule(entry.module)) return []
  return entry.config ? judgeConfig(entry.config, {}, originOf(entry, 'config')) : []
}

export function findRoutingProblems(routing: unknown): Refusal[] {
  if (!isRecord(routing)) return []
  const named = Object.fromEntries(Object.entries(routing).filter(([key]) => key === 'matrix'))
  return [
    ...judgeConfig(named, {}, originOf(routing, 'matrix')),
    ...judgeRoles(routing['overrides'], 'routing.overrides', { origin: originOf(routing, 'overrides'), context: {} }),
  ]
}

function findAgentProblems(agents: unknown): Refusal[] {
  if (!isRecord(agents)) return []
  return Object.entries(agents).flatMap(([name, agent]) => {
    if (!isRecord(agent)) return []
    const path = `agents.${name}`
    const own = omit(agent, (key) => FOREIGN_KEYS.includes(key) || key === 'provider_preferences')
    return [
      ...judgeCandidates(agent['provider_preferences'], `${path}.provider_preferences`, {}, originOf(agent, 'provider_preferences')),
      ...judgeVariables(own, path, { origin: originOf(agents, name), context: {} }),
      ...readModuleEntries(agent['providers']).flatMap(findEntryProblems),
    ]
  })
}
