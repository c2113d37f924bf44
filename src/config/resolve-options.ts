import { ConfigurationError, type JsonObject } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { buildOptions } from './build-options.js'
import { collectValues, type ConfigValue, type OptionProblem } from './collect-values.js'
import { describeExpected } from './coerce-value.js'
import { attachOrigins, describeOrigin, describeValue, originOf, originsOf, readPointer, type OriginMap } from '../documents/index.js'
import type { Environment } from './expand-variables.js'
import validate from './generated/provider-config.js'
import { OPTION_SCHEMAS } from './option-schema.js'
import { judgeConfig } from './judge-config.js'
import { buildRefusalError } from './refusal-error.js'
import type { ProviderOptions } from './options.js'

export interface ResolveContext {
  /** default `process.env` */
  env?: Environment
  /** where `~` leads; default the environment's HOME, else the system's answer */
  home?: string
  /** where relative paths from host code start; default the process's folder */
  cwd?: string
  /** origins of the config's keys, where the config object has lost its own */
  origin?: OriginMap
}

export interface ResolvedOptions {
  options: ProviderOptions
  /** one sentence each: unknown keys with the nearest known one, settings without effect */
  warnings: string[]
}

/**
 * Decodes a mount config. Texts stand for booleans, numbers and mappings where they can be read so,
 * `${VAR}` and `${VAR:default}` for the environment; empty text and null mean "not set". What the config
 * leaves out comes from `AMPLIFIER_CHATGPT_BASE_URL`, `_ISSUER`, `_CLIENT_ID`, `_TOKEN_FILE` and
 * `_REDIS_URL`, then from the schema's defaults.
 *
 * @throws ConfigurationError naming key, what was found and the place it came from, where a value has the
 *   wrong type or is out of range, or where a project's file set what only the user may
 */
export function resolveOptions(config: unknown, context: ResolveContext = {}): ResolvedOptions {
  const record = readConfig(config, context.origin)
  const env = context.env ?? process.env
  const refused = judgeConfig(record, { env })
  if (refused.length > 0) throw buildRefusalError(refused)
  const { values, warnings } = collectValues(record, env)
  const wrong = findWrongValues(values)
  if (wrong.length > 0) throw new ConfigurationError(wrong.map(describeProblem).join('; '), { code: 'invalid_option' })
  const built = buildOptions(values, { ...context, env })
  return { options: built.options, warnings: [...warnings, ...built.warnings].map(describeProblem) }
}

/** What {@link resolveOptions} would refuse or warn of, apart from what a project may not set. */
export function checkOptions(config: JsonObject, env: Environment): { errors: OptionProblem[]; warnings: OptionProblem[] } {
  const { values, warnings } = collectValues(config, env)
  return { errors: findWrongValues(values), warnings }
}

function describeProblem(problem: OptionProblem): string {
  return `${problem.message} (${problem.place})`
}

function readConfig(config: unknown, origins: OriginMap | undefined): JsonObject {
  if (config === undefined || config === null) return {}
  if (!isRecord(config)) {
    throw new ConfigurationError(`the mount config must be a mapping, found ${describeValue(config)}`, { code: 'invalid_option' })
  }
  if (!origins || Object.keys(originsOf(config)).length > 0) return config
  return attachOrigins({ ...config }, origins)
}

function findWrongValues(values: ReadonlyMap<string, ConfigValue>): OptionProblem[] {
  const plain = Object.fromEntries([...values].map(([key, { value }]) => [key, value]))
  if (validate(plain)) return []
  // An option gives one sentence, on the deepest place that the validator names.
  const paths = new Map<string, string[]>()
  for (const path of readErrorPaths(Reflect.get(validate, 'errors'))) {
    const [key = '', ...rest] = path
    const known = paths.get(key)
    if (!known || rest.length > known.length) paths.set(key, rest)
  }
  return [...paths].flatMap(([key, rest]) => {
    const value = values.get(key)
    return value ? [buildProblem(rest, value)] : []
  })
}

function buildProblem(rest: readonly string[], found: ConfigValue): OptionProblem {
  const schema = OPTION_SCHEMAS[found.name] ?? {}
  let { place, origin } = found
  let part = found.raw
  for (const step of rest) {
    const inner = originOf(part, step)
    if (inner) [place, origin] = [describeOrigin(inner), inner]
    part = typeof part === 'object' && part !== null ? Reflect.get(part, step) : undefined
  }
  const shown = describeValue(part, { secret: schema.writeOnly === true })
  const message = `${[found.name, ...rest].join('.')} must be ${describeExpected(schema)}, found ${shown}`
  return { message, place, ...(origin ? { origin } : {}) }
}

function readErrorPaths(errors: unknown): string[][] {
  if (!Array.isArray(errors)) return []
  return errors.flatMap((error: unknown) => {
    const pointer = isRecord(error) ? error['instancePath'] : undefined
    return typeof pointer === 'string' ? [readPointer(pointer)] : []
  })
}
