import type { AST } from 'toml-eslint-parser'
import { createLineIndex } from './line-index.js'
import { attachOrigins, type Origin } from './origin.js'
import { DocumentProblem, MAX_NESTING, quoteKey, type ParseResult, type Source } from './parse-result.js'
import { boundToml } from './scan-toml.js'

/** Parses a TOML 1.1 text into plain values with origins; what is malformed is one finding with line and column. */
export async function parseToml(text: string, source: Source): Promise<ParseResult> {
  const { parseTOML, ParseError } = await import('toml-eslint-parser')
  const place = createLineIndex(text)
  try {
    boundToml(text, source.budget)
    return { value: readProgram(parseTOML(text), (offset) => ({ file: source.file, ...place(offset), whose: source.whose })), findings: [] }
  } catch (error) {
    const problem = error instanceof ParseError ? new DocumentProblem('toml-syntax', describeParseError(error.message), error.index) : error
    if (!(problem instanceof DocumentProblem)) throw error
    return { value: undefined, findings: [{ severity: 'error', message: problem.message, file: source.file, ...place(problem.offset), rule: problem.rule }] }
  }
}

/** The parser's sentences begin with a capital and speak of the text, never quoting it. */
function describeParseError(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1)
}

type Locate = (offset: number) => Origin
type Table = Record<string, unknown>

/** A mapping or list under construction, with the record of origins that it carries. */
interface Holder {
  value: Table | unknown[]
  origins: Record<string, Origin>
}

/** Turns the tree into values. Tables are opened by their whole path each time; the first mention of a key gives its place. */
function readProgram(program: AST.TOMLProgram, locate: Locate): unknown {
  const holders = new Map<object, Holder>()
  const create = (value: Table | unknown[]): Table | unknown[] => {
    const origins: Record<string, Origin> = {}
    holders.set(value, { value: attachOrigins(value, origins), origins })
    return value
  }
  const put = (into: object, key: string | number, value: unknown, offset: number): void => {
    const holder = holders.get(into)
    if (key === '__proto__') throw new DocumentProblem('forbidden-key', '__proto__ cannot be a key', offset)
    if (!holder || Object.hasOwn(holder.value, key)) throw new DocumentProblem('duplicate-key', `the key ${quoteKey(String(key))} stands here twice`, offset)
    Object.assign(holder.value, { [key]: value })
    holder.origins[String(key)] = locate(offset)
  }
  /** The mapping or list at the end of `path`; what is missing on the way comes into being. */
  const open = (from: object, path: readonly (string | number)[], at: { depth: number; offset: number }): object => {
    if (at.depth + path.length > MAX_NESTING) throw new DocumentProblem('too-deep', 'values are nested too deeply', at.offset)
    return path.reduce<object>((holder, key, index) => {
      const known: unknown = Object.hasOwn(holder, key) ? Reflect.get(holder, key) : undefined
      if (typeof known === 'object' && known !== null) return known
      const made = create(typeof path[index + 1] === 'number' ? [] : {})
      put(holder, key, made, at.offset)
      return made
    }, from)
  }
  const readPair = (pair: AST.TOMLKeyValue, table: object, depth: number): void => {
    const [offset] = pair.range
    const keys = pair.key.keys.map(readKey)
    const last = keys.pop() ?? ''
    const holder = open(table, keys, { depth, offset })
    put(holder, last, readValue(pair.value, depth + keys.length + 1), offset)
  }
  const readValue = (node: AST.TOMLContentNode, depth: number): unknown => {
    if (depth > MAX_NESTING) throw new DocumentProblem('too-deep', 'values are nested too deeply', node.range[0])
    if (node.type === 'TOMLValue') return readScalar(node)
    const made = create(node.type === 'TOMLArray' ? [] : {})
    if (node.type === 'TOMLArray') for (const [index, item] of node.elements.entries()) put(made, index, readValue(item, depth + 1), item.range[0])
    else for (const pair of node.body) readPair(pair, made, depth)
    return made
  }
  const root = create({})
  for (const part of program.body[0].body) {
    if (part.type === 'TOMLKeyValue') readPair(part, root, 0)
    else {
      const table = open(root, part.resolvedKey, { depth: 0, offset: part.range[0] })
      for (const pair of part.body) readPair(pair, table, part.resolvedKey.length)
    }
  }
  return root
}

function readKey(key: AST.TOMLBare | AST.TOMLQuoted): string {
  return key.type === 'TOMLBare' ? key.name : key.value
}

function readScalar(node: AST.TOMLValue): unknown {
  switch (node.kind) {
    case 'string':
    case 'boolean':
    case 'float':
      return node.value
    case 'integer':
      if (!Number.isSafeInteger(node.value)) throw new DocumentProblem('number', 'a whole number beyond ±9007199254740991 cannot be kept exactly', node.range[0])
      return node.value
    default:
      // A day or a time, as it is written.
      return node.datetime
  }
}
