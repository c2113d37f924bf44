import { ConfigurationError } from '../contract/index.js'

/** One thing that is wrong, or worth a word, in a document. */
export interface Finding {
  severity: 'error' | 'warning'
  message: string
  file: string
  /** from 1 */
  line: number
  /** from 1 */
  column: number
  /** what kind of finding it is, in a word or two with dashes, such as `duplicate-key`; absent where the message is all there is */
  rule?: string
  /** what to write instead */
  hint?: string
}

export type FindingPlace = Pick<Finding, 'file' | 'line' | 'column'>

/** Findings of one document beyond this number are not listed: a file with more is wrong as a whole. */
export const MAX_FINDINGS = 100

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
