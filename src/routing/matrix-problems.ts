import { ConfigurationError } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import validateSchema from './generated/routing-matrix.js'
import type { MatrixPath, MatrixProblem } from './parse-matrix.js'

/** What one failed keyword of the schema says; the generated validator's own shape. */
interface SchemaError {
  instancePath: string
  keyword: string
  params: Record<string, unknown>
}

/** Errors are listed up to here; a file with more is wrong as a whole. */
const SHOWN_PROBLEMS = 10

/** All that keeps data from being a matrix: the schema, and `base` where only overrides may write it. */
export function findMatrixProblems(data: unknown): MatrixProblem[] {
  if (data === null || data === undefined) {
    return [{ rule: 'schema', message: 'the matrix is empty: it needs name and roles', path: [] }]
  }
  return schemaErrors(data).filter((error) => !isInPreset(error)).map((error) => describeSchemaError(error, data))
}

/** What has the wrong type in a `preset:`. It keeps no matrix from loading: it counts as not written, as in the reference. */
export function findPresetShapeProblems(data: unknown): MatrixProblem[] {
  return schemaErrors(data).filter((error) => isInPreset(error) && error.keyword === 'type').map((error) => describeSchemaError(error, data))
}

function schemaErrors(data: unknown): readonly SchemaError[] {
  if (validateSchema(data)) return []
  return (validateSchema as unknown as { errors?: SchemaError[] | null }).errors ?? []
}

const isInPreset = ({ instancePath }: SchemaError): boolean => instancePath === '/preset' || instancePath.startsWith('/preset/')

function describeSchemaError(error: SchemaError, data: unknown): MatrixProblem {
  const path = readPointer(error.instancePath)
  const value = valueAt(data, path)
  const name = formatPath(path)
  if (path[0] === 'provider_module_allowlist') {
    const message = `${path[0]} is no list of distinct modules such as provider-openai-chatgpt, found ${describe(value)}`
    return { rule: 'schema', message, path }
  }
  if (error.keyword === 'required') return describeMissing(String(error.params['missingProperty']), path)
  if (value === 'base' && path.at(-2) === 'candidates') {
    const message = `${name}: the word base belongs into overrides; a matrix file lists its candidates itself`
    return { rule: 'base-in-matrix', message, path }
  }
  if (error.keyword === 'type') {
    return { rule: 'schema', message: `${name} must be ${TYPE_WORDS[String(error.params['type'])] ?? 'something else'}, found ${describe(value)}`, path }
  }
  const wanted = path.at(-1) === 'updated' ? 'a day as YYYY-MM-DD' : 'a text that is not empty'
  return { rule: 'schema', message: `${name} must be ${wanted}, found ${describe(value)}`, path }
}

function describeMissing(key: string, path: MatrixPath): MatrixProblem {
  if (path.length === 1 && path[0] === 'roles') {
    return { rule: 'missing-role', message: `roles: the role ${key} is missing; every matrix has general and fast`, path }
  }
  return { rule: 'schema', message: `${formatPath(path)} has no ${key}`, path }
}

const TYPE_WORDS: Readonly<Partial<Record<string, string>>> = {
  string: 'a text', object: 'a mapping', array: 'a list', number: 'a number', integer: 'a whole number', boolean: 'true or false',
}

function describe(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (isRecord(value)) return 'a mapping'
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return `${text.length > 60 ? `${text.slice(0, 57)}…` : text} (${typeof value === 'string' ? 'text' : typeof value})`
}

/** `roles.coding.candidates[0].model`; the top is called the matrix. */
export function formatPath(path: MatrixPath): string {
  if (path.length === 0) return 'the matrix'
  return path.map((step, at) => (typeof step === 'number' ? `[${step}]` : at === 0 ? step : `.${step}`)).join('')
}

/** A JSON pointer to steps; digits below a list are numbers. */
function readPointer(pointer: string): MatrixPath {
  const steps = pointer.split('/').slice(1).map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  return steps.map((step, at) => (steps[at - 1] === 'candidates' && /^\d+$/.test(step) ? Number(step) : step))
}

function valueAt(data: unknown, path: MatrixPath): unknown {
  let value = data
  for (const step of path) value = typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined
  return value
}

/** One error that says all of them, each as `file:line:column: what is wrong`. */
export function matrixError(problems: readonly MatrixProblem[], file: string | undefined): ConfigurationError {
  const shown = problems.slice(0, SHOWN_PROBLEMS).map((problem) => {
    const place = [file, problem.line, problem.column].filter((piece) => piece !== undefined).join(':')
    return place === '' ? problem.message : `${place}: ${problem.message}`
  })
  const rest = problems.length - shown.length
  if (rest > 0) shown.push(`and ${rest} more`)
  return new ConfigurationError(shown.join('\n'), { code: problems[0]?.rule ?? 'schema' })
}
