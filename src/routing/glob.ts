/**
 * A shell glob with Python's `fnmatch` rules, case-insensitive: `*` and `?` take any character, `[…]` and
 * `[!…]` are sets, an unclosed `[` is literal; braces, `!`, `#`, extglobs and backslashes mean nothing.
 *
 * Neither minimatch nor a RegExp: the first knows paths, braces and POSIX classes whose escaping cannot be
 * made exact, and both can take exponential time on a hostile pattern; this is at most pattern × name.
 */

/** Inclusive code point ranges. */
type Ranges = readonly (readonly [low: number, high: number])[]

export type GlobToken =
  | { kind: 'character'; code: number }
  | { kind: 'any' }
  | { kind: 'star' }
  | { kind: 'set'; negated: boolean; ranges: Ranges }

export interface Glob {
  readonly tokens: readonly GlobToken[]
  /** @param name lower-cased, as {@link foldCase} does it */
  matches(name: string): boolean
}

/** True where the text is a pattern rather than a model's name. */
export function isGlob(text: string): boolean {
  return text.includes('*') || text.includes('?') || text.includes('[')
}

/** The one way in which patterns and names are made comparable. */
export function foldCase(text: string): string {
  return text.toLowerCase()
}

/** Whether a model id matches a pattern; a pattern without `* ? [` matches its own name in any case. */
export function matchesGlob(pattern: string, modelId: string): boolean {
  return compileGlob(pattern).matches(foldCase(modelId))
}

export function compileGlob(pattern: string): Glob {
  const tokens = tokenize([...foldCase(pattern)].map(codePoint))
  return { tokens, matches: (name) => matchTokens(tokens, name) }
}

function tokenize(codes: readonly number[]): GlobToken[] {
  const tokens: GlobToken[] = []
  let at = 0
  while (at < codes.length) {
    const code = codes[at]!
    at += 1
    if (code === STAR) {
      if (tokens.at(-1)?.kind !== 'star') tokens.push({ kind: 'star' })
    } else if (code === QUESTION) tokens.push({ kind: 'any' })
    else if (code === OPEN) {
      const close = findClose(codes, at)
      if (close === undefined) tokens.push({ kind: 'character', code })
      else {
        tokens.push(readSet(codes.slice(at, close)))
        at = close + 1
      }
    } else tokens.push({ kind: 'character', code })
  }
  return tokens
}

/** The set's `]`: one that stands first, or right after `!`, belongs to the set. */
function findClose(codes: readonly number[], start: number): number | undefined {
  let at = start
  if (codes[at] === BANG) at += 1
  if (codes[at] === CLOSE) at += 1
  const close = codes.indexOf(CLOSE, at)
  return close < 0 ? undefined : close
}

/** A range whose ends are in the wrong order holds nothing; a `-` at either end stands for itself. */
function readSet(body: readonly number[]): GlobToken {
  const negated = body[0] === BANG
  const members = negated ? body.slice(1) : body
  const ranges: [number, number][] = []
  let at = 0
  while (at < members.length) {
    const low = members[at]!
    const high = members[at + 2]
    if (members[at + 1] === DASH && high !== undefined) {
      if (low <= high) ranges.push([low, high])
      at += 3
    } else {
      ranges.push([low, low])
      at += 1
    }
  }
  return { kind: 'set', negated, ranges }
}

/** Greedy with one remembered star: going back to the last star alone is enough for globs. */
function matchTokens(tokens: readonly GlobToken[], name: string): boolean {
  let token = 0
  let at = 0
  let starToken = -1
  let starAt = 0
  while (at < name.length) {
    const code = name.codePointAt(at)!
    const current = tokens[token]
    if (current !== undefined && current.kind === 'star') {
      starToken = token
      starAt = at
      token += 1
    } else if (current !== undefined && takes(current, code)) {
      token += 1
      at += width(code)
    } else if (starToken >= 0) {
      token = starToken + 1
      starAt += width(name.codePointAt(starAt)!)
      at = starAt
    } else return false
  }
  while (tokens[token]?.kind === 'star') token += 1
  return token === tokens.length
}

/** Whether a token that is no star takes this code point. */
export function takes(token: GlobToken, code: number): boolean {
  switch (token.kind) {
    case 'character':
      return token.code === code
    case 'set':
      return token.ranges.some(([low, high]) => code >= low && code <= high) !== token.negated
    default:
      return true
  }
}

const codePoint = (character: string): number => character.codePointAt(0)!
const width = (code: number): number => (code > 0xffff ? 2 : 1)
const STAR = codePoint('*')
const QUESTION = codePoint('?')
const OPEN = codePoint('[')
const CLOSE = codePoint(']')
const BANG = codePoint('!')
const DASH = codePoint('-')
