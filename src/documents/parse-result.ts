import { stringifyPrintable } from '../lib/index.js'
import type { Finding } from './finding.js'
import type { Budget } from './budget.js'
import type { Whose } from './origin.js'

/** The file that a text came from, and whose text it is. */
export interface Source {
  file: string
  whose: Whose
  /** what it may cost together with others; default: as much as one document may */
  budget?: Budget
}

/** A parsed text: plain values whose mappings and lists carry the origins of their keys. */
export interface ParseResult {
  /** undefined where a finding is an error */
  value: unknown
  findings: Finding[]
}

/** More than any real file; deeper ones are made to exhaust a parser. */
export const MAX_NESTING = 64

/** A text that cannot be read, at an offset of it. */
export class DocumentProblem extends Error {
  constructor(readonly rule: string, message: string, readonly offset: number) {
    super(message)
  }
}

const SHOWN_KEY = 60

/** A document, or those that are read together, has more in it than may be read. */
export function tooManyValues(budget: Budget, offset: number): DocumentProblem {
  const what = budget.values === Infinity ? 'the document holds' : 'this and the files read with it hold'
  return new DocumentProblem('too-large', `${what} more values than any real one`, offset)
}

/** A key or name for a message; a file's may be as long as the file. */
export function shorten(name: string): string {
  return name.length > SHOWN_KEY ? `${name.slice(0, SHOWN_KEY)}…` : name
}

/** A key for a message, in quotes. */
export function quoteKey(key: string): string {
  return stringifyPrintable(shorten(key))
}
