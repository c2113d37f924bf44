import type * as Yaml from 'yaml'
import { spend, UNBOUNDED, type Budget } from './budget.js'
import { MAX_FINDINGS } from './finding.js'
import { DocumentProblem, MAX_NESTING, tooManyValues } from './parse-result.js'

/** The package as both Node and a bundle of it give it: what it exports, under its default. */
export type YamlLibrary = Omit<typeof Yaml, 'default'>

/**
 * Bounds what composing costs: the library takes some 10 µs a lexeme, and a matrix of 13 roles has 2,000 of them, so that the
 * largest document that is read takes a quarter of a second.
 */
const MAX_LEXEMES = 24_000
/** The same for what the lexer passes over quickly, such as the lines of one long text. */
const MAX_CHARACTERS = 512 * 1024

/**
 * The tokens of a YAML text, ready for `new yaml.Composer().compose(tokens)`, and how many words and signs they are. Bounded before composing, which recurses until
 * the stack is used up: texts of 2,000 open brackets and dashes, parsed in turn, made V8 end the process, since it compiled a
 * regular expression with no stack left, and no handler catches that.
 *
 * @param yaml the module, loaded by the caller, so that this file loads nothing
 * @throws DocumentProblem for a text that is too long, nests too deeply or has more words and signs than any real one
 */
export function readYamlTokens(yaml: YamlLibrary, text: string, budget: Budget = UNBOUNDED): { tokens: Yaml.CST.Token[]; lexemes: number } {
  if (text.length > MAX_CHARACTERS) throw new DocumentProblem('too-large', `the YAML is longer than ${MAX_CHARACTERS / 1024} KiB`, 0)
  const parser = new yaml.Parser()
  const tokens: Yaml.CST.Token[] = []
  let lexemes = 0
  let faults = 0
  for (const lexeme of new yaml.Lexer().lex(text)) {
    if (++lexemes > MAX_LEXEMES || lexemes > budget.values) {
      spend(budget, 'values', lexemes)
      throw tooManyValues(lexemes > MAX_LEXEMES ? UNBOUNDED : budget, parser.offset)
    }
    for (const token of parser.next(lexeme)) {
      tokens.push(token)
      if (token.type === 'error') faults += 1
    }
    // The document, a value that is no collection and one below the limit stand on the stack too.
    if (parser.stack.length > MAX_NESTING + 3) throw new DocumentProblem('too-deep', 'values are nested too deeply', parser.offset)
    // What follows adds nothing that would be listed, and costs the more, the more is wrong.
    if (faults > MAX_FINDINGS) break
  }
  spend(budget, 'values', lexemes)
  return { tokens: [...tokens, ...parser.end()], lexemes }
}
