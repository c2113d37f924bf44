import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

const under = (folder: string) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
export const pages = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'python/README.md', ...under('docs'), ...under('examples')]
  .filter((name) => name.endsWith('.md') && !name.includes('node_modules') && existsSync(join(root, name)))

export interface Snippet {
  page: string
  line: number
  language: string
  /** what it is, where its language alone doesn't say: settings, bundle, matrix, preset, program */
  kind: string
  text: string
}

export const snippets: Snippet[] = pages.flatMap((page) => {
  const whole = readFileSync(join(root, page), 'utf8')
  return [...whole.matchAll(/^```(\w+) ?(\w*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    page, line: whole.slice(0, match.index).split('\n').length, language: match[1] as string, kind: match[2] ?? '', text: match[3] as string,
  }))
})
export const pick = (language: string, ...kinds: string[]) => snippets.filter((snippet) => snippet.language === language && (kinds.length === 0 || kinds.includes(snippet.kind)))
