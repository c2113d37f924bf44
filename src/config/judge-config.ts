/** The one decision of trust: which values of a mount config their author may not set. Judged after merging, by each value's own origin. */
import type { JsonObject } from '../contract/index.js'
import { namesFile, originOf, type Origin } from '../documents/index.js'
import { isRecord, parseJson } from '../lib/index.js'
import { hasVariable, type Environment } from './expand-variables.js'
import { judgeForeignConfig } from './judge-foreign.js'
import { isOurModule } from './module-entry.js'
import { OPTION_ALIASES, OPTION_SCHEMAS, OPTION_VARIABLES } from './option-schema.js'
import { optionInForce, readOption } from './read-option.js'
import {
  below, explainRefusal, findOthers, isOthers, isTrusted, judgeVariables, refuse, type JudgeContext, type Leaf, type Refusal, type Standing,
} from './standing.js'
import { HOOK_OPTIONS, trustRowOf, type TrustRow } from './trust-table.js'

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

/** The same of a routing hook's config, whose keys stand for options of ours: our provider obeys it. */
export function judgeHookConfig(config: JsonObject, context: JudgeContext = {}, origin?: Origin): Refusal[] {
  return Object.keys(config).flatMap((key) => judgeOption(config, key, below({ origin, context }, config, key), HOOK_OPTIONS[key]))
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
      const refused = isOurModule(candidate['provider'])
        ? judgeConfig(value, context, standing.origin)
        : judgeForeignConfig(value, standing, { isCandidate: true })
      return refused.map((refusal) => ({ ...refusal, path: `${place}.${refusal.path}` }))
    })
  })
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

function judgeOption(config: JsonObject, key: string, standing: Standing, option = key): Refusal[] {
  const value = config[key]
  const isKnown = Object.hasOwn(OPTION_SCHEMAS, option)
  // A key that is no option has no effect in our module, but others may read it and its variables.
  const row: TrustRow = isKnown ? trustRowOf(option) : { who: 'project' }
  const refused = judgeByRow(config, key, row, standing)
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

/** Whether the value says nothing else than what would hold if it weren't there: the user's, the environment's, the default. */
function holdsAnyway(config: JsonObject, key: string, leaf: Leaf): boolean {
  const env = leaf.context.env ?? {}
  if (leaf.context.all || (typeof leaf.value === 'string' && hasVariable(leaf.value))) return false
  const shadow = leaf.origin?.shadowed?.find(isTrusted)
  const isWhole = leaf.path === key
  const raw = shadow ? shadow.value : isWhole ? (readOther(config, key) ?? environmentValue(key, env)) : undefined
  if (!isWhole) return shadow !== undefined && isSame(leaf.value, raw)
  const value = readOption(key, leaf.value, env)
  const holding = readOption(key, raw, env) ?? OPTION_SCHEMAS[optionInForce(key)]?.default
  return isSame(value, holding) || (value === undefined && shadow === undefined)
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
