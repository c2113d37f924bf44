import { ConfigurationError } from '../contract/index.js'
import { describeValue, findPlace, formatPath, listSchemaProblems, type DocumentPath, type Finding, type FindingPlace, type SchemaProblem, type ValueFinding } from '../documents/index.js'
import validateSchema from './generated/routing-matrix.js'
import { REQUIRED_ROLES } from './matrix.js'

/** A finding about a value of a matrix, before it has its place in the file. */
export type MatrixProblem = Omit<ValueFinding, 'path' | 'origin'> & { rule: string; path: DocumentPath }

/** Errors are listed up to here; a file with more is wrong as a whole. */
const SHOWN_PROBLEMS = 10
/** What the whole is called in messages. */
const MATRIX_ROOT = 'the matrix'

/** All that keeps data from being a matrix: the schema, and `base` where only overrides may write it. */
export function findMatrixProblems(data: unknown): MatrixProblem[] {
  if (data === null || data === undefined) {
    return [{ severity: 'error', rule: 'schema', message: `${MATRIX_ROOT} is empty: it needs name and roles`, path: [] }]
  }
  return listProblems(data).filter((problem) => !isInPreset(problem)).flatMap((problem) => describeProblem(problem, data))
}

/** What has the wrong type in a `preset:`. It keeps no matrix from loading: it counts as not written, as in the reference. */
export function findPresetShapeProblems(data: unknown): MatrixProblem[] {
  return listProblems(data)
    .filter((problem) => isInPreset(problem) && problem.keywords.includes('type'))
    .map(({ path, message }) => ({ severity: 'error', rule: 'schema', message, path }))
}

function listProblems(data: unknown): SchemaProblem[] {
  return validateSchema(data) ? [] : listSchemaProblems(data, Reflect.get(validateSchema, 'errors'), { root: MATRIX_ROOT, everyPlace: true })
}

const isInPreset = ({ path }: SchemaProblem): boolean => path[0] === 'preset'

function describeProblem({ path, missing, message }: SchemaProblem, data: unknown): MatrixProblem[] {
  const found = path.reduce<unknown>((holder, step) => Reflect.get(Object(holder), step), data)
  const schema = (words: string): MatrixProblem[] => [{ severity: 'error', rule: 'schema', message: words, path }]
  if (path[0] === 'provider_module_allowlist') {
    return schema(`${path[0]} is no list of distinct modules such as provider-openai-chatgpt, found ${describeValue(found)}`)
  }
  if (found === 'base' && path.at(-2) === 'candidates') {
    return [{
      severity: 'error', rule: 'base-in-matrix', path,
      message: `${formatPath(path)}: the word base belongs into overrides; a matrix file lists its candidates itself`,
      hint: 'base stands for the matrix’s own candidates, in routing.overrides of the settings',
    }]
  }
  if (path.length === 1 && path[0] === 'roles' && missing.length > 0) return missing.map((role) => describeMissingRole(role, path))
  return schema(path.join('.') === 'updated' ? `${message}; it is a day as YYYY-MM-DD` : message)
}

function describeMissingRole(role: string, path: DocumentPath): MatrixProblem {
  const all = REQUIRED_ROLES.join(' and ')
  return {
    severity: 'error', rule: 'missing-role', path, message: `roles: the role ${role} is missing; every matrix has ${all}`,
    hint: `agents without a better role fall back on ${all}`,
  }
}

/** The finding with its place in the document that `data` was read from. */
export function placeProblem({ path, ...problem }: MatrixProblem, data: unknown, file: string): Finding & { rule: string } {
  return { ...problem, ...findPlace(data, path, file) }
}

/** One error that says all of them, each as `file:line:column: what is wrong`. */
export function matrixError(problems: readonly (Pick<Finding, 'message' | 'rule'> & Partial<FindingPlace>)[]): ConfigurationError {
  const shown = problems.slice(0, SHOWN_PROBLEMS).map(({ file, line, column, message }) => {
    const place = [file, line, column].filter((piece) => piece !== undefined).join(':')
    return place === '' ? message : `${place}: ${message}`
  })
  const rest = problems.length - shown.length
  if (rest > 0) shown.push(`and ${rest} more`)
  return new ConfigurationError(shown.join('\n'), { code: problems[0]?.rule ?? 'schema' })
}
