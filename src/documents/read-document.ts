import { extname } from 'node:path'
import type { ParseResult, Source } from './parse-result.js'
import { parseToml } from './parse-toml.js'
import { parseYaml } from './parse-yaml.js'
import { readDocumentText, type TextReason } from './read-text.js'
import { splitFrontMatter } from './split-front-matter.js'

export interface ParsedText extends ParseResult {
  /** what follows the front matter of a Markdown file, trimmed; empty elsewhere */
  body: string
}

export interface ParsedFile extends ParsedText {
  /** true where the file doesn't exist */
  absent: boolean
}

/** By the file's ending: Markdown with YAML front matter, TOML, else YAML. Never throws for what a file may hold. */
export async function readDocument(source: Source): Promise<ParsedFile> {
  const answer = await readDocumentText(source.file, source.budget)
  if ('text' in answer) return { ...(await parseDocument(answer.text, source)), absent: false }
  const { problem, reason, line, column } = answer
  return {
    value: undefined, body: '', absent: reason === 'absent',
    findings: [{ severity: 'error', message: `the file ${problem}`, file: source.file, line, column, rule: RULES[reason] }],
  }
}

const RULES: Readonly<Record<TextReason, string>> = { absent: 'unreadable', unreadable: 'unreadable', encoding: 'encoding', too_large: 'too-large' }

/** The text of a document as {@link readDocument} reads it. */
export async function parseDocument(text: string, source: Source): Promise<ParsedText> {
  const fail = (message: string, line: number, column: number): ParsedText => (
    { value: undefined, body: '', findings: [{ severity: 'error', message, file: source.file, line, column, rule: 'encoding' }] })
  const nul = text.indexOf('\0')
  if (nul !== -1) {
    const before = text.slice(0, nul).split('\n')
    return fail('the file holds a NUL byte', before.length, (before.at(-1)?.length ?? 0) + 1)
  }
  switch (extname(source.file).toLowerCase()) {
    case '.toml':
      return { ...(await parseToml(text, source)), body: '' }
    case '.md':
    case '.markdown': {
      const parts = splitFrontMatter(text)
      if ('problem' in parts) return fail(parts.problem, 1, 1)
      return { ...(await parseYaml(parts.frontMatter, source, { firstLine: parts.firstLine })), body: parts.body }
    }
    default:
      return { ...(await parseYaml(text, source)), body: '' }
  }
}
