import type { RoutingMatrix } from './matrix.js'

/** Widest of the 13 names is `security-audit`; the host's documentation pads to 16. */
const NAME_WIDTH = 16

/** What agents are told of the matrix in force: its name, and a line for each role. */
export function formatRoutingContext(matrix: Pick<RoutingMatrix, 'name' | 'roles'>): string {
  const roles = Object.entries(matrix.roles).map(
    ([name, role]) => `  ${name.padEnd(NAME_WIDTH)} — ${oneLine(role.description ?? '')}`,
  )
  return [
    `Active routing matrix: ${matrix.name}`,
    'Available model roles (use model_role parameter when delegating):',
    ...roles,
  ].join('\n')
}

/** A folded YAML text ends in a line break; a role is one line. */
function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, ' ')
}
