import type { Document, Node, Pair, Scalar } from 'yaml'
import { isRecord } from '../lib/index.js'
import { attachOrigins, noteOwnOrigin, originOf, type Origin } from './origin.js'
import { DocumentProblem, MAX_NESTING, quoteKey, shorten } from './parse-result.js'
import type { YamlLibrary } from './yaml-tokens.js'

/** Values that aliases may add to a document, and characters of their texts: a real file repeats a few, a bomb repeats without end. */
const MAX_ALIASED_VALUES = 10_000
const MAX_ALIASED_CHARACTERS = 1024 * 1024

interface Reading {
  yaml: YamlLibrary
  locate: (offset: number) => Origin
  problems: DocumentProblem[]
  /** by name, as far as the text has been read */
  anchors: Map<string, Node>
  /** the collections that are being read, each inside of the one before */
  open: Set<Node>
  budget: ReturnType<typeof createAliasBudget>
}

/**
 * Turns a document's nodes into values. Aliases are built anew each time, so that every use has its own copy, within a bound.
 * @param locate the origin of an offset of the text
 * @returns the value, and what is wrong in the order of the text
 * @throws DocumentProblem where going on would not end well: too deep, too many aliases
 */
export function readYamlDocument(
  yaml: YamlLibrary, document: Document.Parsed, locate: (offset: number) => Origin,
): { value: unknown; problems: readonly DocumentProblem[] } {
  const reading: Reading = { yaml, locate, problems: [], anchors: new Map(), open: new Set(), budget: createAliasBudget() }
  const value = readNode(reading, document.contents, 0, 0)
  const noted = typeof value === 'object' && value !== null ? noteOwnOrigin(value, locate(offsetOf(reading, document.contents, 0))) : value
  return { value: noted, problems: reading.problems }
}

function offsetOf({ yaml }: Reading, node: unknown, fallback: number): number {
  return yaml.isNode(node) && node.range ? node.range[0] : fallback
}

function note({ problems }: Reading, rule: string, message: string, offset: number): null {
  problems.push(new DocumentProblem(rule, message, offset))
  return null
}

function readNode(reading: Reading, node: unknown, depth: number, parentOffset: number): unknown {
  const { yaml, anchors, open, budget } = reading
  if (!yaml.isNode(node)) return null
  const offset = offsetOf(reading, node, parentOffset)
  if (depth > MAX_NESTING) throw new DocumentProblem('too-deep', 'values are nested too deeply', offset)
  if (yaml.isAlias(node)) return readAlias(reading, node.source, depth, offset)
  if (node.anchor !== undefined) anchors.set(node.anchor, node)
  if (yaml.isScalar(node)) return readScalar(reading, node, offset)
  budget.spend(0)
  open.add(node)
  const value = yaml.isMap(node) ? readMap(reading, node.items, depth, offset) : yaml.isSeq(node) ? readList(reading, node.items, depth, offset) : null
  open.delete(node)
  return value
}

function readScalar(reading: Reading, { value }: Scalar, offset: number): unknown {
  reading.budget.spend(typeof value === 'string' ? value.length : 0)
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value
  return note(reading, 'yaml-tag', 'this kind of value is not known here', offset)
}

function readAlias(reading: Reading, name: string, depth: number, offset: number): unknown {
  const target = reading.anchors.get(name)
  if (!target) return note(reading, 'yaml-alias', `*${shorten(name)} names an anchor that doesn't exist above`, offset)
  if (reading.open.has(target)) return note(reading, 'yaml-alias', `*${shorten(name)} contains itself`, offset)
  reading.budget.enter(offset)
  const value = readNode(reading, target, depth, offset)
  reading.budget.leave()
  return value
}

function readMap(reading: Reading, pairs: readonly Pair[], depth: number, parentOffset: number): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  const origins: Record<string, Origin> = {}
  const merged: unknown[] = []
  for (const pair of pairs) {
    const offset = offsetOf(reading, pair.key, parentOffset)
    const key = readKey(reading, pair.key, offset)
    if (key === undefined) continue
    const first = Object.hasOwn(value, key) ? origins[key] : undefined
    if (first) {
      note(reading, 'duplicate-key', `the key ${quoteKey(key)} stands here twice, first in line ${first.line}`, offset)
      continue
    }
    const item = readNode(reading, pair.value, depth + 1, offset)
    if (key === '<<' && typeof item === 'object' && item !== null) merged.push(...(Array.isArray(item) ? item : [item]))
    else [value[key], origins[key]] = [item, reading.locate(offset)]
  }
  for (const source of merged) mergeMissing(value, origins, source)
  return attachOrigins(value, origins)
}

function readKey(reading: Reading, node: unknown, offset: number): string | undefined {
  const { yaml, anchors } = reading
  const scalar = yaml.isAlias(node) ? anchors.get(node.source) : node
  if (!yaml.isScalar(scalar) || (typeof scalar.value === 'object' && scalar.value !== null)) {
    return void note(reading, 'yaml-key', 'a key must be a plain word or text', offset)
  }
  if (scalar.anchor !== undefined) anchors.set(scalar.anchor, scalar)
  // A merge key may come as a symbol, whose description is `<<`.
  const key = scalar.value === null ? '' : typeof scalar.value === 'symbol' ? '<<' : String(scalar.value)
  return key === '__proto__' ? void note(reading, 'forbidden-key', '__proto__ cannot be a key', offset) : key
}

function readList(reading: Reading, items: readonly unknown[], depth: number, parentOffset: number): unknown[] {
  const origins = items.map((item) => reading.locate(offsetOf(reading, item, parentOffset)))
  return attachOrigins(items.map((item) => readNode(reading, item, depth + 1, parentOffset)), Object.fromEntries(origins.entries()))
}

/** Counts what is read through aliases; nothing else is counted, since the text itself is bounded. */
function createAliasBudget() {
  let depth = 0
  let values = 0
  let characters = 0
  let place = 0
  return {
    enter: (offset: number): void => {
      // The alias that stands in the text is to be named, not one inside of what it repeats.
      if (depth++ === 0) place = offset
    },
    leave: () => void (depth -= 1),
    /** @throws DocumentProblem beyond the bound */
    spend: (length: number): void => {
      if (depth === 0) return
      values += 1
      characters += length
      if (values > MAX_ALIASED_VALUES) throw new DocumentProblem('yaml-alias', `aliases repeat more than ${MAX_ALIASED_VALUES} values`, place)
      if (characters > MAX_ALIASED_CHARACTERS) throw new DocumentProblem('yaml-alias', `aliases repeat more than ${MAX_ALIASED_CHARACTERS} characters`, place)
    },
  }
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
