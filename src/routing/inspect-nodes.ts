import type * as YamlModule from 'yaml'
import type { Alias, Pair, YAMLMap } from 'yaml'

/** A fault that a parser lets through, at an offset of the text. */
export interface NodeProblem {
  rule: 'duplicate-key' | 'yaml-key' | 'yaml-alias'
  message: string
  offset: number
  /** where a doubled key stood first */
  firstOffset?: number
}

export interface InspectedNodes {
  problems: readonly NodeProblem[]
  /** The offset of a value: of its key in a map, of the item in a list; of the place where a wrong path stopped. */
  offsetOf(path: readonly (string | number)[]): number
}

/** Handed in: the library is loaded where it is first used. */
type Yaml = typeof YamlModule

/**
 * Aliases are welcome, bombs are not: so many of them, expanding to so many values altogether. 200 roles that
 * share one list of three candidates take 200 aliases and 3,000 values.
 */
const MAX_ALIASES = 1_000
const MAX_EXPANDED_VALUES = 100_000

interface Inspection {
  yaml: Yaml
  problems: NodeProblem[]
  /** anchor → its node and how many values that expands to */
  anchors: Map<string, { node: unknown; size: number }>
  targets: Map<Alias, unknown>
  expanded: number
}

/** One pass over a document: keys that stand twice or are no text, aliases without anchor or beyond bound. */
export function inspectNodes(yaml: Yaml, root: unknown): InspectedNodes {
  const inspection: Inspection = { yaml, problems: [], anchors: new Map(), targets: new Map(), expanded: 0 }
  measure(root, inspection)
  const indexes = new Map<YAMLMap, ReadonlyMap<string, Pair>>()
  const pairOf = (map: YAMLMap, key: string): Pair | undefined => {
    let index = indexes.get(map)
    if (index === undefined) {
      index = new Map(map.items.map((pair) => [keyText(yaml, pair.key) ?? '', pair]))
      indexes.set(map, index)
    }
    return index.get(key)
  }
  const offsetOf = (path: readonly (string | number)[]): number => {
    let node = root
    let offset = offsetOfNode(yaml, node)
    for (const step of path) {
      const target = yaml.isAlias(node) ? inspection.targets.get(node) : node
      const pair = yaml.isMap(target) ? pairOf(target, String(step)) : undefined
      const next: unknown = yaml.isSeq(target) ? target.items[Number(step)] : pair?.value
      if (pair === undefined && !yaml.isNode(next)) break
      offset = offsetOfNode(yaml, pair?.key ?? next)
      node = next
    }
    return offset
  }
  return { problems: inspection.problems, offsetOf }
}

/** How many values this node expands to; faults found on the way are noted. */
function measure(node: unknown, inspection: Inspection): number {
  const { yaml } = inspection
  if (yaml.isAlias(node)) return measureAlias(node, inspection)
  let size = 1
  if (yaml.isMap(node)) {
    checkKeys(node.items, inspection)
    for (const pair of node.items) size += measure(pair.value, inspection)
  } else if (yaml.isSeq(node)) for (const item of node.items) size += measure(item, inspection)
  // Only now: an alias inside of what it names has no anchor yet and is refused.
  const anchor = yaml.isScalar(node) || yaml.isCollection(node) ? node.anchor : undefined
  if (anchor !== undefined) inspection.anchors.set(anchor, { node, size })
  return size
}

function measureAlias(alias: Alias, inspection: Inspection): number {
  const { anchors, problems, targets } = inspection
  const offset = alias.range?.[0] ?? 0
  const anchor = anchors.get(alias.source)
  if (anchor === undefined) {
    const message = `*${alias.source} has no anchor &${alias.source} before it`
    problems.push({ rule: 'yaml-alias', message, offset })
    return 1
  }
  targets.set(alias, anchor.node)
  const within = targets.size <= MAX_ALIASES && inspection.expanded <= MAX_EXPANDED_VALUES
  inspection.expanded += anchor.size
  if (within && (targets.size > MAX_ALIASES || inspection.expanded > MAX_EXPANDED_VALUES)) {
    const message = `with *${alias.source} the aliases are more than ${MAX_ALIASES} or expand to more than ${MAX_EXPANDED_VALUES} values`
    problems.push({ rule: 'yaml-alias', message, offset })
  }
  return anchor.size
}

function checkKeys(pairs: readonly Pair[], { yaml, problems }: Inspection): void {
  const seen = new Map<string, number>()
  for (const { key } of pairs) {
    const offset = offsetOfNode(yaml, key)
    const name = keyText(yaml, key)
    const firstOffset = name === undefined ? undefined : seen.get(name)
    if (name === undefined) problems.push({ rule: 'yaml-key', message: 'a key must be a text', offset })
    else if (firstOffset === undefined) seen.set(name, offset)
    else if (name !== '<<') {
      problems.push({ rule: 'duplicate-key', message: `${name} stands here a second time`, offset, firstOffset })
    }
  }
}

function keyText(yaml: Yaml, key: unknown): string | undefined {
  if (!yaml.isScalar(key)) return undefined
  return typeof key.value === 'object' ? undefined : typeof key.value === 'symbol' ? '<<' : String(key.value)
}

function offsetOfNode(yaml: Yaml, node: unknown): number {
  return (yaml.isNode(node) ? node.range?.[0] : undefined) ?? 0
}
