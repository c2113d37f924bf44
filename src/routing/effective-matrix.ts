import { ConfigurationError } from '../contract/index.js'
import { defined } from '../lib/index.js'
import { composeMatrix, type ComposeOptions } from './compose-matrix.js'
import { stripInertConfig } from './inert-config.js'
import { judgeMatrix } from './judge-matrix.js'
import type { MatrixRoles, RoutingOverrides } from './matrix.js'
import { readModuleAllowlist, type ModuleAllowlist } from './module-scope.js'
import { findPresetProblems } from './preset-problems.js'
import { parsePreset, type Preset } from './preset.js'

/** A matrix as it is in force: its file, overrides laid over the roles, the preset parsed. */
export interface EffectiveMatrix {
  name: string
  roles: MatrixRoles
  preset?: Preset
  /** only these modules may serve it; overrides cannot change it */
  allowlist?: ModuleAllowlist
  /** config keys that were taken out because their provider never reads them, one sentence each */
  removed?: readonly string[]
}

/** Overrides of one place, laid over what stood there before. */
export interface OverrideLayer extends ComposeOptions {
  roles: RoutingOverrides
}

export interface EffectiveMatrixOptions {
  /** in order; each replaces whole roles */
  overrides?: readonly OverrideLayer[]
  /** true resolves as if the file had no `preset` */
  disableDelegationPreset?: boolean
}

/**
 * The matrix in force. The preset is the file's and is checked against the file's roles; the scope is the file's too.
 * @param file a matrix file's data, or nothing where there is none
 * @throws ConfigurationError for a wrong scope, wrong overrides, a wrong preset (every problem in a line of its own), settings
 *   that a named Claude Haiku cannot honour, or a candidate's config that says what only the user may
 */
export function composeEffectiveMatrix(
  file: Readonly<Record<string, unknown>> & { name?: string; roles?: MatrixRoles }, options: EffectiveMatrixOptions = {},
): EffectiveMatrix {
  const allowlist = readModuleAllowlist(file)
  const { overrides = [], disableDelegationPreset = false } = options
  const composed = overrides.reduce<MatrixRoles>((roles, layer) => composeMatrix(roles, layer.roles, layer), file.roles ?? {})
  judgeMatrix(composed)
  const preset = disableDelegationPreset ? undefined : parsePreset(file)
  const problems = preset === undefined ? [] : findPresetProblems(file)
  if (problems.length > 0) {
    throw new ConfigurationError(`Invalid preset: block:\n  ${problems.join('\n  ')}`, { code: 'matrix_preset' })
  }
  const { roles, removed } = stripInertConfig(composed)
  return {
    name: file.name ?? 'unknown', roles, removed,
    ...defined({ preset, allowlist }),
  }
}
