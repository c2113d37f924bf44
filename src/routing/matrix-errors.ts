import { isLLMError } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import { checkCandidateConfig, createFieldsReader } from './check-config.js'
import { findMount, type MountedProviders, type MountView } from './find-mount.js'
import { REQUIRED_ROLES } from './matrix.js'
import { readModuleAllowlist } from './module-scope.js'
import { pythonRepr, pythonType } from './python-text.js'

type Fields = Readonly<Record<string, unknown>>

/** What is wrong with a matrix's data in the reference's words; where it stands in the file is `lintMatrix`'s to say. */
export function listMatrixErrors(matrix: Fields): string[] {
  const roles = isRecord(matrix['roles']) ? matrix['roles'] : {}
  const missing = REQUIRED_ROLES.filter((role) => !Object.hasOwn(roles, role)).map((role) => `Required role '${role}' is missing from the matrix.`)
  return [...scopeErrors(matrix), ...missing, ...Object.entries(roles).flatMap(([role, entry]) => roleErrors(role, entry))]
}

function scopeErrors(matrix: Fields): string[] {
  try {
    readModuleAllowlist(matrix)
    return []
  } catch (error) {
    if (isLLMError(error)) return [error.words]
    throw error
  }
}

function roleErrors(role: string, entry: unknown): string[] {
  if (!isRecord(entry)) return [`Role '${role}': expected a mapping, got ${pythonType(entry)}.`]
  const list = entry['candidates']
  const words = Array.isArray(list) ? list.filter((candidate) => candidate === 'base') : []
  return [
    ...(Object.hasOwn(entry, 'description') ? [] : [`Role '${role}': missing 'description'.`]),
    ...(Object.hasOwn(entry, 'candidates') ? [] : [`Role '${role}': missing 'candidates'.`]),
    ...words.map(() =>
      `Role '${role}': 'base' keyword found in matrix file. The 'base' keyword is only valid in user overrides.`),
  ]
}

/** Candidates' settings that the provider which would serve them refuses, in the reference's words. */
export function listConfigErrors(roles: Fields, providers: MountedProviders, mounts: MountView): string[] {
  const fieldsOf = createFieldsReader(providers)
  return Object.entries(roles).flatMap(([role, entry]) => {
    const list: unknown = isRecord(entry) ? entry['candidates'] : undefined
    return (Array.isArray(list) ? list : []).flatMap((candidate: unknown, place) =>
      isRecord(candidate) ? candidateErrors(candidate, `Role '${role}' candidate ${place}`, fieldsOf, mounts) : [])
  })
}

function candidateErrors({ provider, model, config }: Fields, name: string, fieldsOf: (key: string) => readonly unknown[], mounts: MountView): string[] {
  if (typeof provider !== 'string' || typeof model !== 'string' || !isRecord(config)) return []
  const key = findMount(provider, model, mounts)
  if (key === undefined) return []
  return checkCandidateConfig(config, fieldsOf(key)).map((problem) =>
    `${name} (${provider}/${model}): ${problem.key}=${pythonRepr(config[problem.key])} is not valid — allowed: ${problem.choices.join(', ')}`)
}
