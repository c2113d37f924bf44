import type { Finding } from './finding.js'
import type { Whose } from './origin.js'

/** The file that a text came from, and whose text it is. */
export interface Source {
  file: string
  whose: Whose
}

/** A parsed text: plain values whose mappings and lists carry the origins of their keys. */
export interface Parsed {
  /** undefined where a finding is an error */
  value: unknown
  findings: Finding[]
}

/** More than any real file; deeper ones are made to exhaust a parser. */
export const MAX_NESTING = 64
