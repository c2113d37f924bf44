import type { LineCounter } from 'yaml'
import { MAX_NESTING, readYamlTokens } from '../documents/index.js'
import { inspectNodes } from './inspect-nodes.js'

export type MatrixPath = readonly (string | number)[]

export interface SourcePosition {
  /** from 1 */
  line: number
  /** from 1 */
  column: number
}

/** Something wrong in a matrix's text or data. */
export interface MatrixProblem {
  rule: string
  message: string
  path?: MatrixPath
  line?: number
  column?: number
}

export interface ParsedMatrix {
  /** undefined where the text could not be read as YAML */
  data: unknown
  problems: MatrixProblem[]
  /** Where a value stands; a path that leads nowhere answers the place where it stopped. */
  locate(path: MatrixPath): SourcePosition
}

const MAX_PROBLEMS = 100

/**
 * YAML text to data, with the place of every value. All that is wrong comes back as problems with line and
 * column: syntax, tabs, duplicate keys, keys that are no text, aliases that expand without bound.
 * The parser is loaded at the first call: it takes 24 ms, half of what `undici` takes.
 */
export async function parseMatrix(text: string): Promise<ParsedMatrix> {
  const yaml = await import('yaml')
  const lines = new yaml.LineCounter()
  const nul = text.indexOf('\0')
  // Keys and aliases are checked by inspectNodes: the library's own key check compares every pair, 0.6 s for 1 MB of roles.
  const options = { merge: true, uniqueKeys: false, prettyErrors: false, logLevel: 'error' } as const
  const tokens = readYamlTokens(yaml, text, { lines, maxNesting: MAX_NESTING })
  if (!Array.isArray(tokens)) return fail({ rule: 'yaml-syntax', message: tokens.problem, ...place(lines, tokens.offset) })
  const documents = new yaml.Composer(options).compose(tokens, true, text.length)
  const document = documents.next().value
  if (!document) return { data: undefined, problems: [], locate: START }
  const second = documents.next().value
  if (second) return fail({ rule: 'yaml-syntax', message: SYNTAX_WORDS['MULTIPLE_DOCS'] ?? '', ...place(lines, second.range[0]) })
  const problems: MatrixProblem[] = document.errors.slice(0, MAX_PROBLEMS).map((error) => ({
    rule: 'yaml-syntax',
    message: SYNTAX_WORDS[error.code] ?? error.message,
    ...place(lines, error.pos[0]),
  }))
  if (nul >= 0) problems.unshift(nulProblem(text, nul))
  if (problems.length > 0) return { data: undefined, problems, locate: START }
  const nodes = inspectNodes(yaml, document.contents)
  const locate = (path: MatrixPath): SourcePosition => place(lines, nodes.offsetOf(path))
  if (nodes.problems.length > 0) {
    const located = nodes.problems.slice(0, MAX_PROBLEMS).map((problem) => {
      const first = problem.firstOffset === undefined ? '' : `, first in line ${place(lines, problem.firstOffset).line}`
      return { rule: problem.rule, message: problem.message + first, ...place(lines, problem.offset) }
    })
    return { data: undefined, problems: located, locate }
  }
  return { data: document.toJS({ maxAliasCount: -1 }) as unknown, problems: [], locate }
}

const START = (): SourcePosition => ({ line: 1, column: 1 })

function fail(problem: MatrixProblem): ParsedMatrix {
  return { data: undefined, problems: [problem], locate: START }
}

const SYNTAX_WORDS: Readonly<Partial<Record<string, string>>> = {
  TAB_AS_INDENT: 'a tab is used as indentation; YAML takes spaces only',
  MULTIPLE_DOCS: 'the file holds more than one YAML document; a matrix is one',
  RESOURCE_EXHAUSTION: 'values are nested too deeply',
}

function nulProblem(text: string, at: number): MatrixProblem {
  const before = text.slice(0, at)
  const line = before.split('\n').length
  return { rule: 'yaml-syntax', message: 'a NUL byte: this is no text', line, column: at - before.lastIndexOf('\n') }
}

function place(lines: LineCounter, offset: number): SourcePosition {
  const { line, col } = lines.linePos(offset)
  return line < 1 ? { line: 1, column: 1 } : { line, column: col }
}
