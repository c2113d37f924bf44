import { attachOrigins, noteOwnOrigin, type Origin } from './origin.js'

/**
 * The YAML that configuration is mostly written in: block mappings and lists, words, quoted texts and flow collections that
 * end in their line, comments. Everything else (and everything wrong) is the library's to read and to judge.
 *
 * Reading twice what one library could is for the first mount of a process: the library's code, cold, takes some 30 ms of
 * processor time for a matrix, this one 2. A test holds both against each other, over real files and changed ones.
 */

export interface PlainYaml {
  value: object
  /** about as many words and signs as the library's lexer finds, for budgets */
  lexemes: number
}

/** A text longer than any settings file: what it costs is bounded by the library's reader. */
const MAX_CHARACTERS = 64 * 1024
const MAX_DEPTH = 32
/** No tabs, no carriage returns, no characters that are no letters or signs, no separators but the space. */
const READABLE = /^[\n\x20-\x7e\u00a1-\u167f\u2010-\u2027\u2030-\u205e\u2070-\u2fff\u3001-\ud7ff]*$/
const KEY = /^(?:([A-Za-z_][\w./*+@-]*)|"([^"\\]*)"|'([^']*)'):(?: +|$)/
/** Words that are no texts in any case or spelling; as keys too. */
const NO_TEXT = /^(?:~|null|true|false)$/i
const INTEGER = /^(?:0|-?[1-9]\d{0,14})$/
const DECIMAL = /^\d{1,9}\.\d{1,6}$/
/** Whatever the core schema reads as a number. */
const NUMERIC = /^(?:[-+]?\d+|0o[0-7]+|0x[\da-fA-F]+|[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?|[-+]?\.inf|\.nan)$/i
const WORD_START = /^(?:[\w./~\u00a1-\ud7ff]|-\d)/
const QUOTED = /^(?:"([^"\\]*)"|'((?:[^']|'')*)')/
const MAX_KEY = 128

/** Not plain: the library reads the text. */
const OTHERWISE = Symbol('otherwise')

interface Line {
  /** from 1 */
  number: number
  indent: number
  /** from the first character that is no space; comments and spaces at its end included */
  text: string
}

interface Cursor {
  readonly lines: readonly Line[]
  at: number
  lexemes: number
  readonly locate: (line: number, column: number) => Origin
}

/** @param locate the origin of a place of the text, line and column from 1 */
export function readPlainYaml(text: string, locate: Cursor['locate']): PlainYaml | undefined {
  if (text.length > MAX_CHARACTERS || !READABLE.test(text)) return undefined
  const lines = text.split('\n').flatMap((line, place): Line[] => {
    const content = line.trimStart()
    return content === '' || content.startsWith('#') ? [] : [{ number: place + 1, indent: line.length - content.length, text: content }]
  })
  const [first] = lines
  if (first === undefined || first.indent !== 0) return undefined
  const cursor: Cursor = { lines, at: 0, lexemes: 0, locate }
  try {
    const value = readBlock(cursor, first, 0)
    if (cursor.at < lines.length) return undefined
    return { value: noteOwnOrigin(value, locate(first.number, 1)), lexemes: cursor.lexemes }
  } catch (error) {
    if (error === OTHERWISE) return undefined
    throw error
  }
}

function otherwise(): never {
  throw OTHERWISE // a way out, caught above; no fault has been met
}

function readBlock(cursor: Cursor, line: Line, depth: number): object {
  if (depth > MAX_DEPTH) otherwise()
  return isItem(line) ? readList(cursor, line.indent, depth) : readMapping(cursor, line, depth)
}

function isItem({ text }: Line): boolean {
  return text.startsWith('- ')
}

/** @param line the first, which may be the rest of a list's item */
function readMapping(cursor: Cursor, line: Line, depth: number): object {
  const value: Record<string, unknown> = {}
  const origins: Record<string, Origin> = {}
  const { indent } = line
  for (let next: Line | undefined = line; next?.indent === indent && !isItem(next); next = cursor.lines[cursor.at]) {
    const { key, length } = readKey(next.text, value)
    origins[key] = cursor.locate(next.number, indent + 1)
    cursor.at += 1
    cursor.lexemes += 5
    value[key] = readValue(cursor, { ...next, text: next.text.slice(length) }, length, depth)
  }
  return attachOrigins(value, origins)
}

/** The key that a text begins with, and what it takes of the text, colon and spaces included. */
function readKey(text: string, taken: object): { key: string; length: number } {
  const found = KEY.exec(text)
  if (found === null) return otherwise()
  const [written, bare, double, single] = found
  const key = bare ?? double ?? single ?? ''
  if (key.length > MAX_KEY || NO_TEXT.test(bare ?? '') || key === '__proto__' || key === '<<' || Object.hasOwn(taken, key)) otherwise()
  return { key, length: written.length }
}

/** What stands after a key, in its line or below it. */
function readValue(cursor: Cursor, line: Line, skipped: number, depth: number): unknown {
  const below = cursor.lines[cursor.at]
  if (line.text !== '' && !line.text.startsWith('#')) {
    if (below !== undefined && below.indent > line.indent) otherwise()
    return readInLine(cursor, line, line.indent + skipped, depth + 1)
  }
  if (below === undefined || below.indent < line.indent) return null
  if (below.indent === line.indent) return isItem(below) ? readBlock(cursor, below, depth + 1) : null
  return readBlock(cursor, below, depth + 1)
}

function readList(cursor: Cursor, indent: number, depth: number): unknown[] {
  const items: unknown[] = []
  const origins: Record<string, Origin> = {}
  for (let line = cursor.lines[cursor.at]; line?.indent === indent && isItem(line); line = cursor.lines[cursor.at]) {
    const text = line.text.slice(1).trimStart()
    const rest: Line = { number: line.number, indent: indent + line.text.length - text.length, text }
    if (text === '' || text.startsWith('#') || isItem(rest) || text === '-') otherwise()
    origins[items.length] = cursor.locate(rest.number, rest.indent + 1)
    cursor.lexemes += 3
    if (KEY.test(text)) {
      if (depth > MAX_DEPTH) otherwise()
      items.push(readMapping(cursor, rest, depth + 1))
      continue
    }
    cursor.at += 1
    const below = cursor.lines[cursor.at]
    if (below !== undefined && below.indent > indent) otherwise()
    items.push(readInLine(cursor, rest, rest.indent, depth + 1))
  }
  return attachOrigins(items, origins)
}

/** A value that ends in its line, a comment after it or not. */
function readInLine(cursor: Cursor, line: Line, column: number, depth: number): unknown {
  const { text } = line
  const isFlow = text.startsWith('[') || text.startsWith('{')
  if (isFlow || QUOTED.test(text)) {
    const flow = createFlow(cursor, line, column)
    const value = isFlow ? flow.read(depth) : flow.readQuoted()
    if (!/^ *(?: #.*)?$/.test(text.slice(flow.end()))) otherwise()
    return value
  }
  cursor.lexemes += 3
  const comment = text.indexOf(' #')
  return readWord((comment < 0 ? text : text.slice(0, comment)).trimEnd())
}

/** A text without quotes, or what the core schema makes of it. */
function readWord(word: string): unknown {
  if (!WORD_START.test(word) || word.includes(': ') || word.endsWith(':') || word.startsWith('...')) otherwise()
  if (NO_TEXT.test(word)) return readConstant(word)
  if (!NUMERIC.test(word)) return word
  return INTEGER.test(word) || DECIMAL.test(word) ? Number(word) : otherwise()
}

function readConstant(word: string): boolean | null {
  switch (word) {
    case 'true': return true
    case 'false': return false
    case 'null': case '~': return null
    default: return otherwise()
  }
}

/** Reads lists and mappings in brackets from the beginning of the line's text. */
function createFlow(cursor: Cursor, line: Line, column: number) {
  const { text } = line
  let at = 0
  const skipSpaces = (): void => { while (text[at] === ' ') at += 1 }
  const locate = (): Origin => cursor.locate(line.number, column + at + 1)
  const readQuoted = (): string => {
    const [written, double, single] = QUOTED.exec(text.slice(at)) ?? otherwise()
    at += written.length
    cursor.lexemes += 2
    return double ?? (single ?? '').replaceAll("''", "'")
  }
  const readFlowWord = (): unknown => {
    const [word] = /^[^,[\]{}:#"'&*!|>%@`]+[^,[\]{}:#]*/.exec(text.slice(at)) ?? otherwise()
    at += word.length
    cursor.lexemes += 2
    // A colon or a sign of comment inside of a word is the library's to judge.
    if (at >= text.length || text[at] === ':' || text[at] === '#') otherwise()
    return readWord(word.trimEnd())
  }
  const read = (depth: number): unknown => {
    if (depth > MAX_DEPTH) otherwise()
    if (text[at] === '[') return readEntries(']', depth, [], (items) => [items.length, read])
    if (text[at] === '{') return readEntries('}', depth, {}, readFlowKey)
    return text[at] === '"' || text[at] === "'" ? readQuoted() : readFlowWord()
  }
  const readFlowKey = (taken: object): [string, typeof read] => {
    const { key, length } = readKey(text.slice(at), taken)
    return [key, (depth) => {
      at += length
      return read(depth)
    }]
  }
  function readEntries<Into extends object>(close: string, depth: number, into: Into, next: (into: Into) => [string | number, typeof read]): Into {
    const origins: Record<string, Origin> = {}
    cursor.lexemes += 2
    at += 1
    skipSpaces()
    while (text[at] !== close) {
      const [key, readEntry] = next(into)
      origins[key] = locate()
      Reflect.set(into, key, readEntry(depth + 1))
      cursor.lexemes += 2
      skipSpaces()
      if (text[at] === close) break
      if (text[at] !== ',') otherwise()
      at += 1
      skipSpaces()
      if (text[at] === close) otherwise()
    }
    at += 1
    return attachOrigins(into, origins)
  }
  return { read, readQuoted, end: () => at }
}
