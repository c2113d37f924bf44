import type { AgentPlan, JsonObject, MountPlan } from '../contract/index.js'
import type { Environment } from './expand-variables.js'
import type { Finding } from './finding.js'
import type { Origin } from './origin.js'

export interface Bundle {
  /** name, version and whatever else its `bundle` key says */
  bundle: JsonObject & { name: string; version?: string }
  /** everything but `bundle`, `includes` and `routing`; values know their origins */
  mountPlan: MountPlan
  /** the mount plan's agents */
  agents: Record<string, AgentPlan>
  /** the Markdown body; `${VAR}` in it is text like any other */
  instructions: string
  /** `{matrix?, overrides?}`, where the bundle has it */
  routing?: JsonObject
  warnings: string[]
  /** dotted path in the mount plan to the origin of its value */
  origins: Record<string, Origin>
  /** every file read, the bundle's own first */
  files: string[]
}

/**
 * Reads a bundle: Markdown with front matter, YAML or TOML, with its includes and agent files. Nothing is
 * fetched. `${VAR}` stays as it is written: each module reads its own variables when it mounts.
 *
 * @throws ConfigurationError with file, line and column, where a file is missing or malformed, includes run in
 *   a circle or lead away from this machine, the schema is broken, or the bundle sets what only the user may
 */
export async function loadBundle(file: string): Promise<Bundle> {
  const { assembleBundle } = await import('./assemble-bundle.js')
  return assembleBundle(file)
}

/**
 * Everything that is wrong with a bundle and what it includes, errors first, then by file and line; empty where
 * nothing is. Beside what loading refuses it checks the options of our own provider.
 */
export async function validateBundle(file: string, options: { env?: Environment } = {}): Promise<Finding[]> {
  const { findBundleProblems } = await import('./find-bundle-problems.js')
  return findBundleProblems(file, options.env ?? process.env)
}
