import { ROUTING_HOOKS, type MountPlanEntry } from '../contract/index.js'
import { originOf, throwErrors, type Origin } from '../documents/index.js'
import { isRecord } from '../lib/index.js'
import { judgeHookConfig } from './judge-config.js'
import { judgeForeignConfig } from './judge-foreign.js'
import { isOurModule } from './module-entry.js'
import { below, isTrusted, refuse, type Refusal, type Standing } from './standing.js'

export interface EntryContext {
  /** the host program brings the module itself */
  isKnown: boolean
  /** where in the plan the entry stands, such as `providers` */
  point?: string
  /** of a module named by a word alone (`orchestrator: name`): where that word was written */
  holder?: Origin
}

/**
 * What an entry of a merged plan says that its author may not: code that a project chose (a `source`, a module that the host
 * doesn't have, another module in place of the user's), and values for other modules. Our own config is judged as it mounts.
 */
export function judgeEntry(entry: MountPlanEntry, { isKnown, point, holder }: EntryContext): Refusal[] {
  const source = originOf(entry, 'source')
  const module = originOf(entry, 'module') ?? holder
  const why = "since it would run code of the project; let the host program bring the module, or give createHost allowProjectCode, which makes the project's files code"
  const change = judgeModuleChange(entry)
  if (change.length > 0) return change
  return [
    ...(standsByItself(source, entry.source) ? [refuse('source', `source may not be set by a project's files, ${why}`, { origin: source })] : []),
    ...(standsByItself(module, entry.module) && !isKnown ? [refuse('module', `the module ${entry.module} may not be loaded for a project's files, ${why}`, { origin: module })] : []),
    ...judgeOtherConfig(entry, point),
  ]
}

/** For hosts that mount our own entry alone. @throws ConfigurationError where an entry of the user's is another module's now */
export function refuseModuleChanges(entries: readonly MountPlanEntry[]): void {
  throwErrors(entries.flatMap(judgeModuleChange), 'untrusted_option')
}

/** The user's config, keys and all, would be handed to another module than the user named. */
function judgeModuleChange(entry: MountPlanEntry): Refusal[] {
  const origin = originOf(entry, 'module')
  const named = origin?.shadowed?.find(isTrusted)
  if (!origin || isTrusted(origin) || !named || named.value === entry.module) return []
  const message = `module of the entry ${entry.id ?? entry.module} may not be changed by a project's files, since the user's config for ${String(named.value)} would go to ${entry.module}`
  return [refuse('module', message, { origin })]
}

function judgeOtherConfig(entry: MountPlanEntry, point: string | undefined): Refusal[] {
  const { config } = entry
  if (!isRecord(config) || isOurModule(entry.module)) return []
  const standing: Standing = { origin: originOf(entry, 'config'), context: {} }
  if (ROUTING_HOOKS.includes(entry.module)) return judgeHookConfig(config, {}, standing.origin)
  const isShared = !standsByItself(originOf(entry, 'module'), entry.module) || Object.keys(config).some((key) => isTrusted(below(standing, config, key).origin))
  return judgeForeignConfig(config, standing, { isShared, isProvider: point === 'providers' })
}

/** Whether a project says it alone: not where the user or the host program says the same. */
function standsByItself(origin: Origin | undefined, value: unknown): origin is Origin {
  return origin !== undefined && !isTrusted(origin) && !origin.shadowed?.some((other) => isTrusted(other) && other.value === value)
}
