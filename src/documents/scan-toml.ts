import { spend, UNBOUNDED, type Budget } from './budget.js'
import { DocumentProblem, MAX_NESTING, tooManyValues } from './parse-result.js'

/**
 * Brackets, commas, dots and signs outside of strings and comments. The parser takes some 10 µs a value and a bundle of five
 * agents has 200 signs, so that the largest text that is read takes a fifth of a second.
 */
const MAX_SIGNS = 12_000
/** The parser makes a token of every character. */
const MAX_CHARACTERS = 64 * 1024

/** Strings, comments, and what shapes a value. A string without its end goes to the end of its line, or of the text. */
const SIGNS = /"""(?:\\[^]|[^\\])*?(?:"{3,5}(?!")|$)|'''[^]*?(?:'{3,5}(?!')|$)|"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?|#[^\n]*|[[\]{},.=]/g

/**
 * Refuses a TOML text that nests deeper than {@link MAX_NESTING}, is longer than 64 KiB or holds more values than any real one.
 * Asked before parsing, since the parser checks keys by recursion until the stack is used up.
 * @throws DocumentProblem
 */
export function boundToml(text: string, budget: Budget = UNBOUNDED): void {
  if (text.length > MAX_CHARACTERS) throw new DocumentProblem('too-large', `the TOML is longer than ${MAX_CHARACTERS / 1024} KiB`, 0)
  let depth = 0
  let signs = 0
  for (const { 0: sign, index } of text.matchAll(SIGNS)) {
    if (/^["'#]/.test(sign)) continue
    if (++signs > MAX_SIGNS || signs > budget.values) {
      spend(budget, 'values', signs)
      throw tooManyValues(signs > MAX_SIGNS ? UNBOUNDED : budget, index)
    }
    if (sign === '[' || sign === '{') depth += 1
    if (sign === ']' || sign === '}') depth = Math.max(0, depth - 1)
    if (depth > MAX_NESTING) throw new DocumentProblem('too-deep', 'values are nested too deeply', index)
  }
  spend(budget, 'values', signs)
}
