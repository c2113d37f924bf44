import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { AgentPlan, MountPlan, MountPlanEntry } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { attachOrigins, describeFinding, listOrigins, originOf, originsOf, placeFinding, throwErrors, type Finding } from '../documents/index.js'
import type { Bundle } from './bundle.js'
import type { ModuleEntry } from './module-entry.js'
import { omit, type PlanLayer } from './plan-layer.js'
import { readBundle, type BundleContent } from './read-bundle.js'

/** Looked for where a folder is named. */
const BUNDLE_FILES = ['bundle.md', 'bundle.yaml', 'bundle.yml', 'bundle.toml']

/** {@link loadBundle}, with everything it needs. */
export async function assembleBundle(file: string): Promise<Bundle> {
  const content = await readBundle(await findBundleFile(file))
  const findings = [...content.findings, ...findNamelessModules(content)]
  throwErrors(findings)
  const mountPlan = buildPlan(content.layer)
  const { routing } = content.layer.rest
  const version = content.identity['version']
  return {
    bundle: { ...content.identity, ...(version === undefined ? {} : { version: String(version) }) },
    mountPlan,
    agents: mountPlan.agents ?? {},
    instructions: content.instructions,
    ...(isRecord(routing) ? { routing } : {}),
    warnings: findings.map(describeFinding),
    origins: listOrigins(mountPlan),
    files: content.files,
  }
}

/** The file itself, or the bundle file of a folder. */
export async function findBundleFile(path: string): Promise<string> {
  const isFolder = async (name: string): Promise<boolean | undefined> => stat(name).then((found) => found.isDirectory(), () => undefined)
  if (!(await isFolder(path))) return path
  for (const name of BUNDLE_FILES) if ((await isFolder(join(path, name))) === false) return join(path, name)
  return path
}

/** Entries that no file gave a module: with an id alone there must be another that it adds to. */
export function findNamelessModules(content: BundleContent): Finding[] {
  const lists = [content.layer.providers, content.layer.tools, content.layer.hooks].flat()
  return lists.flatMap((entry) => {
    if (entry.module !== undefined) return []
    const origin = originOf(entry, 'id')
    return [placeFinding({ severity: 'error', message: `the entry ${entry.id ?? ''} names no module` }, content.files[0] ?? '', origin)]
  })
}

/** The mount plan that a layer stands for; entries without a module are left out. */
export function buildPlan(layer: PlanLayer): MountPlan {
  const plan: MountPlan = { ...omit(layer.rest, (key) => key === 'routing' || key === 'agents') }
  for (const list of ['providers', 'tools', 'hooks'] as const) {
    const entries = layer[list].filter(hasModule)
    if (entries.length > 0) plan[list] = entries
  }
  const agents = layer.rest['agents']
  if (isRecord(agents)) {
    const plans = Object.entries(agents).filter((pair): pair is [string, AgentPlan] => isRecord(pair[1]))
    plan.agents = attachOrigins(Object.fromEntries(plans), originsOf(agents))
  }
  return attachOrigins(plan, originsOf(layer.rest))
}

function hasModule(entry: ModuleEntry): entry is MountPlanEntry {
  return entry.module !== undefined
}
