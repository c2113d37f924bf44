import type { Bundle } from './bundle.js'
import type { Environment } from './expand-variables.js'
import type { Finding } from '../documents/index.js'

/**
 * Reads a bundle: Markdown with front matter, YAML or TOML, with its includes and agent files. Nothing is
 * fetched. `${VAR}` stays as it is written: each module reads its own variables when it mounts.
 *
 * Every value keeps its origin, and the mount refuses what only the user may set, once all layers are merged. Hand entries and
 * configs on as they are: a spread or a clone loses the origins, and what has none counts as the program's own word.
 *
 * @throws ConfigurationError with file, line and column, where a file is missing or malformed, includes run in
 *   a circle or lead away from this machine, or the schema is broken
 */
export async function loadBundle(file: string): Promise<Bundle> {
  const { assembleBundle } = await import('./assemble-bundle.js')
  return assembleBundle(file)
}

/**
 * Everything that is wrong with a bundle and what it includes, errors first, then by file and line; empty where
 * nothing is. Beside what loading refuses it checks the options of our own provider, and what a mount would refuse to a project.
 */
export async function validateBundle(file: string, options: { env?: Environment } = {}): Promise<Finding[]> {
  const { findBundleProblems } = await import('./find-bundle-problems.js')
  return findBundleProblems(file, options.env ?? process.env)
}
