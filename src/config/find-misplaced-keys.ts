import type { JsonObject } from '../contract/index.js'
import { describeOrigin, originOf } from '../documents/index.js'
import { suggestName } from '../lib/index.js'
import { listOptionNames } from './option-schema.js'

/** What a host's settings have at the top, which others may own. */
const TOP = ['config', 'routing']
/** What stands under `config`; others at the top are left to the hosts that know them. */
const PARTS = ['providers']

/**
 * Sentences about keys at the top of a settings file that have no effect there: an option of ours, a part of the mount plan, or
 * nearly the word that would have one. Other hosts' own keys are left alone.
 */
export function findMisplacedKeys(value: JsonObject): string[] {
  const options = new Set(listOptionNames())
  return Object.keys(value).flatMap((key) => {
    if (TOP.includes(key)) return []
    const origin = originOf(value, key)
    const place = origin ? `${describeOrigin(origin)}: ` : ''
    if (PARTS.includes(key)) return [`${place}${key} has no effect at the top of the file; it stands under config`]
    if (options.has(key)) return [`${place}the option ${key} has no effect at the top of the file; it stands under config.providers[].config`]
    const meant = suggestName(key, TOP)
    return meant === undefined ? [] : [`${place}${key} has no effect; did you mean ${meant}?`]
  })
}
