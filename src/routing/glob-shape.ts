/** Questions about a pattern that need no list of models: what it takes whatever there is. */
import { compileGlob, isGlob, takes, type GlobToken } from './glob.js'

/**
 * Whether every name that `narrow` takes is taken by `wide` too. Never wrongly yes; of sets it knows only
 * those whose members it can count, so it may answer no where yes were true.
 */
export function coversPattern(wide: string, narrow: string): boolean {
  const outer = compileGlob(wide).tokens
  const inner = compileGlob(narrow).tokens
  // reach[i]: the first `i` tokens of the outer pattern can have taken the inner ones so far.
  let reach = closeOverStars(outer, new Set([0]))
  for (const token of inner) {
    const next = new Set<number>()
    for (const at of reach) {
      const taker = outer[at]
      if (taker === undefined) continue
      if (taker.kind === 'star') next.add(at)
      else if (tokenCovers(taker, token)) next.add(at + 1)
    }
    reach = closeOverStars(outer, next)
  }
  return reach.has(outer.length)
}

/** A star may take nothing, so what stands before it also stands behind it. */
function closeOverStars(tokens: readonly GlobToken[], places: ReadonlySet<number>): Set<number> {
  const closed = new Set(places)
  for (const at of closed) if (tokens[at]?.kind === 'star') closed.add(at + 1)
  return closed
}

function tokenCovers(wide: GlobToken, narrow: GlobToken): boolean {
  if (narrow.kind === 'star') return false
  if (wide.kind === 'any') return true
  if (narrow.kind === 'character') return takes(wide, narrow.code)
  if (narrow.kind !== 'set' || narrow.negated) return false
  const members = narrow.ranges.reduce((sum, [low, high]) => sum + high - low + 1, 0)
  if (members === 0 || members > MAX_COUNTED_MEMBERS) return false
  return narrow.ranges.every(([low, high]) => {
    for (let code = low; code <= high; code += 1) if (!takes(wide, code)) return false
    return true
  })
}

const MAX_COUNTED_MEMBERS = 256

/**
 * True for a pattern like `gpt-?.?-mini`: a place where one digit stands for a version number, so that 5.10 or
 * 10.1 falls through it.
 */
export function hasOneDigitVersion(pattern: string): boolean {
  const { tokens } = compileGlob(pattern)
  return tokens.some((token, at) => {
    if (token.kind !== 'any' && !isAnyDigit(token)) return false
    return isBoundary(tokens[at - 1], 'before') && isBoundary(tokens[at + 1], 'after')
  })
}

/** `[0-9]`, and not a choice of digits such as `[4-6]`, which is meant. */
function isAnyDigit(token: GlobToken): boolean {
  return token.kind === 'set' && !token.negated && DIGITS.every((digit) => takes(token, digit))
}

/** Whether a version number may begin or end here. A star beside it takes further digits; letters before may (o3). */
function isBoundary(token: GlobToken | undefined, side: 'before' | 'after'): boolean {
  if (token === undefined) return true
  if (token.kind !== 'character') return false
  const character = String.fromCodePoint(token.code)
  return '.-_:/@ '.includes(character) || (side === 'before' && /[a-z]/.test(character))
}

const DIGITS = [...'0123456789'].map((digit) => digit.codePointAt(0)!)

/** Kinds of names that a pattern takes although it says nothing of them. */
export function listExtras(pattern: string): string[] {
  if (!isGlob(pattern)) return []
  const glob = compileGlob(pattern)
  const text = pattern.toLowerCase()
  const samples = SAMPLE_VERSIONS.map((version) => sampleName(glob.tokens, version))
  const extras = EXTRAS.filter(({ word, suffixes }) =>
    !text.includes(word) && samples.some((sample) => suffixes.some((suffix) => glob.matches(sample + suffix))))
  return extras.map(({ name }) => name)
}

const SAMPLE_VERSIONS = ['', '5']
const EXTRAS = [
  { name: '-mini', word: 'mini', suffixes: ['-mini'] },
  { name: '-fast', word: 'fast', suffixes: ['-fast'] },
  { name: 'dated', word: '20', suffixes: ['-20260305', '-2026-03-05'] },
]

/** A name that the pattern takes, with `star` in place of each star. */
function sampleName(tokens: readonly GlobToken[], star: string): string {
  return tokens
    .map((token) => {
      switch (token.kind) {
        case 'character':
          return String.fromCodePoint(token.code)
        case 'star':
          return star
        case 'any':
          return '5'
        default:
          return String.fromCodePoint(SAMPLE_CODES.find((code) => takes(token, code)) ?? token.ranges[0]?.[0] ?? 0x35)
      }
    })
    .join('')
}

/** The characters that a pattern names, in order. */
export function lettersOf(pattern: string): string {
  return compileGlob(pattern).tokens.map((token) => (token.kind === 'character' ? String.fromCodePoint(token.code) : '')).join('')
}

const SAMPLE_CODES = [...'5604123789abcdefghijklmnopqrstuvwxyz-.'].map((character) => character.codePointAt(0)!)
