import { basename, extname } from 'node:path'
import type { JsonObject } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { listReferences, openBundleFile, report, type BundleDiagnostics } from './bundle-diagnostics.js'
import { attachOrigins, mergeMappings, originOf, type FindingPlace } from '../documents/index.js'
import { omit } from './plan-layer.js'
import { resolveAgentInclude } from './resolve-include.js'

interface AgentContext {
  diagnostics: BundleDiagnostics
  /** the bundle's file */
  file: string
  /** the bundle's folder, which agents' files lie in */
  root: string
  /** by which `BUNDLE:NAME` is known as its own */
  bundleName: string
}

/** The agents of one bundle file: included agent files first, then what stands inline. */
export async function readAgents(value: unknown, context: AgentContext): Promise<JsonObject> {
  if (!isRecord(value)) return {}
  let agents: JsonObject = {}
  for (const { reference, place } of listReferences(value, 'include', context.file)) {
    for (const { name, plan } of await readAgentFiles(reference, place, context)) {
      agents = mergeMappings(agents, attachOrigins({ [name]: plan }, { [name]: { ...place, whose: 'project' } }))
    }
  }
  for (const [name, config] of Object.entries(value)) {
    if (name === 'include') continue
    const inline = isRecord(config) ? config : {}
    let plan: JsonObject = {}
    for (const { reference, place } of listReferences(inline, 'include', context.file)) {
      for (const part of await readAgentFiles(reference, place, context)) plan = mergeMappings(plan, part.plan)
    }
    const origin = originOf(value, name)
    agents = mergeMappings(agents, attachOrigins({ [name]: mergeMappings(plan, readAgent(inline)) }, origin ? { [name]: origin } : {}))
  }
  return agents
}

/**
 * An agent's config as the mount plan carries it: what stands inside `meta` comes to the top level, where the
 * top level says nothing itself; the body of a Markdown file becomes `instructions`.
 */
export function readAgent(config: JsonObject, body = ''): JsonObject {
  const meta = isRecord(config['meta']) ? config['meta'] : {}
  const top = omit(config, (key, item) => key === 'meta' || key === 'include' || item === null)
  const merged = mergeMappings(omit(meta, (_key, item) => item === null), top)
  if (body !== '' && !Object.hasOwn(merged, 'instructions')) merged['instructions'] = body
  return merged
}

interface NamedAgent {
  name: string
  plan: JsonObject
}

/** The agents of an include: of one file, or of all that a glob matches. */
async function readAgentFiles(reference: string, place: FindingPlace, context: AgentContext): Promise<NamedAgent[]> {
  const { diagnostics, file, root, bundleName } = context
  const included = await resolveAgentInclude(reference, { from: file, root, budget: diagnostics.budget, bundleName })
  if ('problem' in included) {
    report(diagnostics, `agents include: ${included.problem}`, place)
    return []
  }
  const agents: NamedAgent[] = []
  for (const inner of included.files) {
    const stem = basename(inner, extname(inner))
    const document = await openBundleFile(diagnostics, inner, { from: place, wrap: (value) => ({ agents: { [stem]: value } }) })
    if (!document) continue
    const plan = readAgent(document.value, document.body)
    agents.push({ name: typeof plan['name'] === 'string' ? plan['name'] : stem, plan })
  }
  return agents
}
