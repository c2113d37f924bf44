import type { JsonObject } from '../contract/index.js'
import { sanitizeLine } from '../lib/index.js'
import { originOf } from '../documents/index.js'
import type { Environment } from './expand-variables.js'
import { OPTION_VARIABLES } from './option-schema.js'
import { describePlace, readOption } from './read-option.js'

/**
 * The environment's variables that say something else than the config, which counts before them: a sentence each, without the values.
 * @param except options that are not asked after
 */
export function findPassedOver(config: JsonObject, env: Environment, except: JsonObject): string[] {
  return Object.entries(OPTION_VARIABLES).flatMap(([key, variable]) => {
    const text = env[variable]?.trim()
    const value = text && !(key in except) ? readOption(key, config[key], env) : undefined
    if (value === undefined || value === text) return []
    return [sanitizeLine(`${variable} has no effect beside ${key} (${describePlace(originOf(config, key))})`)]
  })
}
