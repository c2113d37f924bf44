import type { JsonObject } from '../contract/index.js'
import { attachOrigins, originOf, originsOf, throwErrors, type Origin } from '../documents/index.js'
import type { Environment } from './expand-variables.js'
import { isSame, judgeConfig } from './judge-config.js'
import { WRITTEN } from './live-config.js'
import { isOurModule } from './module-entry.js'
import { isOption, OPTION_SCHEMAS, OPTION_VARIABLES } from './option-schema.js'
import { readServiceUrl } from './read-url.js'
import { environmentOrigin, optionInForce, readOption, resolvePath, type PathContext } from './read-option.js'
import { refuseWrongValues } from './resolve-options.js'
import { refuse, type Refusal } from './standing.js'
import { trustRowOf, TRUST_TABLE } from './trust-table.js'

export interface CallerContext {
  /**
   * What the server itself was configured with: the caller's config is laid over it, key by key. Keys without an origin
   * count as the host program's. Default: nothing.
   */
  base?: JsonObject
  /** default `process.env` */
  env?: Environment
  /** the user's home folder; default the environment's HOME, else the system's answer */
  home?: string
  /** where a caller's relative paths start; default the process's folder */
  cwd?: string
  /**
   * True only where the program that calls said in code that it built the config itself, not because any config key,
   * file or message says so: then it may set everything.
   */
  isHostBuilt?: boolean
  /** True for a caller that proved nothing, such as by a secret: then it may set what a project may, and repeat nothing more. */
  isAnonymous?: boolean
}

/** What values are named by that no file says here. */
const AUTHORS = { caller: 'the caller', user: "the user's settings or environment", host: 'the host program' }

/**
 * The mount config for a caller that carries no origins (a kernel over gRPC, a host that read a plan from files that it
 * doesn't name), ready for `mount`: hand the answer on as it is, since a spread would lose the origins that it carries.
 *
 * What a project may set, such a caller may set. Every other key counts only where the user says the same: the whole set
 * of keys that decide whose credentials go where (`base_url`, `issuer`, `client_id`, `ca_file`, `api_key`, `token_store`,
 * `token_file_path`, `redis_url`, `lane`, `account`), as it would be in force after `base`, the environment and the
 * defaults, must be that of one entry of `~/.amplifier/settings.yaml`, or of no entry at all (environment and defaults
 * alone). Compared after `${VAR}` and `~` are filled in; a caller may have filled them in already. A mixture of two entries
 * is refused.
 *
 * @throws ConfigurationError, code `untrusted_option`, naming every refused key and where the user may say it instead
 */
export async function admitCallerConfig(sent: JsonObject, context: CallerContext = {}): Promise<JsonObject> {
  const env = context.env ?? process.env
  const { base = {}, isHostBuilt = false, isAnonymous = false } = context
  const whose = isHostBuilt ? 'host' : 'caller'
  const stamp = (from: keyof typeof AUTHORS): Origin => ({ file: AUTHORS[from], line: 1, column: 1, whose: from })
  const origins: Record<string, Origin> = {}
  for (const key of Object.keys(base)) origins[key] = originOf(base, key) ?? stamp('host')
  for (const key of Object.keys(sent)) origins[key] = withShadow(stamp(whose), base[key], origins[key])
  const merged = attachOrigins({ ...base, ...sent }, origins)
  if (isHostBuilt) return merged
  const refused = judgeConfig(merged, { env }).filter(({ origin }) => origin?.whose === 'caller')
  if (refused.length === 0) return merged
  const names = [...new Set(refused.map(({ path }) => keyOf(path)))]
  refuseWrongValues(attachOrigins(Object.fromEntries(names.map((key) => [key, merged[key]])), originsOf(merged)))
  if (isAnonymous) throwErrors(refused, 'untrusted_option')
  const paths: PathContext = { ...context, env }
  const entries = [...(await readUserEntries({ ...context, env })), {}]
  const answers = entries.map((entry) => compare(merged, names, entry, paths))
  const agreed = answers.find(({ differing }) => differing.length === 0)
  if (!agreed) throwErrors([explainDifference(refused.map(({ path }) => path), answers)], 'untrusted_option')
  const confirmed = Object.fromEntries((agreed?.keys ?? []).map((key) => [key, stamp('user')]))
  return attachOrigins({ ...merged }, { ...originsOf(merged), ...confirmed })
}

/**
 * Lays over a mount's config what was written to the mounted provider's since, as if a project had said it: what a project
 * may not set is left out, with a warning.
 */
export function admitWritten(config: JsonObject, written: JsonObject, { env = process.env, warn }: Pick<CallerContext, 'env'> & { warn: (message: string) => void }): JsonObject {
  const lay = (keys: readonly string[]): JsonObject => attachOrigins(
    { ...config, ...Object.fromEntries(keys.map((key) => [key, written[key]])) },
    { ...originsOf(config), ...Object.fromEntries(keys.map((key) => [key, WRITTEN])) })
  const keys = Object.keys(written)
  const refused = judgeConfig(lay(keys), { env }).filter(({ path }) => keys.includes(keyOf(path)))
  for (const { path, message } of refused) warn(`${path} was written to the mounted provider's config and has no effect: ${message}`)
  return lay(keys.filter((key) => !refused.some(({ path }) => keyOf(path) === key)))
}

const keyOf = (path: string): string => path.split('.')[0] ?? path

/** What a caller lays over the server's own value may be no more than that value again. */
function withShadow(origin: Origin, value: unknown, of: Origin | undefined): Origin {
  return of === undefined ? origin : { ...origin, shadowed: [{ file: of.file, line: of.line, whose: of.whose, value }] }
}

/** The configs that the user's own settings give our module; none of a project's. */
async function readUserEntries(options: { env: Environment; home?: string }): Promise<JsonObject[]> {
  const { readUserSettings } = await import('./read-settings.js')
  const { providers } = await readUserSettings(options)
  return providers.flatMap(({ module, config }) => (isOurModule(module) ? [config ?? {}] : []))
}

interface Comparison {
  /** the caller's keys that the entry was asked about */
  keys: string[]
  /** of those and of the bound set: what the entry says otherwise, under the caller's name for it */
  differing: string[]
}

function compare(merged: JsonObject, refused: readonly string[], entry: JsonObject, context: PathContext): Comparison {
  const isBound = refused.some((key) => trustRowOf(key).bound)
  const names = new Set([...refused.map(optionInForce), ...(isBound ? BOUND : [])])
  const differing = [...names].filter((name) => !isSame(effective(merged, name, context), effective(entry, name, context)))
  return { keys: [...refused], differing: differing.map((name) => refused.find((key) => optionInForce(key) === name) ?? name) }
}

const BOUND: readonly string[] = [...new Set(Object.keys(TRUST_TABLE).filter((key) => TRUST_TABLE[key]?.bound).map(optionInForce))]
const PATHS: readonly string[] = ['ca_file', 'token_file_path', 'host_file_path', 'custom_routing_dirs', 'matrix']

/** What would be in force for an option: the config's under either name, the environment's, the default. */
function effective(config: JsonObject, name: string, context: PathContext): unknown {
  const written = [name, ...Object.keys(OPTION_SCHEMAS).filter((key) => key !== name && isOption(key) && optionInForce(key) === name)]
  for (const key of written) {
    const value = readOption(key, config[key], context.env)
    if (value !== undefined) return normalize(name, value, originOf(config, key), context)
  }
  const variable = OPTION_VARIABLES[name]
  const text = variable === undefined ? undefined : context.env[variable]?.trim()
  const isSet = text !== '' && text !== undefined
  return normalize(name, isSet ? text : OPTION_SCHEMAS[name]?.default, isSet ? environmentOrigin(variable) : undefined, context)
}

function normalize(name: string, value: unknown, origin: Origin | undefined, context: PathContext): unknown {
  if (PATHS.includes(name)) {
    const absolute = (item: unknown) => (typeof item === 'string' ? resolvePath(item, origin, context) : item)
    return Array.isArray(value) ? value.map(absolute) : absolute(value)
  }
  if (name !== 'base_url' || typeof value !== 'string') return value
  const answer = readServiceUrl(value)
  return 'url' in answer ? answer.url : value
}

function explainDifference(refused: readonly string[], answers: readonly Comparison[]): Refusal {
  const nearest = answers.reduce((best, answer) => (answer.differing.length < best.differing.length ? answer : best))
  const isPlain = nearest.differing.every((name) => refused.includes(name))
  return refuse(refused[0] ?? '', `${refused.join(', ')} may not be set by a caller that doesn't say where it has its config from, unless ~/.amplifier/settings.yaml or the environment says the same as a whole`
      + `${isPlain && refused.length === 1 ? '' : ` (nearest: ${nearest.differing.join(', ')} differs)`}; put the same values into one entry there, or let the host program say in code that it built the config (in Python trust_config())`, { origin: undefined })
}
