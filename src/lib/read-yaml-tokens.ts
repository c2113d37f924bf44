import type * as Yaml from 'yaml'

/**
 * The tokens of a YAML text, ready for `new yaml.Composer().compose(tokens)`, or the offset at which the text nests
 * deeper than `maxNesting` collections. Asked before composing, which recurses until the stack is used up: texts of 2,000
 * open brackets and dashes, parsed in turn, made V8 end the process, since it compiled a regular expression with no stack
 * left, and no handler catches that.
 *
 * @param yaml the module, loaded by the caller, so that this file loads nothing
 */
export function readYamlTokens(
  yaml: typeof Yaml,
  text: string,
  options: { lines: Yaml.LineCounter; maxNesting: number },
): Yaml.CST.Token[] | number {
  const parser = new yaml.Parser(options.lines.addNewLine)
  const tokens: Yaml.CST.Token[] = []
  options.lines.addNewLine(0)
  for (const lexeme of new yaml.Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme))
    // The document, a value that is no collection and one below the limit stand on the stack too.
    if (parser.stack.length > options.maxNesting + 3) return parser.offset
  }
  return [...tokens, ...parser.end()]
}
