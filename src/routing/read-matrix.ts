import { parseDocument, type ParseResult, type Whose } from '../documents/index.js'
import { findMatrixProblems, matrixError, placeProblem } from './matrix-problems.js'
import type { RoutingMatrix } from './matrix.js'
import { findShipped } from './shipped-matrices.js'
import { copyMatrix } from './validate-matrix.js'

export interface MatrixSource {
  file: string
  text: string
  /** the user's, or ours that comes with the package (`host`) */
  whose: Whose
}

/** A matrix's text as values that know their places, ours without a parser; what is wrong comes as findings. */
export async function parseMatrix(source: MatrixSource): Promise<ParseResult> {
  return (await findShipped(source)) ?? parseDocument(source.text, source)
}

/**
 * The matrix that a text holds.
 * @throws ConfigurationError naming file, line and column of everything that is wrong
 */
export async function readMatrix(source: MatrixSource): Promise<RoutingMatrix> {
  const shipped = await findShipped(source)
  // A test holds ours against the schema: the schema's validator alone takes 3 ms in a fresh process.
  if (shipped !== undefined) return copyMatrix(shipped.value as RoutingMatrix, { file: source.file })
  const { value, findings } = await parseDocument(source.text, source)
  const errors = findings.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw matrixError(errors)
  const problems = findMatrixProblems(value)
  if (problems.length > 0) throw matrixError(problems.map((problem) => placeProblem(problem, value, source.file)))
  return copyMatrix(value as RoutingMatrix, { file: source.file })
}
