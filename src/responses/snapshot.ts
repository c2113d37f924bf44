/** Deeper than any message, and below what the stack bears. */
const MAX_DEPTH = 200
/** Stands for what can't be compared (functions, objects with a JSON form of their own): equal to nothing. */
const UNKNOWABLE = Symbol('unknowable')

class Node {
  constructor(
    /** an object's keys in their order; undefined for an array */
    readonly keys: readonly string[] | undefined,
    readonly fields: readonly Snapshot[],
  ) {}
}

/**
 * What a JSON value looked like at one moment, to notice edits made in place. Strings are held, not
 * copied, so comparing an unchanged one costs a pointer.
 */
export type Snapshot = Node | string | number | bigint | boolean | symbol | null | undefined

export function takeSnapshot(value: unknown, depth = 0): Snapshot {
  switch (typeof value) {
    case 'function':
      return UNKNOWABLE
    case 'object':
      return value === null ? null : takeObject(value, depth)
    default:
      return value as Exclude<Snapshot, Node>
  }
}

function takeObject(value: object, depth: number): Snapshot {
  if (depth > MAX_DEPTH || 'toJSON' in value) return UNKNOWABLE
  if (Array.isArray(value)) return new Node(undefined, value.map((field) => takeSnapshot(field, depth + 1)))
  const fields = Object.values(value).map((field) => takeSnapshot(field, depth + 1))
  return new Node(Object.keys(value), fields)
}

/** True where the value still is what it was: same keys in the same order, same leaves, at any depth. */
export function matchesSnapshot(value: unknown, snapshot: Snapshot): boolean {
  if (!(snapshot instanceof Node)) return value === snapshot
  if (typeof value !== 'object' || value === null) return false
  const { keys, fields } = snapshot
  if (Array.isArray(value)) {
    if (keys !== undefined || value.length !== fields.length) return false
    for (let index = 0; index < fields.length; index += 1) {
      if (!matchesSnapshot(value[index], fields[index])) return false
    }
    return true
  }
  return keys !== undefined && matchesFields(value as Record<string, unknown>, keys, fields)
}

function matchesFields(value: Record<string, unknown>, keys: readonly string[], fields: readonly Snapshot[]): boolean {
  let index = 0
  for (const key in value) {
    if (keys[index] !== key || !matchesSnapshot(value[key], fields[index])) return false
    index += 1
  }
  return index === keys.length
}
