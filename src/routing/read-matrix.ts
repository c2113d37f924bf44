import { parseDocument, type Whose } from '../documents/index.js'
import { findMatrixProblems, matrixError, placeProblem } from './matrix-problems.js'
import type { RoutingMatrix } from './matrix.js'
import { copyMatrix } from './validate-matrix.js'

export interface MatrixSource {
  file: string
  text: string
  /** the user's, or ours that comes with the package (`host`) */
  whose: Whose
}

/**
 * The matrix that a text holds.
 * @throws ConfigurationError naming file, line and column of everything that is wrong
 */
export async function readMatrix(source: MatrixSource): Promise<RoutingMatrix> {
  const { value, findings } = await parseDocument(source.text, source)
  const errors = findings.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw matrixError(errors)
  const problems = findMatrixProblems(value)
  if (problems.length > 0) throw matrixError(problems.map((problem) => placeProblem(problem, value, source.file)))
  return copyMatrix(value as RoutingMatrix, { file: source.file })
}
