import type { JsonObject } from '../contract/index.js'
import { attachOrigins, mergeMappings, originsOf } from '../documents/index.js'
import { mergeModuleEntries, readModuleEntries, type ModuleEntry } from './module-entry.js'

const MODULE_LISTS = ['providers', 'tools', 'hooks'] as const

/** What one file adds to a mount plan; module lists stand apart since they merge by id, not by position. */
export interface PlanLayer {
  providers: readonly ModuleEntry[]
  tools: readonly ModuleEntry[]
  hooks: readonly ModuleEntry[]
  /** every other key, with its origins */
  rest: JsonObject
}

export const EMPTY_LAYER: PlanLayer = { providers: [], tools: [], hooks: [], rest: {} }

/** Takes the module lists out of a mapping. Keys that say nothing (null) are left out. */
export function readLayer(value: JsonObject): PlanLayer {
  const rest = omit(value, (key, item) => item === null || MODULE_LISTS.some((list) => list === key))
  return {
    providers: readModuleEntries(value['providers']),
    tools: readModuleEntries(value['tools']),
    hooks: readModuleEntries(value['hooks']),
    rest,
  }
}

/** `over` laid on `base`: modules by id, else module; mappings deeply; other lists replaced. */
export function mergeLayers(base: PlanLayer, over: PlanLayer): PlanLayer {
  return {
    providers: mergeModuleEntries(base.providers, over.providers),
    tools: mergeModuleEntries(base.tools, over.tools),
    hooks: mergeModuleEntries(base.hooks, over.hooks),
    rest: mergeMappings(base.rest, over.rest),
  }
}

/** A copy without some keys, origins included. */
export function omit(value: JsonObject, leaveOut: (key: string, item: unknown) => boolean): JsonObject {
  const kept = Object.entries(value).filter(([key, item]) => !leaveOut(key, item))
  const keys = new Set(kept.map(([key]) => key))
  const origins = Object.entries(originsOf(value)).filter(([key]) => keys.has(key))
  return attachOrigins(Object.fromEntries(kept), Object.fromEntries(origins))
}
