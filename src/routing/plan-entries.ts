import { withoutDate, type Coordinator } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { foldCase, isGlob, matchesGlob } from './glob.js'
import { bareName } from './provider-words.js'

/** The part of a coordinator that the mount plan is read from. */
export type MountPlanHolder = Pick<Coordinator, 'config'>

/** One entry of the plan's `providers`, as it was written. */
export type PlanEntry = Readonly<Record<string, unknown>>

/** The plan's provider entries; none where there is no plan. */
export function planEntries(coordinator: MountPlanHolder | undefined): readonly PlanEntry[] {
  const config: unknown = coordinator?.config
  const entries = isRecord(config) ? config['providers'] : undefined
  return Array.isArray(entries) ? entries.filter(isRecord) : []
}

/** The key that an entry is mounted under: `instance_id`, else `id`, else `module`. */
export function keyOf(entry: PlanEntry): unknown {
  return entry['instance_id'] || entry['id'] || entry['module'] || ''
}

/** The first entry that is mounted under this key. */
export function entryOf(entries: readonly PlanEntry[], key: string): PlanEntry | undefined {
  for (const entry of entries) if (keyOf(entry) === key) return entry
  return undefined
}

/** An entry's module without `provider-`. */
export function moduleTypeOf(entry: PlanEntry | undefined): string | undefined {
  const module = entry?.['module']
  return typeof module === 'string' && module !== '' ? bareName(module) : undefined
}

export function configOf(entry: PlanEntry | undefined): PlanEntry {
  const config = entry?.['config']
  return isRecord(config) ? config : {}
}

/** Whether a `default_model` is what a candidate asks for: by its pattern, else by name, a trailing date set aside. */
export function servesModel(defaultModel: unknown, model: string): boolean {
  if (typeof defaultModel !== 'string' || defaultModel === '' || model === '') return false
  if (isGlob(model)) return matchesGlob(model, defaultModel)
  const have = foldCase(defaultModel)
  const want = foldCase(model)
  return have === want || withoutDate(have) === withoutDate(want)
}
