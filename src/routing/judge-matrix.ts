import { judgeRoles } from '../config/judge-config.js'
import { throwErrors, type Origin } from '../documents/index.js'
import { isRecord } from '../lib/index.js'
import type { MatrixRoles } from './matrix.js'
import { originOf } from './origin.js'

/**
 * Candidates of any matrix, whoever wrote it, hold only what a project may set: it chooses models and effort.
 * @throws ConfigurationError `untrusted_option` naming the candidate's place
 */
export function judgeMatrix(roles: MatrixRoles): void {
  throwErrors(Object.entries(roles).flatMap(([role, entry]: [string, unknown]) => {
    const candidates: unknown = isRecord(entry) ? entry['candidates'] : undefined
    return (Array.isArray(candidates) ? candidates : []).flatMap((candidate: unknown) =>
      judgeRoles({ [role]: [candidate] }, 'roles', { origin: undefined, context: { all: true } })
        .map((refusal) => ({ ...refusal, message: `role ${role}: ${refusal.message}`, ...placeOf(candidate) })))
  }), 'untrusted_option')
}

/** Values inside of a candidate carry no origins of their own here: the candidate's place stands for them. */
function placeOf(candidate: unknown): { origin?: Origin } {
  const { file, line = 1, column = 1, whose = 'host' } = (isRecord(candidate) && originOf(candidate)) || {}
  return file === undefined ? {} : { origin: { file, line, column, whose } }
}
