import type { JsonObject, MountPlan, MountPlanEntry } from '../contract/index.js'
import { inheritUserEntry } from './inherit-user-entry.js'
import { isOurModule, mergeModuleEntries } from './module-entry.js'
import { OPTION_ALIASES } from './option-schema.js'
import { attachOrigins, mergeMappings, originOf, originsOf, type Origin } from '../documents/index.js'
import type { Bundle } from './bundle.js'
import type { Settings } from './settings.js'

/** Key of the settings' `routing` to the option that carries it. */
const ROUTING_OPTIONS: Readonly<Record<string, string>> = { matrix: 'matrix', overrides: 'routing_overrides' }

/**
 * The mount plan of a bundle under the user's settings: providers merge by `id`, else `module`, settings winning.
 * `routing.matrix` and `routing.overrides` become `matrix` and `routing_overrides` of our provider's config where
 * that sets none itself, the user's own folder of matrices its `custom_routing_dirs` likewise. A further instance of our module that a
 * project adds has the user's endpoint, sign-in and store. Every value keeps its origin. Neither argument changes.
 */
export function buildMountPlan(parts: { bundle?: Bundle; settings?: Settings }): MountPlan {
  const base = parts.bundle?.mountPlan ?? {}
  const routing = mergeMappings(parts.bundle?.routing ?? {}, parts.settings?.routing ?? {})
  const merged = mergeModuleEntries(base.providers ?? [], parts.settings?.providers ?? [])
  const providers = merged.flatMap((entry): MountPlanEntry[] => {
    const { module } = entry
    if (module === undefined) return []
    const plain = attachOrigins({ ...entry, module }, originsOf(entry))
    return [isOurModule(module) ? withRouting(plain, routing, parts.settings?.routingDir) : plain]
  })
  return attachOrigins({ ...base, ...(providers.length > 0 ? { providers: inheritUserEntry(providers) } : {}) }, originsOf(base))
}

function withRouting(entry: MountPlanEntry, routing: JsonObject, routingDir: string | undefined): MountPlanEntry {
  const config = entry.config ?? {}
  const additions: JsonObject = {}
  const origins: Record<string, Origin> = {}
  for (const [key, option] of Object.entries(ROUTING_OPTIONS)) {
    const value = routing[key]
    if (value === undefined || value === null || isSet(config, option)) continue
    additions[option] = value
    const origin = originOf(routing, key)
    if (origin) origins[option] = origin
  }
  if (routingDir !== undefined && !isSet(config, 'custom_routing_dirs')) additions['custom_routing_dirs'] = [routingDir]
  if (Object.keys(additions).length === 0) return entry
  const merged = mergeMappings(config, attachOrigins(additions, origins))
  return attachOrigins({ ...entry, config: merged }, originsOf(entry))
}

/** By its name in force or an older one. */
function isSet(config: JsonObject, option: string): boolean {
  const older = Object.keys(OPTION_ALIASES).filter((alias) => OPTION_ALIASES[alias] === option)
  return [option, ...older].some((name) => config[name] !== undefined && config[name] !== null)
}
