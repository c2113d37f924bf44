import type { Coordinator, MountPlanEntry } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { MODULE_PREFIX } from './matrix.js'

/** What routing needs of a mounted provider: its list of models. */
export interface ListsModels {
  /** Model objects with an `id`, or bare ids; an answer is not changed after it was given. */
  listModels(): Promise<readonly unknown[]> | readonly unknown[]
  getInfo?(): { config_fields?: unknown }
}

/** Mounted name → provider, in mount order; what `coordinator.get("providers")` answers. */
export type MountedProviders = ReadonlyMap<string, unknown> | Readonly<Record<string, unknown>>

/** The part of a coordinator that finding a provider reads. */
export type MountPlanHolder = Pick<Coordinator, 'config'>

export function providerNamed(providers: MountedProviders, name: string): unknown {
  if (providers instanceof Map) return providers.get(name)
  return Object.hasOwn(providers, name) ? (providers as Record<string, unknown>)[name] : undefined
}

/** Mounted names in mount order. */
export function mountedNames(providers: MountedProviders): string[] {
  return providers instanceof Map ? [...(providers.keys() as Iterable<string>)] : Object.keys(providers)
}

/**
 * The mounted key that a matrix's `provider:` means: a mount name as it is or with `provider-` taken off,
 * the first in mount order; else, given a coordinator, the instance of that module type with the lowest
 * `config.priority`.
 */
export function findMount(
  provider: string,
  providers: MountedProviders,
  coordinator?: MountPlanHolder,
): string | undefined {
  const names = mountedNames(providers)
  for (const name of names) if (name === provider || withoutPrefix(name) === provider) return name
  return coordinator === undefined ? undefined : findInstance(provider, names, coordinator)
}

function findInstance(provider: string, names: readonly string[], coordinator: MountPlanHolder): string | undefined {
  const plan: unknown = coordinator.config?.providers
  if (!Array.isArray(plan)) return undefined
  let best: { name: string; priority: number } | undefined
  for (const name of names) {
    const entry = findEntry(plan, name)
    if (entry === undefined || withoutPrefix(entry.module) !== provider) continue
    const priority = readPriority(entry)
    if (best === undefined || priority < best.priority) best = { name, priority }
  }
  return best?.name
}

/** The plan entry that a mounted key came from: the one with that `id`, else that module. */
function findEntry(plan: readonly unknown[], name: string): MountPlanEntry | undefined {
  const entries = plan.filter((entry): entry is MountPlanEntry => isRecord(entry) && typeof entry['module'] === 'string')
  return (
    entries.find((entry) => entry.id === name) ??
    entries.find((entry) => entry.module === name || withoutPrefix(entry.module) === name)
  )
}

function readPriority(entry: MountPlanEntry): number {
  const priority = Number(entry.config?.['priority'] ?? 0)
  return Number.isFinite(priority) ? priority : 0
}

/** A name without the module's `provider-`. */
export function withoutPrefix(name: string): string {
  return name.startsWith(MODULE_PREFIX) ? name.slice(MODULE_PREFIX.length) : name
}
