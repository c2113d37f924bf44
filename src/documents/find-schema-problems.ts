import { isRecord } from '../lib/index.js'
import { describeValue } from './describe-value.js'
import type { Finding, FindingPlace } from './finding.js'
import { originOf } from './origin.js'
import { readPointer } from './read-pointer.js'

interface SchemaError {
  path: readonly string[]
  keyword: string
  /** of keyword `type` */
  types: readonly string[]
  /** of keyword `required` */
  missing?: string
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  object: 'a mapping', array: 'a list', string: 'a text', number: 'a number', integer: 'a whole number', boolean: 'true or false',
}

/**
 * The validator's errors as findings with line and column, one for each place: where one form of several
 * would do, only what is wrong deepest inside is worth saying.
 */
export function findSchemaProblems(value: unknown, errors: unknown, file: string): Finding[] {
  const decoded = decodeErrors(errors)
  const pointers = new Map<string, SchemaError[]>()
  for (const error of decoded) {
    const key = JSON.stringify(error.path)
    pointers.set(key, [...(pointers.get(key) ?? []), error])
  }
  const groups = [...pointers.values()].flatMap((group) => {
    const path = group[0]?.path ?? []
    const shallow = decoded.some((other) => other.path.length > path.length && path.every((step, index) => other.path[index] === step))
    return shallow ? [] : [{ path, group }]
  })
  return groups.map(({ path, group }) => ({ severity: 'error', message: describeGroup(value, path, group), ...findPlace(value, path, file) }))
}

/** Where the value at `path` stands: its own place, else that of the nearest thing around it. */
export function findPlace(value: unknown, path: readonly string[], file: string): FindingPlace {
  let place: FindingPlace = { file, line: 1, column: 1 }
  let holder: unknown = value
  for (const step of path) {
    const origin = originOf(holder, step)
    if (origin) place = { file: origin.file, line: origin.line, column: origin.column }
    holder = readStep(holder, step)
  }
  return place
}

function describeGroup(root: unknown, path: readonly string[], group: readonly SchemaError[]): string {
  const name = path.length === 0 ? 'the file' : path.join('.')
  const missing = group.flatMap((error) => (error.missing === undefined ? [] : [error.missing]))
  if (missing.length > 0) return `${name} needs ${[...new Set(missing)].join(' or ')}`
  const found = path.reduce(readStep, root)
  const empty = found === '' || (Array.isArray(found) && found.length === 0)
  if (empty && group.some((error) => error.keyword === 'pattern' || error.keyword === 'minItems')) return `${name} must not be empty`
  const types = [...new Set(group.flatMap((error) => error.types))].filter((type) => type !== 'null')
  if (types.length > 0) return `${name} must be ${types.map((type) => TYPE_WORDS[type] ?? type).join(' or ')}, found ${describeValue(found)}`
  return `${name} has the wrong form, found ${describeValue(found)}`
}

function readStep(holder: unknown, step: string): unknown {
  return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, step) ? (Reflect.get(holder, step) as unknown) : undefined
}

function decodeErrors(errors: unknown): SchemaError[] {
  if (!Array.isArray(errors)) return []
  return errors.flatMap((error: unknown) => {
    if (!isRecord(error) || typeof error['instancePath'] !== 'string' || typeof error['keyword'] !== 'string') return []
    const params = isRecord(error['params']) ? error['params'] : {}
    const types = params['type']
    return [{
      path: readPointer(error['instancePath']),
      keyword: error['keyword'],
      types: Array.isArray(types) ? types.map(String) : typeof types === 'string' ? types.split(',') : [],
      ...(typeof params['missingProperty'] === 'string' ? { missing: params['missingProperty'] } : {}),
    }]
  })
}
