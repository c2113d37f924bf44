import { ConfigurationError } from '../contract/index.js'
import { sanitizeLine } from '../lib/index.js'
import { describeOrigin, type Origin, type Place } from './origin.js'

/** One thing that is wrong, or worth a word, with a value: what every reader, validator and judge answers. */
export interface ValueFinding {
  severity: 'error' | 'warning'
  message: string
  /** dotted, from the root of what was looked at, such as `routing_overrides.fast.0.model` */
  path?: string
  /** where the value was written; absent for what came from code */
  origin?: Origin
  /** what kind of finding it is, in a word or two with dashes, such as `duplicate-key`; absent where the message is all there is */
  rule?: string
  /** what to write instead */
  hint?: string
}

/** A finding with its place in a document. */
export interface Finding extends ValueFinding {
  file: string
  /** from 1 */
  line: number
  /** from 1 */
  column: number
}

export type FindingPlace = Place

/** Findings of one document beyond this number are not listed: a file with more is wrong as a whole. */
export const MAX_FINDINGS = 100

/** `file:line:column: message`, as editors and terminals link it; the message alone for what came from code. One line without control characters. */
export function describeFinding(finding: Finding | ValueFinding): string {
  const place = 'file' in finding ? finding : finding.origin
  return sanitizeLine(place === undefined ? finding.message : `${describeOrigin(place)}: ${finding.message}`)
}

/** The finding with the place of its value, or what holds it; in the first line of `file` where none is known. */
export function placeFinding({ origin, ...finding }: ValueFinding, file: string, holder?: Origin): Finding {
  const { file: written = file, line = 1, column = 1 } = origin ?? holder ?? {}
  return { ...finding, file: written, line, column }
}

/**
 * For findings that are errors.
 * @throws ConfigurationError with the first of them and a word on how many more there are
 */
export function throwErrors(findings: readonly (Finding | ValueFinding)[], code = 'invalid_configuration'): void {
  const errors = findings.filter(({ severity }) => severity === 'error')
  const [first] = errors
  if (!first) return
  const more = errors.length === 1 ? '' : ` (and ${errors.length - 1} more)`
  throw new ConfigurationError(describeFinding(first) + more, { code })
}
