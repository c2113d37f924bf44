import type { Environment } from './expand-variables.js'
import { originOf, placeFinding, type Finding } from '../documents/index.js'
import { findBundleFile, findNamelessModules } from './assemble-bundle.js'
import { judgeLayer } from './judge-layer.js'
import { isOurModule, type ModuleEntry } from './module-entry.js'
import { readBundle } from './read-bundle.js'
import { checkOptions } from './resolve-options.js'

/** {@link validateBundle}, with everything it needs. */
export async function findBundleProblems(file: string, env: Environment): Promise<Finding[]> {
  const path = await findBundleFile(file)
  const content = await readBundle(path)
  const findings = [
    ...content.findings,
    ...findNamelessModules(content),
    ...judgeLayer(content.layer, path),
    ...content.layer.providers.flatMap((entry) => findOptionProblems(entry, env, path)),
  ]
  return findings.sort(compareFindings)
}

function findOptionProblems(entry: ModuleEntry, env: Environment, file: string): Finding[] {
  if (!isOurModule(entry.module) || !entry.config) return []
  return checkOptions(entry.config, env).map((finding) => placeFinding(finding, file, originOf(entry, 'config')))
}

function compareFindings(a: Finding, b: Finding): number {
  if (a.severity !== b.severity) return a.severity === 'error' ? -1 : 1
  return a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column
}
