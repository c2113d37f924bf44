import { defined } from '../lib/index.js'
import { copyWithOrigins, originOf as originOfKey, ownOriginOf, type DocumentPath, type FindingPlace, type Origin } from '../documents/index.js'
import { findMatrixProblems, matrixError } from './matrix-problems.js'
import type { MatrixCandidate, MatrixRole, RoutingMatrix } from './matrix.js'
import { noteOrigin } from './origin.js'

export interface ValidateOptions {
  /** named in errors and noted as the origin of roles and candidates */
  file?: string
  /** where a value stands in that file; default: what a document's values know themselves */
  locate?: (path: DocumentPath) => Pick<FindingPlace, 'line' | 'column'>
}

/**
 * Checks data against the schema and answers it as a matrix: fresh objects in the data's own order, unknown
 * fields kept, each role and candidate knowing its file and line out of band.
 * @throws ConfigurationError naming every wrong key, with file, line and column where they are known
 */
export function validateMatrix(data: unknown, options: ValidateOptions = {}): RoutingMatrix {
  const { file, locate } = options
  const problems = findMatrixProblems(data)
  if (problems.length > 0) throw matrixError(problems.map((problem) => ({ ...defined({ file }), ...locate?.(problem.path), ...problem })))
  return copyMatrix(data as RoutingMatrix, options)
}

/** The copy of data that has been found to be a matrix. */
export function copyMatrix(matrix: RoutingMatrix, { file, locate }: ValidateOptions): RoutingMatrix {
  const note = <Part extends object>(part: Part, path: DocumentPath, known: Partial<Origin> | undefined): Part =>
    noteOrigin(part, { source: 'matrix', ...defined({ file }), ...known, ...locate?.(path) })
  const roles = Object.entries(matrix.roles).map(([name, role]): [string, MatrixRole] => {
    const candidates = role.candidates.map((candidate, place): MatrixCandidate =>
      note(copyWithOrigins(candidate), ['roles', name, 'candidates', place], originOfKey(role.candidates, place)))
    return [name, note({ ...copyWithOrigins(role), candidates }, ['roles', name], originOfKey(matrix.roles, name))]
  })
  // fromEntries defines its properties: a role called __proto__ stays a role.
  return note({ ...matrix, roles: Object.fromEntries(roles) }, [], ownOriginOf(matrix))
}
