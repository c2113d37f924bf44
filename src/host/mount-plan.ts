import { judgeEntry } from '../config/judge-entry.js'
import { copyWithOrigins, originOf, throwErrors, type Origin } from '../documents/index.js'
import type { Cleanup, Coordinator, MountPlan, MountPlanEntry } from '../contract/index.js'
import type { CleanupStack } from './cleanup-stack.js'
import { loadModule, type HostModule, type LoadModuleOptions } from './load-module.js'
import type { Registry } from './registry.js'

export interface MountPlanParts {
  coordinator: Coordinator
  registry: Registry
  cleanups: CleanupStack
  loading: LoadModuleOptions
  warn: (message: string) => void
}

/** Where a kind of module registers what it makes; hooks register with `coordinator.hooks`. */
type Point = 'orchestrator' | 'context' | 'providers' | 'tools' | 'hooks'

interface PlannedEntry {
  point: Point
  entry: MountPlanEntry
  /** of the place where the plan names it */
  origin?: Origin
}

function isEntry(value: unknown): value is MountPlanEntry {
  return typeof value === 'object' && value !== null && 'module' in value && typeof value.module === 'string' && value.module !== ''
}

/** The plan's entries in the order they mount; the shorthand `orchestrator: name` counts as `{ module: name }`. */
function listEntries(plan: MountPlan, warn: (message: string) => void): PlannedEntry[] {
  const planned: PlannedEntry[] = []
  const add = (point: Point, value: unknown, place: string, origin?: Origin) => {
    if (value === undefined || value === null) return
    if (typeof value === 'string' && value !== '') planned.push({ point, entry: { module: value }, ...(origin ? { origin } : {}) })
    else if (isEntry(value)) planned.push({ point, entry: value })
    else warn(`mount plan: ${place} is no { module, source?, id?, config? } and was passed over`)
  }
  for (const point of ['orchestrator', 'context'] as const) add(point, plan.session?.[point], `session.${point}`, originOf(plan.session, point))
  for (const point of ['providers', 'tools', 'hooks'] as const) {
    const list: unknown = plan[point] ?? []
    if (!Array.isArray(list)) warn(`mount plan: ${point} is no list and was passed over`)
    else list.forEach((value, index) => add(point, value, `${point}[${index}]`))
  }
  return planned
}

/**
 * Gives what a module has mounted the `id` of its entry. The module knows nothing of it: it mounted under
 * its usual name, maybe over another instance, which gets its name back.
 */
function rekey(registry: Registry, point: Point, before: ReadonlyMap<string, unknown>, entry: MountPlanEntry): void {
  if (entry.id === undefined || entry.id === '') return
  const mounted = [...registry.snapshot(point)].filter(([name, module]) => !before.has(name) || before.get(name) !== module)
  const usualName = entry.module.replace(/^(provider|tool)-/, '')
  const [name] = mounted.find(([key]) => key === usualName) ?? mounted[0] ?? []
  if (name === undefined || name === entry.id) return
  registry.rename(point, name, entry.id, before.get(name))
}

function describe(entry: MountPlanEntry): string {
  return entry.id === undefined ? entry.module : `${entry.module} (${entry.id})`
}

async function mountEntry({ point, entry, origin }: PlannedEntry, parts: MountPlanParts): Promise<HostModule | undefined> {
  const { coordinator, registry, cleanups, warn } = parts
  const before = registry.snapshot(point)
  try {
    const isKnown = Object.hasOwn(parts.loading.modules, entry.module)
    if (!parts.loading.allowProjectCode) throwErrors(judgeEntry(entry, { isKnown, point, holder: origin }), 'untrusted_option')
    const module = await loadModule(entry, parts.loading)
    const cleanup: Cleanup | null | void = await module.mount(coordinator, copyWithOrigins(entry.config ?? {}))
    if (cleanup === null) {
      warn(`module ${describe(entry)} cannot serve and was not mounted; its own warning says why`)
      return undefined
    }
    if (typeof cleanup === 'function') cleanups.push(cleanup)
    rekey(registry, point, before, entry)
    return module
  } catch (error) {
    // What it had mounted before it failed is half a module: it goes, and an instance it covered comes back.
    for (const [name, module] of registry.snapshot(point)) {
      if (!before.has(name)) registry.unmount(point, name)
      else if (before.get(name) !== module) registry.mount(point, before.get(name), name)
    }
    warn(`module ${describe(entry)} was not mounted: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

/**
 * Mounts the plan: orchestrator, context, providers, tools, hooks, each in order; then every mounted
 * module's `onSessionReady`, in order. A module that fails or answers null is a warning, the others go on.
 */
export async function mountPlan(plan: MountPlan, parts: MountPlanParts): Promise<void> {
  const mounted: { entry: MountPlanEntry; module: HostModule }[] = []
  for (const planned of listEntries(plan, parts.warn)) {
    const module = await mountEntry(planned, parts)
    if (module) mounted.push({ entry: planned.entry, module })
  }
  for (const { entry, module } of mounted) {
    try {
      await module.onSessionReady?.(parts.coordinator)
    } catch (error) {
      parts.warn(`module ${describe(entry)}: onSessionReady failed: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}
