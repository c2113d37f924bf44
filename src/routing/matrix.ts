/** The shapes of a routing matrix, as its files and the host's overrides write them. */

export interface MatrixCandidate {
  /** a mount name, with or without `provider-`, or a module type of the mount plan */
  provider: string
  /** a literal model name, or a glob where it holds one of `* ? [` */
  model: string
  /** merged into the provider's mount config where a spawn takes this candidate */
  config?: Record<string, unknown>
  [extra: string]: unknown
}

export interface MatrixRole {
  /** what the role is for; agents choose by it */
  description?: string
  candidates: MatrixCandidate[]
  [extra: string]: unknown
}

/** Role → its entry, in the order of the file. */
export type MatrixRoles = Record<string, MatrixRole>

export interface RoutingMatrix {
  name: string
  description?: string
  /** YYYY-MM-DD */
  updated?: string
  roles: MatrixRoles
  [extra: string]: unknown
}

/** A candidate of an override; the word `base` stands for the matrix's own candidates of that role. */
export type OverrideCandidate = MatrixCandidate | 'base'

/** An override as code writes it, or the bare list of settings files. */
export type RoleOverride =
  | { description?: string; candidates: OverrideCandidate[]; [extra: string]: unknown }
  | OverrideCandidate[]

/** Role → what replaces its whole entry. */
export type RoutingOverrides = Record<string, RoleOverride>

/** One answer of a resolution. */
export interface RoleResolution {
  /** the mounted key */
  provider: string
  model: string
  /** empty where the candidate has none */
  config: Record<string, unknown>
}

/** The roles that every matrix must have: they are what agents without a better role fall back on. */
export const REQUIRED_ROLES = ['general', 'fast'] as const

/** Provider names in a matrix are written without the module's `provider-`. */
export const MODULE_PREFIX = 'provider-'
