import { isRecord } from '../lib/index.js'
import type { Finding } from './finding.js'
import { isOurModule, readModuleEntries, type ModuleEntry } from './module-entry.js'
import { findCandidateProblems, findOverrideProblems, findTrustProblems, findVariables, type TrustProblem } from './option-trust.js'
import { originOf } from './origin.js'
import type { PlanLayer } from './plan-layer.js'

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
export function findEntryProblems(entry: ModuleEntry): TrustProblem[] {
  if (entry.module !== undefined && !isOurModule(entry.module)) return []
  return entry.config ? findTrustProblems(entry.config, { inherited: originOf(entry, 'config') }) : []
}

export function findRoutingProblems(routing: unknown): TrustProblem[] {
  if (!isRecord(routing)) return []
  const named = Object.fromEntries(Object.entries(routing).filter(([key]) => key === 'matrix'))
  return [
    ...findTrustProblems(named, { inherited: originOf(routing, 'matrix') }),
    ...findOverrideProblems(routing['overrides'], 'routing.overrides', { inherited: originOf(routing, 'overrides') }),
    ...findVariables(routing['overrides'], 'routing.overrides', { inherited: originOf(routing, 'overrides') }),
  ]
}

function findAgentProblems(agents: unknown): TrustProblem[] {
  if (!isRecord(agents)) return []
  return Object.entries(agents).flatMap(([name, agent]) => {
    if (!isRecord(agent)) return []
    const path = `agents.${name}`
    const foreign = FOREIGN_KEYS.map((key) => `${path}.${key}`)
    return [
      ...findCandidateProblems(agent['provider_preferences'], `${path}.provider_preferences`, { inherited: originOf(agent, 'provider_preferences') }),
      ...findVariables(agent, path, { skip: (inner) => foreign.includes(inner) }),
      ...readModuleEntries(agent['providers']).flatMap(findEntryProblems),
    ]
  })
}
