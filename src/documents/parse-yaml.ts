import type * as YamlModule from 'yaml'
import type { Document, LineCounter as Lines, Node, Pair } from 'yaml'
import type { Finding } from './finding.js'
import { isRecord } from '../lib/index.js'
import { readYamlTokens } from './yaml-tokens.js'
import { attachOrigins, originOf, type Origin } from './origin.js'
import { MAX_NESTING, type Parsed, type Source } from './parsed.js'

/** Values that aliases may add to a document: a real file repeats a few, a bomb repeats without end. */
const MAX_ALIASED_VALUES = 10_000

class YamlProblem extends Error {
  constructor(message: string, readonly offset: number) {
    super(message)
  }
}

/**
 * Parses one YAML 1.2 document into plain values with origins. Duplicate keys, tabs, several documents,
 * undefined anchors, aliases without bound and deep nesting are findings with line and column.
 * @param options.firstLine line of the text's first line in its file; default 1
 */
export async function parseYaml(text: string, source: Source, options: { firstLine?: number } = {}): Promise<Parsed> {
  const yaml = await import('yaml')
  const lines = new yaml.LineCounter()
  const place = createPlacer(lines, source, options.firstLine ?? 1)
  const fail = (message: string, offset: number): Parsed => ({ value: undefined, findings: [{ severity: 'error', message, ...place(offset) }] })
  const tokens = readYamlTokens(yaml, text, { lines, maxNesting: MAX_NESTING })
  if (!Array.isArray(tokens)) return fail(tokens.problem, tokens.offset)
  // Its own check of unique keys compares every key with every other, so ours is in the reader.
  const composer = new yaml.Composer({ prettyErrors: false, uniqueKeys: false })
  const documents = composer.compose(tokens, true, text.length)
  const document = documents.next().value
  const failure = document?.errors[0]
  if (failure) return fail(describeYamlError(failure), failure.pos[0])
  if (!document) return { value: undefined, findings: [] }
  const second = documents.next().value
  if (second) return fail('a second YAML document begins here; the file may hold only one', second.range[0])
  const findings: Finding[] = document.warnings.map((warning) => ({
    severity: 'warning', message: warning.message, ...place(warning.pos[0]),
  }))
  try {
    const read = createReader(yaml, (offset) => ({ ...place(offset), whose: source.whose }))
    return { value: read(document), findings }
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error
    return fail(error.message, error.offset)
  }
}

function createPlacer(lines: Lines, source: Source, firstLine: number) {
  return (offset: number) => {
    const { line, col } = lines.linePos(Math.max(0, offset))
    return { file: source.file, line: line + firstLine - 1, column: Math.max(1, col) }
  }
}

function describeYamlError(error: { code: string; message: string }): string {
  return error.code === 'TAB_AS_INDENT' ? 'a tab cannot indent YAML; use spaces' : error.message
}

/** Turns nodes into values. Aliases are built anew each time, so that every use has its own copy, within a bound. */
function createReader(yaml: typeof YamlModule, locate: (offset: number) => Origin) {
  const anchors = new Map<string, Node>()
  const open = new Set<Node>()
  const offsetOf = (node: unknown, fallback: number): number => (yaml.isNode(node) && node.range ? node.range[0] : fallback)
  let aliasDepth = 0
  let aliased = 0

  const read = (node: unknown, depth: number, parentOffset: number): unknown => {
    if (!yaml.isNode(node)) return null
    const offset = offsetOf(node, parentOffset)
    if (depth > MAX_NESTING) throw new YamlProblem('nested too deeply', offset)
    if (aliasDepth > 0 && ++aliased > MAX_ALIASED_VALUES) throw new YamlProblem(`aliases repeat more than ${MAX_ALIASED_VALUES} values`, offset)
    if (yaml.isAlias(node)) return readAlias(node.source, depth, offset)
    if (node.anchor !== undefined) anchors.set(node.anchor, node)
    if (yaml.isScalar(node)) return node.value
    open.add(node)
    const value = yaml.isMap(node) ? readMap(node.items, depth, offset) : yaml.isSeq(node) ? readList(node.items, depth, offset) : null
    open.delete(node)
    return value
  }

  const readAlias = (name: string, depth: number, offset: number): unknown => {
    const target = anchors.get(name)
    if (!target) throw new YamlProblem(`*${name} names an anchor that doesn't exist above`, offset)
    if (open.has(target)) throw new YamlProblem(`*${name} contains itself`, offset)
    aliasDepth += 1
    const value = read(target, depth, offset)
    aliasDepth -= 1
    return value
  }

  const readMap = (pairs: readonly Pair[], depth: number, parentOffset: number): Record<string, unknown> => {
    const value: Record<string, unknown> = {}
    const origins: Record<string, Origin> = {}
    const merged: unknown[] = []
    for (const pair of pairs) {
      const offset = offsetOf(pair.key, parentOffset)
      const key = readKey(pair.key, offset)
      if (Object.hasOwn(value, key)) throw new YamlProblem(`the key ${JSON.stringify(key)} stands here twice`, offset)
      const item = read(pair.value, depth + 1, offset)
      if (key === '<<' && isRecordOrList(item)) merged.push(...(Array.isArray(item) ? item : [item]))
      else [value[key], origins[key]] = [item, locate(offset)]
    }
    for (const source of merged) mergeMissing(value, origins, source)
    return attachOrigins(value, origins)
  }

  const readKey = (node: unknown, offset: number): string => {
    const scalar = yaml.isAlias(node) ? anchors.get(node.source) : node
    if (!yaml.isScalar(scalar)) throw new YamlProblem('a key must be a plain word or text', offset)
    if (scalar.anchor !== undefined) anchors.set(scalar.anchor, scalar)
    const key = scalar.value === null ? '' : String(scalar.value)
    if (key === '__proto__') throw new YamlProblem('__proto__ cannot be a key', offset)
    return key
  }

  const readList = (items: readonly unknown[], depth: number, parentOffset: number): unknown[] => {
    const origins = items.map((item) => locate(offsetOf(item, parentOffset)))
    return attachOrigins(items.map((item) => read(item, depth + 1, parentOffset)), Object.fromEntries(origins.entries()))
  }

  return (document: Document.Parsed): unknown => read(document.contents, 0, 0)
}

/** The merge key of YAML 1.1, which other readers of the same files know: what stands in the mapping itself wins. */
function mergeMissing(value: Record<string, unknown>, origins: Record<string, Origin>, source: unknown): void {
  if (!isRecord(source)) return
  for (const [key, item] of Object.entries(source)) {
    if (Object.hasOwn(value, key)) continue
    value[key] = item
    const origin = originOf(source, key)
    if (origin) origins[key] = origin
  }
}

function isRecordOrList(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
