import { isRecord } from '../lib/index.js'
import { locateTomlKeys, type TomlPlace } from './locate-toml-keys.js'
import { attachOrigins, type Origin } from './origin.js'
import { MAX_NESTING, type Parsed, type Source } from './parsed.js'

/** Parses a TOML text into plain values with origins; what is malformed is one finding with line and column. */
export async function parseToml(text: string, source: Source): Promise<Parsed> {
  const { parse, TomlError } = await import('smol-toml')
  const fail = (message: string, line: number, column: number): Parsed => ({
    value: undefined,
    findings: [{ severity: 'error', message, file: source.file, line, column }],
  })
  let value: unknown
  try {
    value = parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) return fail('nested too deeply', 1, 1)
    // The first line is the reason; the lines below it quote the file, which may hold a secret.
    return fail((error.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, ''), error.line, error.column)
  }
  const starts = listLineStarts(text)
  const places = new Map<string, Origin>()
  for (const place of locateTomlKeys(text)) {
    const origin = { file: source.file, ...findLine(starts, place.offset), whose: source.whose }
    if (place.path.includes('__proto__')) return fail('__proto__ cannot be a key', origin.line, origin.column)
    if (place.path.length > MAX_NESTING) return fail('nested too deeply', origin.line, origin.column)
    const key = keyOf(place.path)
    // A table may be opened in several places; the first one names it.
    if (!places.has(key)) places.set(key, origin)
  }
  return { value: convert(value, [], places, { file: source.file, line: 1, column: 1, whose: source.whose }), findings: [] }
}

/** Plain copies, since the parser's have no prototype and its dates are objects; each with its keys' origins. */
function convert(value: unknown, path: readonly string[], places: ReadonlyMap<string, Origin>, parent: Origin): unknown {
  if (value instanceof Date) return value.toISOString()
  const entries = Array.isArray(value) ? [...value.entries()] : isRecord(value) ? Object.entries(value) : undefined
  if (!entries) return value
  const origins: Record<string, Origin> = {}
  const copy: [string, unknown][] = entries.map(([key, item]: [string | number, unknown]) => {
    const inner = [...path, String(key)]
    const origin = places.get(keyOf(inner)) ?? parent
    origins[String(key)] = origin
    return [String(key), convert(item, inner, places, origin)]
  })
  return attachOrigins(Array.isArray(value) ? copy.map(([, item]) => item) : Object.fromEntries(copy), origins)
}

function keyOf(path: TomlPlace['path']): string {
  return JSON.stringify(path)
}

function listLineStarts(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

function findLine(starts: readonly number[], offset: number): { line: number; column: number } {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((starts[middle] ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 }
}
