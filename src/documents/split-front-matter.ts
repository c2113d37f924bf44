/** YAML between a first line `---` and the next line `---` or `...`, and the Markdown after it. */
export type FrontMatter = { frontMatter: string; firstLine: number; body: string } | { problem: string }

const FENCE = /^---[ \t]*$/
const END = /^(---|\.\.\.)[ \t]*$/

/** A text without a first line `---` is all body. */
export function splitFrontMatter(text: string): FrontMatter {
  const lines = text.split(/\r?\n/)
  const start = lines.findIndex((line) => line.trim() !== '')
  if (start === -1 || !FENCE.test(lines[start] ?? '')) return { frontMatter: '', firstLine: 1, body: text.trim() }
  const end = lines.findIndex((line, index) => index > start && END.test(line))
  if (end === -1) return { problem: 'the front matter has no closing ---' }
  return {
    frontMatter: lines.slice(start + 1, end).join('\n'),
    firstLine: start + 2,
    body: lines.slice(end + 1).join('\n').trim(),
  }
}
