import { isRecord } from '../lib/index.js'
import type { JsonObject } from '../contract/index.js'
import { createBudget, findPlace, findSchemaProblems, readDocument, type Budget, type Finding, type FindingPlace, type ParsedFile } from '../documents/index.js'
import validate from './generated/bundle.js'

/** What reading a bundle leaves behind: the files it opened and what is to say of them. */
export interface BundleDiagnostics {
  files: string[]
  findings: Finding[]
  /** a file was left out since there were too many */
  full?: boolean
  /** what all files together may cost */
  readonly budget: Budget
  /** what was read already: agents may share a file, and a list may name one often */
  readonly read: Map<string, ParsedFile>
}

export function createDiagnostics(): BundleDiagnostics {
  return { files: [], findings: [], budget: createBudget(), read: new Map() }
}

/** Each file costs little; a list made to exhaust us names thousands. */
export const MAX_FILES = 500

export function report(diagnostics: BundleDiagnostics, message: string, place: FindingPlace, severity: Finding['severity'] = 'error'): void {
  diagnostics.findings.push({ severity, message, ...place })
}

/**
 * A file's mapping, parsed and checked against the bundle schema; undefined, with findings, where it cannot be had.
 * @param options.from the include that names the file, which is where a missing one is reported
 * @param options.wrap what to show the schema instead, such as an agent file as part of a bundle
 */
export async function openBundleFile(
  diagnostics: BundleDiagnostics,
  file: string,
  options: { from?: FindingPlace | undefined; wrap?: (value: unknown) => unknown } = {},
): Promise<{ value: JsonObject; body: string } | undefined> {
  if (diagnostics.files.length >= MAX_FILES) {
    if (!diagnostics.full) report(diagnostics, `more than ${MAX_FILES} files are included`, options.from ?? { file, line: 1, column: 1 })
    diagnostics.full = true
    return undefined
  }
  const known = diagnostics.read.get(file)
  const parsed = known ?? (await readDocument({ file, whose: 'project', budget: diagnostics.budget }))
  diagnostics.read.set(file, parsed)
  if (parsed.absent && options.from) {
    report(diagnostics, `includes ${file}, which doesn't exist`, options.from)
    return undefined
  }
  if (!parsed.absent) diagnostics.files.push(file)
  if (!known) diagnostics.findings.push(...parsed.findings)
  if (parsed.findings.some((finding) => finding.severity === 'error')) return undefined
  const value = parsed.value ?? {}
  const checked = options.wrap?.(value) ?? value
  const problems = validate(checked) ? [] : findSchemaProblems(checked, Reflect.get(validate, 'errors'), file)
  diagnostics.findings.push(...problems)
  return isRecord(value) && problems.length === 0 ? { value, body: parsed.body } : undefined
}

/** The texts under `key`: one, a list, or a list of `{bundle: text}`. */
export function listReferences(value: JsonObject, key: string, file: string): { reference: string; place: FindingPlace }[] {
  const item = value[key]
  const items: unknown[] = Array.isArray(item) ? item.slice(0, MAX_FILES + 1) : [item]
  return items.flatMap((entry, index) => {
    const reference = isRecord(entry) ? entry['bundle'] : entry
    if (typeof reference !== 'string') return []
    return [{ reference, place: findPlace(value, Array.isArray(item) ? [key, index] : [key], file) }]
  })
}
