import type * as Yaml from 'yaml'

/**
 * Bounds what composing costs: the library takes some 3 µs a lexeme, and a matrix of 13 roles has 2,000 of them, so that the
 * largest document that is read takes a fifth of a second.
 */
const MAX_LEXEMES = 64_000

/**
 * The tokens of a YAML text, ready for `new yaml.Composer().compose(tokens)`, or why it is not read: it nests deeper than
 * `maxNesting` collections, or has more than {@link MAX_LEXEMES} words and signs. Asked before composing, which recurses until the stack is used up: texts of 2,000
 * open brackets and dashes, parsed in turn, made V8 end the process, since it compiled a regular expression with no stack
 * left, and no handler catches that.
 *
 * @param yaml the module, loaded by the caller, so that this file loads nothing
 */
export function readYamlTokens(
  yaml: typeof Yaml,
  text: string,
  options: { lines: Yaml.LineCounter; maxNesting: number },
): Yaml.CST.Token[] | { problem: string; offset: number } {
  const parser = new yaml.Parser(options.lines.addNewLine)
  const tokens: Yaml.CST.Token[] = []
  options.lines.addNewLine(0)
  let lexemes = 0
  for (const lexeme of new yaml.Lexer().lex(text)) {
    if (++lexemes > MAX_LEXEMES) return { problem: 'the document holds more values than any real one', offset: parser.offset }
    tokens.push(...parser.next(lexeme))
    // The document, a value that is no collection and one below the limit stand on the stack too.
    if (parser.stack.length > options.maxNesting + 3) return { problem: 'values are nested too deeply', offset: parser.offset }
  }
  return [...tokens, ...parser.end()]
}
