import { PassThrough } from 'node:stream'
import { originOf, loadBundle, suggestName, type Finding } from '../config/index.js'
import { KNOWN_ROLES, loadMatrix } from '../routing/index.js'
import type { CommandContext } from './command-context.js'
import { readConfig } from './read-config.js'

/** Roles that a bundle's agents ask for and that neither the matrix in force nor the 13 known ones have. */
export async function findUnknownRoles(context: CommandContext, file: string): Promise<Finding[]> {
  const bundle = await loadBundle(file)
  const known = [...new Set([...KNOWN_ROLES, ...(await listRoles(context, file))])]
  return Object.entries(bundle.agents).flatMap(([name, plan]) => {
    const unknown = [plan.model_role ?? []].flat().filter((role) => !known.includes(role))
    const { file: from = file, line = 1, column = 1 } = originOf(plan, 'model_role') ?? originOf(bundle.agents, name) ?? {}
    return unknown.map((role) => {
      const meant = suggestName(role, known)
      const message = `agents.${name}.model_role: the matrix has no role ${role}${meant === undefined ? '' : `; did you mean ${meant}?`}`
      return { severity: 'warning' as const, message, file: from, line, column }
    })
  })
}

/** Of the matrix that the bundle would be served by; none where that cannot be had, which routing lint is there for. */
async function listRoles(context: CommandContext, bundle: string): Promise<string[]> {
  try {
    // What the settings are warned of is no finding of the bundle.
    const silent = { ...context, terminal: { ...context.terminal, stderr: new PassThrough().resume() } }
    const { options } = await readConfig(silent, { bundle })
    const matrix = await loadMatrix(options.matrix, { directories: options.customRoutingDirs })
    return [...Object.keys(matrix.roles), ...Object.keys(options.routingOverrides ?? {})]
  } catch {
    return []
  }
}
