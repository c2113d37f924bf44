/** The one decision of trust: which values of a mount config their author may not set. Judged after merging, by each value's own origin. */
import type { JsonObject } from '../contract/index.js'
import { describeOrigin, namesFile, originOf, type Origin } from '../documents/index.js'
import { isRecord, parseJson } from '../lib/index.js'
import { hasVariable, isPlain, MAX_DEPTH, type Environment } from './expand-variables.js'
import { OPTION_ALIASES, OPTION_SCHEMAS, OPTION_VARIABLES } from './option-schema.js'
import { optionInForce, readOption } from './read-option.js'
import { trustRowOf, type TrustRow } from './trust-table.js'

/** One value that may not stand where it stands. */
export interface Refusal {
  /** dotted, from the config's own keys on */
  path: string
  message: string
  /** absent for what came from code without an origin, such as a preference handed to a spawn */
  origin?: Origin
}

export interface JudgeContext {
  /** default: nothing is set */
  env?: Environment
  /** true judges every value as a project's, whatever its origin: what a candidate's config holds */
  all?: boolean
}

interface Standing {
  /** of the value, else of what holds it */
  origin: Origin | undefined
  context: JudgeContext
}

/**
 * Every value of our own mount config that its author may not set, in the config's order; empty where all is well.
 * A value without an origin, whose holders have none either, was written by the host program, which may set anything.
 *
 * What a project and a caller without origins may set is the same. A caller's other values pass only through
 * `admitCallerConfig`, which compares them with the user's own and gives them the user's origin.
 */
export function judgeConfig(config: JsonObject, context: JudgeContext = {}, origin?: Origin): Refusal[] {
  return Object.keys(config).flatMap((key) => judgeOption(config, key, below({ origin, context }, config, key)))
}

/** What a role's or an agent's candidates may not carry; `candidates` is a list of `{provider, model, config?}`. */
export function judgeCandidates(candidates: unknown, path: string, context: JudgeContext = {}, origin?: Origin): Refusal[] {
  if (!Array.isArray(candidates)) return []
  const list = { origin, context }
  return candidates.flatMap((candidate: unknown, index) => {
    const inner = below(list, candidates, index)
    if (!isRecord(candidate)) return judgeVariables(candidate, `${path}.${index}`, inner)
    return Object.keys(candidate).flatMap((key) => {
      const standing = below(inner, candidate, key)
      const value = candidate[key]
      const place = `${path}.${index}.${key}`
      if (key !== 'config' || !isRecord(value)) return judgeVariables(value, place, standing)
      return judgeConfig(value, context, standing.origin).map((refusal) => ({ ...refusal, path: `${place}.${refusal.path}` }))
    })
  })
}

/** Every text below `value` that takes an environment variable and is not the user's or the host's own. */
export function judgeVariables(value: unknown, path: string, standing: Standing, depth = 0): Refusal[] {
  if (typeof value === 'string') {
    if (!isOthers(standing) || !hasVariable(value)) return []
    return [refuse(path, `${path} may not take an environment variable in ${authorOf(standing)}, since it may leave the machine; write the value itself`, standing)]
  }
  if (!isPlain(value) || depth > MAX_DEPTH) return []
  return Object.entries(value).flatMap(([key, item]: [string, unknown]) =>
    judgeVariables(item, path === '' ? key : `${path}.${key}`, below(standing, value, key), depth + 1))
}

/** `file:line:column: message`, or the message where the value came from code. */
export function describeRefusal({ message, origin }: Refusal): string {
  return origin ? `${describeOrigin(origin)}: ${message}` : message
}

/** The sentence for a key that only the user may set. */
export function explainRefusal(key: string, reason: string, standing: Pick<Standing, 'origin'>): string {
  const variable = OPTION_VARIABLES[optionInForce(key)]
  const environment = variable === undefined ? '' : `, in the environment variable ${variable}`
  const where = standing.origin?.via === 'candidate' ? `${key} in a candidate's config` : key
  return `${where} may not be set by ${authorOf(standing)}, since ${reason}; set it in ~/.amplifier/settings.yaml${environment} or in host code`
}

function judgeOption(config: JsonObject, key: string, standing: Standing): Refusal[] {
  const value = config[key]
  const isKnown = Object.hasOwn(OPTION_SCHEMAS, key)
  // A key that is no option has no effect in our module, but others may read it and its variables.
  const row: TrustRow = isKnown ? trustRowOf(key) : { who: 'project' }
  const refused = [...judgeByRow(config, key, row, standing)]
  return refused.length > 0 || row.local ? refused : judgeVariables(value, key, standing)
}

function judgeByRow(config: JsonObject, key: string, row: TrustRow, standing: Standing): Refusal[] {
  const value = config[key]
  switch (row.who) {
    case 'project':
      return []
    case 'name':
      if (!isOthers(standing) || typeof value !== 'string' || !namesFile(value)) return []
      return [refuse(key, explainRefusal(`a path as ${key}`, row.why ?? '', standing), standing)]
    case 'roles':
      return judgeRoles(value, key, standing)
    case 'user':
      return findOthers(value, key, standing)
        .filter((leaf) => !(row.same && holdsAnyway(config, key, leaf)))
        .map((leaf) => refuse(leaf.path, explainRefusal(leaf.path, row.why ?? '', leaf), leaf))
        .slice(0, 1)
  }
}

/** role → `{candidates}` or the bare list; as JSON text too. */
export function judgeRoles(roles: unknown, path: string, standing: Standing): Refusal[] {
  const table = typeof roles === 'string' ? parseJson(roles) : roles
  if (!isRecord(table)) return []
  return Object.entries(table).flatMap(([role, entry]) => {
    const inner = below(standing, table, role)
    const place = `${path}.${role}`
    if (!isRecord(entry)) return judgeCandidates(entry, place, standing.context, inner.origin)
    const candidates = below(inner, entry, 'candidates')
    return judgeCandidates(entry['candidates'], `${place}.candidates`, standing.context, candidates.origin)
  })
}

interface Leaf extends Standing {
  path: string
  value: unknown
}

/** The parts of a value that are another's than the user's or the host's: it may be a mapping that several wrote. */
function findOthers(value: unknown, path: string, standing: Standing, depth = 0): Leaf[] {
  const isHolder = isRecord(value) && isPlain(value) && Object.keys(value).length > 0 && depth <= MAX_DEPTH
  if (!isHolder) return isOthers(standing) ? [{ ...standing, path, value }] : []
  return Object.entries(value).flatMap(([key, item]) => findOthers(item, `${path}.${key}`, below(standing, value, key), depth + 1))
}

/** Whether the value says nothing else than what would hold if it weren't there: the user's, the environment's, the default. */
function holdsAnyway(config: JsonObject, key: string, leaf: Leaf): boolean {
  const env = leaf.context.env ?? {}
  if (leaf.context.all || (typeof leaf.value === 'string' && hasVariable(leaf.value))) return false
  const below = leaf.origin?.shadowed?.find(({ whose }) => whose !== 'project' && whose !== 'caller')
  const isWhole = leaf.path === key
  const raw = below ? below.value : isWhole ? (readOther(config, key) ?? environmentValue(key, env)) : undefined
  if (!isWhole) return below !== undefined && isSame(leaf.value, raw)
  const value = readOption(key, leaf.value, env)
  const holding = readOption(key, raw, env) ?? OPTION_SCHEMAS[optionInForce(key)]?.default
  return isSame(value, holding) || (value === undefined && below === undefined)
}

/** What the user says under the option's other name. */
function readOther(config: JsonObject, key: string): unknown {
  const names = [optionInForce(key), ...Object.keys(OPTION_ALIASES).filter((alias) => OPTION_ALIASES[alias] === optionInForce(key))]
  const other = names.find((name) => name !== key && config[name] != null && !isOthers({ origin: originOf(config, name), context: {} }))
  return other === undefined ? undefined : config[other]
}

function environmentValue(key: string, env: Environment): string | undefined {
  const variable = OPTION_VARIABLES[key]
  return variable === undefined ? undefined : env[variable]
}

/** Compared as JSON, keys in any order. */
export function isSame(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b)
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    isRecord(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item) ?? 'undefined'
}

function below(standing: Standing, holder: unknown, key: string | number): Standing {
  return { ...standing, origin: originOf(holder, key) ?? standing.origin }
}

/** True for a value that neither the user, the environment nor the host program wrote. */
function isOthers({ origin, context }: Standing): boolean {
  if (context.all === true || origin?.via === 'candidate') return true
  return origin !== undefined && !TRUSTED.includes(origin.whose)
}

const TRUSTED: readonly unknown[] = ['user', 'environment', 'host']

function authorOf({ origin }: Pick<Standing, 'origin'>): string {
  if (origin?.whose === 'caller') return "a caller that doesn't say where it has its config from"
  return "a project's files"
}

function refuse(path: string, message: string, { origin }: Standing): Refusal {
  return { path, message, ...(origin ? { origin } : {}) }
}
