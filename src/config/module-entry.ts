import type { JsonObject, MountPlanEntry } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { attachOrigins, mergeMappings, originOf, originsOf, type Origin } from '../documents/index.js'

/** The id under which hosts mount this module. */
export const MODULE_ID = 'provider-openai-chatgpt'
/** What the module mounts itself as. */
export const MOUNT_NAME = 'openai-chatgpt'
const OUR_NAMES = [MODULE_ID, MOUNT_NAME, 'amplifier-module-provider-openai-chatgpt']
const ENTRY_KEYS = ['module', 'id', 'name', 'source', 'config']

/** True where the word names this module: by its id, its mount name or its package. */
export function isOurModule(name: unknown): boolean {
  return typeof name === 'string' && OUR_NAMES.includes(name.trim())
}

/** An entry of a mount plan on its way: settings may name one by `id` alone, to add to another file's. */
export interface ModuleEntry extends Partial<MountPlanEntry> {
  [extra: string]: unknown
}

/**
 * Entries as files write them, as mount plan entries: a list of `{module | name | id, config}`, or a mapping
 * from the module to its options. Options beside `config` go into it only in the mapping form.
 */
export function readModuleEntries(value: unknown): ModuleEntry[] {
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown, index) => (isRecord(item) ? [readListed(item, originOf(value, index))] : []))
  }
  if (!isRecord(value)) return []
  return Object.entries(value).map(([name, options]) => readNamed(name, isRecord(options) ? options : {}, originOf(value, name)))
}

/** What tells entries apart: `id`, else `module`. */
export function entryKey(entry: ModuleEntry): string {
  return entry.id ?? entry.module ?? ''
}

/** Lists of entries merged: the same `id`, else `module`, merges deeply, new ones follow in order. */
export function mergeModuleEntries(base: readonly ModuleEntry[], over: readonly ModuleEntry[]): ModuleEntry[] {
  const merged = new Map<string, ModuleEntry>()
  for (const entry of [...base, ...over]) {
    const old = merged.get(entryKey(entry))
    merged.set(entryKey(entry), old ? mergeMappings(old, entry) : entry)
  }
  return [...merged.values()]
}

function readListed(item: JsonObject, origin: Origin | undefined): ModuleEntry {
  const name = text(item['module']) ?? text(item['name'])
  const id = text(item['id'])
  // An entry with an id alone names the module by it where the id is a module's name, else an instance of another file.
  const module = name ?? (id !== undefined && (isOurModule(id) || id.startsWith('provider-')) ? id : undefined)
  return buildEntry(item, item['config'], { module, id: id === module ? undefined : id, origin })
}

function readNamed(name: string, options: JsonObject, origin: Origin | undefined): ModuleEntry {
  const loose = pick(options, (key) => !ENTRY_KEYS.includes(key))
  const config = isRecord(options['config']) ? mergeMappings(loose, options['config']) : loose
  const module = text(options['module']) ?? name
  const id = text(options['id']) ?? (module === name ? undefined : name)
  return buildEntry(pick(options, (key) => ENTRY_KEYS.includes(key)), config, { module, id, origin })
}

function buildEntry(
  source: JsonObject,
  config: unknown,
  names: { module: string | undefined; id: string | undefined; origin: Origin | undefined },
): ModuleEntry {
  const entry: ModuleEntry = {}
  const origins: Record<string, Origin> = {}
  const put = (key: string, value: unknown, origin: Origin | undefined): void => {
    if (value === undefined) return
    entry[key] = value
    if (origin) origins[key] = origin
  }
  const place = originOf(source, 'module') ?? originOf(source, 'name') ?? originOf(source, 'id') ?? names.origin
  put('module', isOurModule(names.module) ? MODULE_ID : names.module, place)
  put('id', names.id, originOf(source, 'id') ?? names.origin)
  // Where there is a module, a name is a field like any other.
  const spoken = text(source['module']) === undefined ? ['module', 'id', 'config', 'name'] : ['module', 'id', 'config']
  for (const [key, value] of Object.entries(source)) if (!spoken.includes(key)) put(key, value, originOf(source, key))
  // An empty `config:` says nothing; it must not wipe out another file's.
  put('config', isRecord(config) ? config : undefined, originOf(source, 'config') ?? names.origin)
  return attachOrigins(entry, origins)
}

function pick(object: JsonObject, keep: (key: string) => boolean): JsonObject {
  const entries = Object.entries(object).filter(([key]) => keep(key))
  const origins = Object.fromEntries(Object.entries(originsOf(object)).filter(([key]) => keep(key)))
  return attachOrigins(Object.fromEntries(entries), origins)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}
