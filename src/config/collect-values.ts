import type { JsonObject } from '../contract/index.js'
import { coerceValue } from './coerce-value.js'
import { expandVariables, type Environment } from './expand-variables.js'
import { environmentOrigin, readOption } from './read-option.js'
import { isHostKey, isOption, listOptionNames, OPTION_ALIASES, OPTION_VARIABLES } from './option-schema.js'
import { originOf, quoteKey, type Origin, type ValueFinding } from '../documents/index.js'
import { suggestName } from './suggest-name.js'

/** One option that is set, on its way to be validated. */
export interface ConfigValue {
  /** as the config writes it, which may be an older name */
  name: string
  /** expanded and coerced */
  value: unknown
  /** as it was written: what an error shows, since an expanded variable may be a secret */
  raw: unknown
  origin?: Origin
}

/** The options that are set, under their names in force, the config's before the environment's. */
export function collectValues(config: JsonObject, env: Environment): { values: Map<string, ConfigValue>; warnings: ValueFinding[] } {
  const values = new Map<string, ConfigValue>()
  const warnings: ValueFinding[] = []
  for (const [name, raw] of Object.entries(config)) {
    if (isHostKey(name)) continue
    const origin = originOf(config, name)
    const found = origin ? { origin } : {}
    if (!isOption(name)) {
      warnings.push({ severity: 'warning', message: describeUnknown(name), ...found })
      continue
    }
    const value = readOption(name, raw, env)
    if (value === undefined) continue
    const key = OPTION_ALIASES[name] ?? name
    if (key !== name && isSet(config[key], env)) {
      warnings.push({ severity: 'warning', message: `${name} has no effect beside ${key}`, ...found })
      continue
    }
    values.set(key, { name, value, raw, ...found })
  }
  for (const [key, variable] of Object.entries(OPTION_VARIABLES)) {
    const text = env[variable]?.trim()
    if (text && !values.has(key)) values.set(key, { name: key, value: text, raw: text, origin: environmentOrigin(variable) })
  }
  return { values, warnings }
}

function describeUnknown(name: string): string {
  const nearest = suggestName(name, listOptionNames())
  return `unknown option ${quoteKey(name)} has no effect${nearest === undefined ? '' : `; did you mean ${nearest}?`}`
}

function isSet(raw: unknown, env: Environment): boolean {
  return coerceValue(expandVariables(raw, env), { type: 'string' }) !== undefined
}
