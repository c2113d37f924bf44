import { ROUTING_HOOKS } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { originOf, placeFinding, type Finding } from '../documents/index.js'
import { isOurModule, readModuleEntries, type ModuleEntry } from './module-entry.js'
import { judgeCandidates, judgeConfig, judgeHookConfig, judgeRoles } from './judge-config.js'
import { omit, type PlanLayer } from './plan-layer.js'
import { judgeVariables, type Refusal } from './standing.js'

/** Parts of an agent that belong to other modules, which read their own variables. */
const FOREIGN_KEYS = ['tools', 'hooks', 'session', 'providers']

/** What mounts and spawns from a merged layer would refuse, told ahead: `bundle validate` shows it, loading does not judge. */
export function judgeLayer({ providers, hooks, rest }: PlanLayer, file: string): Finding[] {
  const refused = [...[...providers, ...hooks].flatMap(judgeOurs), ...judgeRouting(rest['routing']), ...judgeAgents(rest['agents'])]
  return refused.map((refusal) => placeFinding(refusal, file))
}

function judgeOurs(entry: ModuleEntry): Refusal[] {
  if (!entry.config) return []
  if (isOurModule(entry.module)) return judgeConfig(entry.config, {}, originOf(entry, 'config'))
  return ROUTING_HOOKS.includes(entry.module ?? '') ? judgeHookConfig(entry.config, {}, originOf(entry, 'config')) : []
}

function judgeRouting(routing: unknown): Refusal[] {
  if (!isRecord(routing)) return []
  const named = Object.fromEntries(Object.entries(routing).filter(([key]) => key === 'matrix'))
  return [
    ...judgeConfig(named, {}, originOf(routing, 'matrix')),
    ...judgeRoles(routing['overrides'], 'routing.overrides', { origin: originOf(routing, 'overrides'), context: {} }),
  ]
}

function judgeAgents(agents: unknown): Refusal[] {
  if (!isRecord(agents)) return []
  return Object.entries(agents).flatMap(([name, agent]) => {
    if (!isRecord(agent)) return []
    const path = `agents.${name}`
    const own = omit(agent, (key) => FOREIGN_KEYS.includes(key) || key === 'provider_preferences')
    return [
      ...judgeCandidates(agent['provider_preferences'], `${path}.provider_preferences`, {}, originOf(agent, 'provider_preferences')),
      ...judgeVariables(own, path, { origin: originOf(agents, name), context: {} }),
      ...[...readModuleEntries(agent['providers']), ...readModuleEntries(agent['hooks'])].flatMap(judgeOurs),
    ]
  })
}
