/**
 * Levels. Below what `JSON.stringify` bears (some 4,000 on Node's own stack, fewer deep in a program) and what functions
 * that call themselves do; the deepest tool schema seen has 30.
 */
const MOST_LEVELS = 500

/** The value, or undefined where the text is no JSON, or nests deeper than 500 levels. */
export function parseJson(text: string): unknown {
  try {
    const value = JSON.parse(text) as unknown
    return text.length > 2 * MOST_LEVELS && isTooDeep(value) ? undefined : value
  } catch {
    return undefined
  }
}

/**
 * True for a JSON value (no circles in it) that nests deeper than 500 levels. Goes level by level: nothing calls itself.
 * Loops, since `flatMap` took ten times as long: of a 30 KB event this is a twentieth of its parse.
 */
export function isTooDeep(value: unknown): boolean {
  let level: object[] = isNode(value) ? [value] : []
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > MOST_LEVELS) return true
    const next: object[] = []
    for (const node of level as Record<string, unknown>[]) {
      for (const key in node) {
        const item = node[key]
        if (isNode(item)) next.push(item)
      }
    }
    level = next
  }
  return false
}

function isNode(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** True for an object that is no array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function readString(record: Record<string, unknown>, key: string): string | undefined {
  const value = record[key]
  return typeof value === 'string' ? value : undefined
}

export function readNumber(record: Record<string, unknown>, key: string): number | undefined {
  const value = record[key]
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
