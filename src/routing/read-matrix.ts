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
  const { value, findings } = await parseMatrix(source)
  const errors = findings.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw matrixError(errors)
  const problems = findMatrixProblems(value)
  if (problems.length > 0) throw matrixError(problems.map((problem) => placeProblem(problem, value, source.file)))
  return copyMatrix(value as RoutingMatrix, { file: source.file })
}
