import type { RoutingMatrix } from './matrix.js'

/** Widest of the 13 names is `security-audit`; the host's documentation pads to 16. */
const NAME_WIDTH = 16
/** By this element a prompt shows that it holds the table already. */
export const CONTEXT_MARK = '<system-reminder source="routing-matrix">'

/** What agents are told of the matrix in force: its name, and a line for each role with its description as it is written. */
export function formatRoutingContext(matrix: Pick<RoutingMatrix, 'name' | 'roles'>): string {
  const roles = Object.entries(matrix.roles).map(
    ([name, role]) => `  ${name.padEnd(NAME_WIDTH)} — ${role.description ?? ''}`,
  )
  return [
    CONTEXT_MARK,
    `Active routing matrix: ${matrix.name}`,
    'Available model roles (use model_role parameter when delegating):',
    ...roles,
    '</system-reminder>',
  ].join('\n')
}
