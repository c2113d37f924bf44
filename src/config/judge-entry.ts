import type { MountPlanEntry } from '../contract/index.js'
import { originOf, type Origin } from '../documents/index.js'
import type { Refusal } from './judge-config.js'

/**
 * Whether a plan's entry makes the host run code that a project chose: a `source`, or a module that the host doesn't have.
 * @param isKnown whether the host program brings the module itself
 * @param holder of a module named by a word alone (`orchestrator: name`): where that word was written
 */
export function judgeEntry(entry: MountPlanEntry, isKnown: boolean, holder?: Origin): Refusal[] {
  const source = originOf(entry, 'source')
  const module = originOf(entry, 'module') ?? holder
  const why = "since it would run code of the project; let the host program bring the module, or give createHost allowProjectCode, which makes the project's files code"
  return [
    ...(isProject(source) ? [{ path: 'source', message: `source may not be set by a project's files, ${why}`, origin: source }] : []),
    ...(isProject(module) && !isKnown ? [{ path: 'module', message: `the module ${entry.module} may not be loaded for a project's files, ${why}`, origin: module }] : []),
  ]
}

function isProject(origin: Origin | undefined): origin is Origin {
  return origin?.whose === 'project' || origin?.whose === 'caller'
}
