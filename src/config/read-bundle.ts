import { basename, dirname, extname, resolve } from 'node:path'
import type { JsonObject } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { findUnknownRoutingKeys } from './find-misplaced-keys.js'
import { createDiagnostics, listReferences, openBundleFile, report, type BundleDiagnostics } from './bundle-diagnostics.js'
import { attachOrigins, findPlace, liesInside, mergeMappings, originOf, realPath, type FindingPlace } from '../documents/index.js'
import { EMPTY_LAYER, mergeLayers, omit, readLayer, type PlanLayer } from './plan-layer.js'
import { readAgents } from './read-agents.js'
import { resolveInclude } from './resolve-include.js'
import { suggestName } from './suggest-name.js'

const KNOWN_KEYS = ['bundle', 'includes', 'session', 'providers', 'tools', 'hooks', 'agents', 'routing']
const MAX_DEPTH = 32

/** What a bundle and everything it includes say together. */
export interface BundleContent extends Pick<BundleDiagnostics, 'files' | 'findings'> {
  /** of the bundle itself; its name is the file's where it says none */
  identity: JsonObject & { name: string }
  layer: PlanLayer
  instructions: string
}

interface Node {
  identity: JsonObject
  layer: PlanLayer
  instructions: string
}

const EMPTY_NODE: Node = { identity: {}, layer: EMPTY_LAYER, instructions: '' }

/** Reads a bundle with its includes and agent files; whatever is wrong becomes a finding. */
export async function readBundle(file: string): Promise<BundleContent> {
  const path = resolve(file)
  const diagnostics = createDiagnostics()
  const node = (await refuseLinkOut(path, diagnostics)) ? EMPTY_NODE : await createBundleReader(diagnostics, dirname(path)).read(path, [])
  const stem = basename(path, extname(path))
  const name = typeof node.identity['name'] === 'string' ? node.identity['name'] : stem
  return { identity: { ...node.identity, name }, layer: node.layer, instructions: node.instructions, files: diagnostics.files, findings: diagnostics.findings }
}

/** A cloned bundle may be a link to any file of this machine, and its text would be the instructions. */
async function refuseLinkOut(file: string, diagnostics: BundleDiagnostics): Promise<boolean> {
  if (await liesInside(file, dirname(file))) return false
  report(diagnostics, `the file is a link to ${await realPath(file)}, outside of its folder; name that file itself`, { file, line: 1, column: 1 })
  return true
}

/** @param root the bundle's folder, which its includes stay inside of */
function createBundleReader(diagnostics: BundleDiagnostics, root: string) {
  const done = new Map<string, Node>()

  /** @param chain the files that led here, outermost first */
  async function read(file: string, chain: readonly string[], from?: FindingPlace): Promise<Node> {
    const refusal = findRefusal(file, chain)
    if (refusal !== undefined) {
      report(diagnostics, refusal, from ?? { file, line: 1, column: 1 })
      return EMPTY_NODE
    }
    const known = done.get(file)
    if (known) return known
    const node = await readDocument(file, chain, from)
    done.set(file, node)
    return node
  }

  async function readDocument(file: string, chain: readonly string[], from: FindingPlace | undefined): Promise<Node> {
    const document = await openBundleFile(diagnostics, file, { from })
    if (!document) return EMPTY_NODE
    const { value, body } = document
    warnOfUnknownKeys(value, file, diagnostics)
    const identity = isRecord(value['bundle']) ? value['bundle'] : {}
    let merged: Node = EMPTY_NODE
    for (const { reference, place } of listReferences(value, 'includes', file)) {
      const included = await resolveInclude(reference, { from: file, root, budget: diagnostics.budget })
      if ('problem' in included) report(diagnostics, `includes: ${included.problem}`, place)
      else for (const inner of included.files) merged = mergeNodes(merged, await read(inner, [...chain, file], place))
    }
    const agents = await readAgents(value['agents'], { diagnostics, file, root, bundleName: String(identity['name'] ?? '') })
    const layer = readLayer(withAgents(value, agents))
    return mergeNodes(merged, { identity, layer, instructions: body })
  }

  return { read }
}

function findRefusal(file: string, chain: readonly string[]): string | undefined {
  if (chain.includes(file)) {
    const circle = [...chain.slice(chain.indexOf(file)), file].map((path) => basename(path))
    return `includes run in a circle: ${circle.join(' → ')}`
  }
  return chain.length >= MAX_DEPTH ? `includes go deeper than ${MAX_DEPTH} files` : undefined
}

function warnOfUnknownKeys(value: JsonObject, file: string, diagnostics: BundleDiagnostics): void {
  for (const key of Object.keys(value)) {
    // Hosts have keys of their own, which pass; only what looks like a slip is worth a word.
    const nearest = KNOWN_KEYS.includes(key) ? undefined : suggestName(key, KNOWN_KEYS)
    if (nearest !== undefined) report(diagnostics, `unknown key ${JSON.stringify(key)}; did you mean ${nearest}?`, findPlace(value, [key], file), 'warning')
  }
  for (const { message, origin } of findUnknownRoutingKeys(value)) report(diagnostics, message, origin ?? findPlace(value, ['routing'], file), 'warning')
}

function mergeNodes(base: Node, over: Node): Node {
  return {
    identity: over.identity,
    layer: mergeLayers(base.layer, over.layer),
    instructions: over.instructions === '' ? base.instructions : over.instructions,
  }
}

/** The file's mapping without what has been read, its agents as they were read. */
function withAgents(value: JsonObject, agents: JsonObject): JsonObject {
  const own = omit(value, (key) => key === 'bundle' || key === 'includes' || key === 'agents')
  if (Object.keys(agents).length === 0) return own
  const origin = originOf(value, 'agents')
  return mergeMappings(own, attachOrigins({ agents }, origin ? { agents: origin } : {}))
}
