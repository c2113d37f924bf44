/**
 * Build step: the package's own matrices as data, with the line of every role and candidate, so that a mount
 * with one of them needs no YAML parser (24 ms to load, 10 ms for its first file; `undici` takes 54).
 * `node src/routing/compile-shipped.mjs` writes src/routing/generated/shipped-matrices.ts. Without that file, or
 * where a matrix differs from what was compiled, the YAML is read.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { LineCounter, parseDocument } from 'yaml'

const folder = new URL('../../routing/', import.meta.url)
const target = new URL('./generated/shipped-matrices.ts', import.meta.url)

/** One matrix's data, and [path, line, column] of the whole, of each role and of each candidate. */
export function compileMatrix(text) {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, merge: true })
  if (document.errors.length > 0) throw document.errors[0]
  const places = []
  const place = (path, node) => {
    const { line, col } = lines.linePos(node.range[0])
    places.push([JSON.stringify(path), line, col])
  }
  place([], document.contents)
  for (const { key, value } of document.get('roles').items) {
    place(['roles', key.value], key)
    value.get('candidates').items.forEach((item, at) => place(['roles', key.value, 'candidates', at], item))
  }
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16)
  return { hash, data: document.toJS(), places }
}

export function compileShipped() {
  const names = readdirSync(folder).filter((name) => name.endsWith('.yaml')).sort()
  const matrices = names.map((name) => compileMatrix(readFileSync(new URL(name, folder), 'utf8')))
  const body = `// Generated from routing/*.yaml by compile-shipped.mjs.\nexport const shipped: unknown = ${JSON.stringify(matrices)}\n`
  if (existsSync(target) && readFileSync(target, 'utf8') === body) return
  mkdirSync(new URL('.', target), { recursive: true })
  writeFileSync(target, body)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) compileShipped()
