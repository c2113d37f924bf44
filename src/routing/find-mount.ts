import type { Coordinator } from '../contract/index.js'
import type { ModuleAllowlist } from './module-scope.js'
import { keysInScope } from './module-scope.js'
import {
  configOf, entryOf, moduleTypeOf, planEntries, servesModel, type MountPlanHolder, type PlanEntry,
} from './plan-entries.js'
import { acceptedWords, bareName, FAMILY_WORDS, withoutPrefix } from './provider-words.js'

/** What routing needs of a mounted provider: its list of models. */
export interface ListsModels {
  /** Model objects with an `id`, or bare ids; an answer is not changed after it was given. */
  listModels(): Promise<readonly unknown[]> | readonly unknown[]
  getInfo?(): { config_fields?: unknown }
}

/** Mounted name → provider, in mount order; what `coordinator.get("providers")` answers. */
export type MountedProviders = ReadonlyMap<string, unknown> | Readonly<Record<string, unknown>>

/** What is mounted at one moment, as far as a matrix may use it. */
export interface MountView {
  /** in mount order */
  readonly keys: readonly string[]
  readonly entries: readonly PlanEntry[]
  readonly allowlist?: ModuleAllowlist
  /** what candidates were found to mean here */
  readonly found: WeakMap<object, string | undefined>
}

export function providerNamed(providers: MountedProviders, name: string): unknown {
  if (providers instanceof Map) return providers.get(name)
  return Object.hasOwn(providers, name) ? (providers as Record<string, unknown>)[name] : undefined
}

/** Mounted names in mount order. */
export function mountedNames(providers: MountedProviders): string[] {
  return providers instanceof Map ? [...(providers.keys() as Iterable<string>)] : Object.keys(providers)
}

/** What a host has mounted now, as a record or a Map; nothing where nothing is. */
export function mountedIn(coordinator: Partial<Pick<Coordinator, 'get'>> | undefined): MountedProviders {
  const mounted = coordinator?.get?.('providers')
  return typeof mounted === 'object' && mounted !== null ? (mounted as MountedProviders) : {}
}

/** @throws ConfigurationError for an allowlist that is none */
export function viewMounts(
  providers: MountedProviders, coordinator: MountPlanHolder | undefined, allowlist: ModuleAllowlist | undefined,
): MountView {
  const entries = planEntries(coordinator)
  const keys = mountedNames(providers)
  const found = new WeakMap<object, string | undefined>()
  return allowlist === undefined ? { keys, entries, found } : { keys: keysInScope(keys, entries, allowlist), entries, allowlist, found }
}

/**
 * The mounted key that a candidate means. Each accepted word in turn is looked for among the mounted keys (as it is, or
 * with `provider-` taken out of the key), then in the mount plan: among the instances of that module those whose own
 * `default_model` the candidate asks for come first, then the lowest `priority`, then mount order.
 */
export function findMount(provider: string, model: string, mounts: MountView): string | undefined {
  for (const word of acceptedWords(provider)) {
    const key = findKey(word, mounts) ?? findInstance(word, model, mounts)
    if (key !== undefined) return key
  }
  return undefined
}

function findKey(word: string, mounts: MountView): string | undefined {
  for (const key of mounts.keys) {
    if ((key === word || bareName(key) === word) && isWhatItSays(key, word, mounts)) return key
  }
  return undefined
}

/** Under a scope a key that is called like a module must be of that module: names are no proof of who pays. */
function isWhatItSays(key: string, word: string, { allowlist, entries }: MountView): boolean {
  if (allowlist === undefined) return true
  const type = withoutPrefix(word)
  if (!FAMILY_WORDS.has(type) && !allowlist.some((module) => withoutPrefix(module) === type)) return true
  return moduleTypeOf(entryOf(entries, key)) === type
}

function findInstance(word: string, model: string, { keys, entries }: MountView): string | undefined {
  if (entries.length === 0) return undefined
  let best: { key: string; intended: boolean; priority: number } | undefined
  for (const key of keys) {
    const entry = entryOf(entries, key)
    if (entry === undefined || moduleTypeOf(entry) !== word) continue
    const config = configOf(entry)
    const found = { key, intended: servesModel(config['default_model'], model), priority: readPriority(config) }
    const better = best === undefined || (found.intended === best.intended ? found.priority < best.priority : found.intended)
    if (better) best = found
  }
  return best?.key
}

function readPriority(config: PlanEntry): number {
  const priority = Number(config['priority'] ?? 0)
  return Number.isFinite(priority) ? priority : 0
}
