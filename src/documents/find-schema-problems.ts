import { isRecord } from '../lib/index.js'
import { describeMismatch, describeValue } from './describe-value.js'
import type { Finding, ValueFinding } from './finding.js'
import { findPlace, formatPath, readStep, type DocumentPath } from './path.js'
import { readPointer } from './read-pointer.js'

/** What is wrong at one place, by the schema. */
export interface SchemaProblem extends Omit<ValueFinding, 'path'> {
  path: DocumentPath
  /** the keywords of the schema that failed here */
  keywords: readonly string[]
  /** keys that are missing from the mapping at `path` */
  missing: readonly string[]
}

/** What a reader knows better than the schema's keywords do. */
export interface Expectation {
  /** what the value is called, default its path */
  name?: string
  /** what it must be, such as `a number of seconds` */
  expected: string
  /** true for a value that no message shows */
  secret?: boolean
}

interface ListOptions {
  /** what the whole is called, default `the file` */
  root?: string
  /** true for a schema without alternatives, where every place counts */
  everyPlace?: boolean
  /** for places whose sentence is not to be written from the schema's keywords */
  expect?: (path: DocumentPath) => Expectation | undefined
}

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

/** The validator's errors as findings with line and column, as {@link listSchemaProblems} lists them. */
export function findSchemaProblems(value: unknown, errors: unknown, file: string): Finding[] {
  return listSchemaProblems(value, errors).map(({ path, severity, message }) => ({ severity, message, ...findPlace(value, path, file), rule: 'schema' }))
}

/**
 * The validator's errors, one problem for each place: where one form of several would do, only what is wrong deepest inside
 * is worth saying.
 */
export function listSchemaProblems(value: unknown, errors: unknown, options: ListOptions = {}): SchemaProblem[] {
  const groups = new Map<string, SchemaError[]>()
  const inner = new Set<string>()
  for (const error of decodeErrors(errors)) {
    const key = JSON.stringify(error.path)
    groups.set(key, [...(groups.get(key) ?? []), error])
    for (let length = 0; !options.everyPlace && length < error.path.length; length += 1) inner.add(JSON.stringify(error.path.slice(0, length)))
  }
  return [...groups].flatMap(([key, group]) => (inner.has(key) && !options.everyPlace ? [] : [describeGroup(value, group, options)]))
}

function describeGroup(root: unknown, group: readonly SchemaError[], { root: rootName, expect }: ListOptions): SchemaProblem {
  const path = typePath(root, group[0]?.path ?? [])
  const missing = [...new Set(group.flatMap((error) => (error.missing === undefined ? [] : [error.missing])))]
  const found = path.reduce(readStep, root)
  const name = formatPath(path, rootName)
  const better = expect?.(path)
  const message = better ? describeMismatch(better.name ?? name, better.expected, found, better) : describeFault(name, found, group, missing)
  return { severity: 'error', path, keywords: group.map(({ keyword }) => keyword), missing, message }
}

function describeFault(name: string, found: unknown, group: readonly SchemaError[], missing: readonly string[]): string {
  if (missing.length > 0) return `${name} needs ${missing.join(' or ')}`
  const empty = (typeof found === 'string' && found.trim() === '') || (Array.isArray(found) && found.length === 0)
  if (empty && group.some((error) => error.keyword === 'pattern' || error.keyword === 'minItems')) return `${name} must not be empty`
  const types = [...new Set(group.flatMap((error) => error.types))].filter((type) => type !== 'null')
  if (types.length > 0) return describeMismatch(name, types.map((type) => TYPE_WORDS[type] ?? type).join(' or '), found)
  return `${name} has the wrong form, found ${describeValue(found)}`
}

/** A pointer's steps with the indexes of lists as numbers. */
function typePath(root: unknown, steps: readonly string[]): DocumentPath {
  let holder = root
  return steps.map((step) => {
    const typed = Array.isArray(holder) ? Number(step) : step
    holder = readStep(holder, step)
    return typed
  })
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
