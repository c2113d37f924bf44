import type { JsonObject } from '../contract/index.js'
import { originOf, type ValueFinding } from '../documents/index.js'
import { isRecord, suggestName } from '../lib/index.js'
import { listOptionNames } from './option-schema.js'

/** What a host's settings have at the top, which others may own. */
const TOP = ['config', 'routing']
/** What stands under `config`; others at the top are left to the hosts that know them. */
const PARTS = ['providers']

/** What counts under `routing`, in settings and in bundles. */
const ROUTING_KEYS = ['matrix', 'overrides']

/** Findings on keys under `routing` that have no effect. */
export function findUnknownRoutingKeys(value: JsonObject): ValueFinding[] {
  const { routing } = value
  if (!isRecord(routing)) return []
  return Object.keys(routing).filter((key) => !ROUTING_KEYS.includes(key)).map((key) => {
    const origin = originOf(routing, key)
    const meant = suggestName(key, ROUTING_KEYS)
    const rest = meant === undefined ? `routing takes ${ROUTING_KEYS.join(' and ')}` : `did you mean ${meant}?`
    return { severity: 'warning', message: `routing.${key} has no effect; ${rest}`, path: `routing.${key}`, ...(origin ? { origin } : {}) }
  })
}

/**
 * Findings on keys of a settings file that have no effect where they stand: at the top an option of ours, a part of the mount plan, or
 * nearly the word that would have one. Other hosts' own keys are left alone.
 */
export function findMisplacedKeys(value: JsonObject): ValueFinding[] {
  const options = new Set(listOptionNames())
  const misplaced = Object.keys(value).flatMap((key) => {
    if (TOP.includes(key)) return []
    const origin = originOf(value, key)
    const warn = (message: string): ValueFinding[] => [{ severity: 'warning', message, path: key, ...(origin ? { origin } : {}) }]
    if (PARTS.includes(key)) return warn(`${key} has no effect at the top of the file; it stands under config`)
    if (options.has(key)) return warn(`the option ${key} has no effect at the top of the file; it stands under config.providers[].config`)
    const meant = suggestName(key, TOP)
    return meant === undefined ? [] : warn(`${key} has no effect; did you mean ${meant}?`)
  })
  return [...misplaced, ...findUnknownRoutingKeys(value)]
}
