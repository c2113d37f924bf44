/** Whose a value is, and what a refusal of it says: what every part of the trust decision asks. */
import { originOf, type Origin, type ValueFinding } from '../documents/index.js'
import { isRecord } from '../lib/index.js'
import { hasVariable, isPlain, MAX_DEPTH, type Environment } from './expand-variables.js'
import { OPTION_VARIABLES } from './option-schema.js'
import { optionInForce } from './read-option.js'

/** One value that may not stand where it stands. */
export type Refusal = ValueFinding & { path: string }

export interface JudgeContext {
  /** default: nothing is set */
  env?: Environment
  /** true judges every value as a project's, whatever its origin: what a candidate's config holds */
  all?: boolean
}

/** A value's place in a judgement. */
export interface Standing {
  /** of the value, else of what holds it */
  origin: Origin | undefined
  context: JudgeContext
}

/** A part of a value, which may be a mapping that several wrote. */
export interface Leaf extends Standing {
  /** dotted */
  path: string
  value: unknown
}

const TRUSTED: readonly unknown[] = ['user', 'environment', 'host']

/** True for the user's, the environment's and the host program's own words; what has no origin is the host program's. */
export function isTrusted(origin: Pick<Origin, 'whose'> | undefined): boolean {
  return origin === undefined || TRUSTED.includes(origin.whose)
}

/** True for a value that neither the user, the environment nor the host program wrote. */
export function isOthers({ origin, context }: Standing): boolean {
  return context.all === true || origin?.via === 'candidate' || !isTrusted(origin)
}

export function below(standing: Standing, holder: unknown, key: string | number): Standing {
  return { ...standing, origin: originOf(holder, key) ?? standing.origin }
}

/** The parts of a value that are another's than the user's or the host's. */
export function findOthers(value: unknown, path: string, standing: Standing, depth = 0): Leaf[] {
  const isHolder = isRecord(value) && isPlain(value) && Object.keys(value).length > 0 && depth <= MAX_DEPTH
  if (!isHolder) return isOthers(standing) ? [{ ...standing, path, value }] : []
  return Object.entries(value).flatMap(([key, item]) => findOthers(item, `${path}.${key}`, below(standing, value, key), depth + 1))
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

export function refuse(path: string, message: string, { origin }: Pick<Standing, 'origin'>): Refusal {
  return { severity: 'error', path, message, ...(origin ? { origin } : {}) }
}

/** The sentence for a key that only the user may set. */
export function explainRefusal(key: string, reason: string, standing: Standing): string {
  const variable = OPTION_VARIABLES[optionInForce(key)]
  const environment = variable === undefined ? '' : `, in the environment variable ${variable}`
  const isCandidate = standing.origin?.via === 'candidate' || standing.context.all === true
  return `${isCandidate ? `${key} in a candidate's config` : key} may not be set by ${authorOf(standing)}, since ${reason}; set it in ~/.amplifier/settings.yaml${environment} or in host code`
}

export function authorOf({ origin, context }: Standing): string {
  if (origin?.whose === 'project') return "a project's files"
  if (origin?.via === 'candidate') return 'a provider preference'
  if (origin?.whose === 'caller') return "a caller that doesn't say where it has its config from"
  return context.all === true ? 'a routing candidate' : "a project's files"
}
