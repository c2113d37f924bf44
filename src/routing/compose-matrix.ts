import { ConfigurationError } from '../contract/index.js'
import { describeOrigin } from '../documents/index.js'
import { isRecord } from '../lib/index.js'
import type { MatrixCandidate, MatrixRole, MatrixRoles, OverrideCandidate, RoleOverride, RoutingOverrides } from './matrix.js'
import { noteOrigin, originOf, type MatrixOrigin } from './origin.js'

export interface ComposeOptions {
  /** what overrides are called where nothing better is known; default `overrides` */
  source?: string
  /** Where an override (or its candidate at `place`) was written, such as a settings file. */
  originOf?: (role: string, place?: number) => Omit<MatrixOrigin, 'source'> | undefined
}

/**
 * The roles in force: an override replaces a role's whole entry, its description included, or adds a role.
 * The word `base` among its candidates stands for the matrix's own candidates of that role, nothing where
 * there are none.
 * @param overrides role → `{description?, candidates}` or the bare list
 * @throws ConfigurationError naming the role (and the file) where `base` stands twice or the shape is wrong
 */
export function composeMatrix(
  base: MatrixRoles,
  overrides: RoutingOverrides = {},
  options: ComposeOptions = {},
): MatrixRoles {
  const replaced = new Map(Object.entries(base))
  for (const [role, override] of Object.entries(overrides)) {
    replaced.set(role, composeRole(role, override, replaced.get(role), options))
  }
  return Object.fromEntries(replaced)
}

function composeRole(role: string, override: RoleOverride, own: MatrixRole | undefined, options: ComposeOptions): MatrixRole {
  const at = options.originOf?.(role)
  const fail = (message: string): never => {
    const place = at === undefined ? '' : describeOrigin(at)
    throw new ConfigurationError(place === '' ? message : `${place}: ${message}`, { code: 'routing_overrides' })
  }
  const entry: unknown = Array.isArray(override) ? { candidates: override } : override
  const written: unknown = isRecord(entry) ? entry['candidates'] : undefined
  if (!isRecord(entry) || !Array.isArray(written)) {
    return fail(`Role '${role}': an override is a list of candidates or {description, candidates: [...]}`)
  }
  if (entry['description'] != null && typeof entry['description'] !== 'string') {
    return fail(`Role '${role}': description must be a text`)
  }
  if (written.filter((candidate) => candidate === 'base').length > 1) {
    return fail(`Role '${role}': multiple 'base' keywords found in candidates list. Only one is allowed.`)
  }
  const candidates = written.flatMap((candidate: unknown, place): MatrixCandidate[] => {
    if (candidate === 'base') return own?.candidates ?? []
    if (!isCandidate(candidate)) {
      return fail(`Role '${role}': candidate ${place + 1} must be {provider, model, config?} or the word base`)
    }
    return [noteCandidate(candidate, role, place, options)]
  })
  const shadows = own === undefined ? undefined : originOf(own)
  const origin = { source: options.source ?? 'overrides', ...originOf(override), ...at }
  return noteOrigin({ ...entry, candidates }, shadows === undefined ? origin : { ...origin, shadows })
}

function noteCandidate(candidate: MatrixCandidate, role: string, place: number, options: ComposeOptions): MatrixCandidate {
  const origin = { ...originOf(candidate), ...(options.originOf?.(role, place) ?? options.originOf?.(role)) }
  return noteOrigin({ ...candidate }, { source: options.source ?? 'overrides', ...origin })
}

function isCandidate(candidate: unknown): candidate is Exclude<OverrideCandidate, 'base'> {
  if (!isRecord(candidate)) return false
  const { provider, model, config } = candidate
  return typeof provider === 'string' && typeof model === 'string' && (config == null || isRecord(config))
}
