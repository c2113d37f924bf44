import type { Environment } from './expand-variables.js'
import { originOf, type Finding, type Origin } from '../documents/index.js'
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
  const { errors, warnings } = checkOptions(entry.config, env)
  const around = originOf(entry, 'config')
  return [
    ...errors.map(({ message, origin }) => ({ severity: 'error' as const, message, ...placeOf(origin ?? around, file) })),
    ...warnings.map(({ message, origin }) => ({ severity: 'warning' as const, message, ...placeOf(origin ?? around, file) })),
  ]
}

function placeOf(origin: Origin | undefined, file: string) {
  return { file: origin?.file ?? file, line: origin?.line ?? 1, column: origin?.column ?? 1 }
}

function compareFindings(a: Finding, b: Finding): number {
  if (a.severity !== b.severity) return a.severity === 'error' ? -1 : 1
  return a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column
}
