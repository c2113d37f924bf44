import { ConfigurationError, type JsonObject } from '../contract/index.js'
import { isRecord, sanitizeLine } from '../lib/index.js'
import { buildOptions } from './build-options.js'
import { collectValues, type ConfigValue } from './collect-values.js'
import { describeExpected } from './coerce-value.js'
import {
  attachOrigins, describeMismatch, formatPath, listSchemaProblems, originOf, originsOf, throwErrors, type DocumentPath, type Expectation, type Origin, type OriginMap, type ValueFinding,
} from '../documents/index.js'
import type { Environment } from './expand-variables.js'
import validate from './generated/provider-config.js'
import { OPTION_SCHEMAS } from './option-schema.js'
import { judgeConfig } from './judge-config.js'
import type { ProviderOptions } from './options.js'
import { describePlace } from './read-option.js'

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
  throwErrors(judgeConfig(record, { env }), 'untrusted_option')
  const { values, warnings } = collectValues(record, env)
  throwWrong(findWrongValues(values))
  const built = buildOptions(values, { ...context, env })
  return { options: built.options, warnings: [...warnings, ...built.warnings].map(describeOption) }
}

/** What {@link resolveOptions} would refuse or warn of, apart from what a project may not set. */
export function checkOptions(config: JsonObject, env: Environment): ValueFinding[] {
  const { values, warnings } = collectValues(config, env)
  return [...findWrongValues(values), ...warnings]
}

/**
 * Refuses values that no author could set: a typing error is no question of trust. Variables count as unset, so that
 * whoever may not read the environment learns nothing of it. @throws ConfigurationError, code `invalid_option`
 */
export function refuseWrongValues(config: JsonObject): void {
  throwWrong(findWrongValues(collectValues(config, {}).values))
}

function throwWrong(wrong: readonly ValueFinding[]): void {
  if (wrong.length > 0) throw new ConfigurationError(wrong.map(describeOption).join('; '), { code: 'invalid_option' })
}

function describeOption({ message, origin }: ValueFinding): string {
  return sanitizeLine(`${message} (${describePlace(origin)})`)
}

function readConfig(config: unknown, origins: OriginMap | undefined): JsonObject {
  if (config === undefined || config === null) return {}
  if (!isRecord(config)) throw new ConfigurationError(describeMismatch('the mount config', 'a mapping', config), { code: 'invalid_option' })
  if (!origins || Object.keys(originsOf(config)).length > 0) return config
  return attachOrigins({ ...config }, origins)
}

function findWrongValues(values: ReadonlyMap<string, ConfigValue>): ValueFinding[] {
  if (validate(pickFrom(values, 'value'))) return []
  const problems = listSchemaProblems(pickFrom(values, 'raw'), Reflect.get(validate, 'errors'), { expect: (path) => expectationOf(path, values) })
  // An option gives one sentence, on the deepest place that the validator names.
  const deepest = new Map<string, (typeof problems)[number]>()
  for (const problem of problems) {
    const option = String(problem.path[0])
    if (problem.path.length > (deepest.get(option)?.path.length ?? 0)) deepest.set(option, problem)
  }
  return [...deepest.values()].map(({ severity, message, path }) => {
    const origin = originAt(values.get(String(path[0])), path.slice(1))
    return { severity, message, path: path.join('.'), ...(origin ? { origin } : {}) }
  })
}

/** Values are judged as they were read; a message shows them as they were written, since a variable may hold a secret. */
function pickFrom(values: ReadonlyMap<string, ConfigValue>, part: 'value' | 'raw'): JsonObject {
  return Object.fromEntries([...values].map(([key, found]) => [key, found[part]]))
}

/** In the option's own words, under the name that the config has for it. */
function expectationOf([key, ...rest]: DocumentPath, values: ReadonlyMap<string, ConfigValue>): Expectation | undefined {
  const found = values.get(String(key))
  if (!found) return undefined
  const schema = OPTION_SCHEMAS[found.name] ?? {}
  return { name: formatPath([found.name, ...rest]), expected: describeExpected(schema), secret: schema.writeOnly === true }
}

/** Of the value, else of the nearest thing around it. */
function originAt(found: ConfigValue | undefined, steps: DocumentPath): Origin | undefined {
  let origin = found?.origin
  let holder = found?.raw
  for (const step of steps) {
    origin = originOf(holder, step) ?? origin
    holder = typeof holder === 'object' && holder !== null ? Reflect.get(holder, step) : undefined
  }
  return origin
}
