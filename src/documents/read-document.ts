import { extname } from 'node:path'
import type { Finding } from './finding.js'
import type { Parsed, Source } from './parsed.js'
import { parseToml } from './parse-toml.js'
import { parseYaml } from './parse-yaml.js'
import { readConfigFile } from './read-text.js'
import { splitFrontMatter } from './split-front-matter.js'

export interface ParsedFile extends Parsed {
  /** what follows the front matter of a Markdown file, trimmed; empty elsewhere */
  body: string
  /** true where the file doesn't exist */
  absent: boolean
}

/** By the file's ending: Markdown with YAML front matter, TOML, else YAML. Never throws for what a file may hold. */
export async function parseConfigFile(source: Source): Promise<ParsedFile> {
  const { file } = source
  const answer = await readConfigFile(file)
  const fail = (message: string, line = 1, column = 1, absent = false): ParsedFile => {
    const finding: Finding = { severity: 'error', message, file, line, column }
    return { value: undefined, findings: [finding], body: '', absent }
  }
  if ('problem' in answer) return fail(`the file ${answer.problem}`, answer.line, answer.column, answer.absent)
  switch (extname(file).toLowerCase()) {
    case '.toml':
      return { ...(await parseToml(answer.text, source)), body: '', absent: false }
    case '.md':
    case '.markdown': {
      const parts = splitFrontMatter(answer.text)
      if ('problem' in parts) return fail(parts.problem)
      const parsed = await parseYaml(parts.frontMatter, source, { firstLine: parts.firstLine })
      return { ...parsed, body: parts.body, absent: false }
    }
    default:
      return { ...(await parseYaml(answer.text, source)), body: '', absent: false }
  }
}
