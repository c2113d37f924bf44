import { ConfigurationError } from '../contract/index.js'

/** One thing that is wrong, or worth a word, in a configuration file. */
export interface Finding {
  severity: 'error' | 'warning'
  message: string
  file: string
  /** from 1 */
  line: number
  /** from 1 */
  column: number
}

export type FindingPlace = Pick<Finding, 'file' | 'line' | 'column'>

/** `file:line:column: message`, as editors and terminals link it. */
export function describeFinding(finding: Finding): string {
  return `${finding.file}:${finding.line}:${finding.column}: ${finding.message}`
}

/** The error for the first finding that is one, with a word on how many more there are; undefined where none is. */
export function buildFindingsError(findings: readonly Finding[]): ConfigurationError | undefined {
  const errors = findings.filter((finding) => finding.severity === 'error')
  const first = errors[0]
  if (!first) return undefined
  const more = errors.length === 1 ? '' : ` (and ${errors.length - 1} more)`
  return new ConfigurationError(describeFinding(first) + more, { code: 'invalid_configuration' })
}
