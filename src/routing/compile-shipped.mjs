/**
 * Build step: the package's own matrices as data, with the line and column of every value, so that a mount
 * with one of them needs no YAML parser (24 ms to load, 10 ms for its first file; `undici` takes 54).
 * `node src/routing/compile-shipped.mjs` writes src/routing/generated/shipped-matrices.ts. Without that file, or
 * where a matrix differs from what was compiled, the YAML is read.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = new URL('../../routing/', import.meta.url)
const target = new URL('./generated/shipped-matrices.ts', import.meta.url)

/** The package's own reader, from its source: there is no other, and nothing is built yet. */
async function loadReader() {
  // Inside node_modules, so that the reader finds its parsers.
  const file = new URL(`../../node_modules/.documents-${process.pid}.mjs`, import.meta.url)
  await build({
    absWorkingDir: root, entryPoints: ['src/documents/index.ts'], outfile: fileURLToPath(file), bundle: true, packages: 'external',
    format: 'esm', platform: 'node', logLevel: 'warning',
  })
  try {
    return await import(file.href)
  } finally {
    rmSync(file, { force: true })
  }
}

/** One matrix's data, and path (as JSON) to line and column of the whole and of everything in it. */
export function compileMatrix(text, value, { originOf, ownOriginOf }) {
  const { line, column } = ownOriginOf(value)
  const places = { '[]': [line, column] }
  const visit = (holder, path) => {
    if (typeof holder !== 'object' || holder === null) return
    for (const [key, item] of Array.isArray(holder) ? holder.entries() : Object.entries(holder)) {
      const origin = originOf(holder, key)
      places[JSON.stringify([...path, key])] = [origin.line, origin.column]
      visit(item, [...path, key])
    }
  }
  visit(value, [])
  return { hash: createHash('sha256').update(text).digest('hex').slice(0, 16), data: value, places }
}

export async function compileShipped() {
  const reader = await loadReader()
  const names = readdirSync(folder).filter((name) => name.endsWith('.yaml')).sort()
  const matrices = await Promise.all(names.map(async (name) => {
    const text = readFileSync(new URL(name, folder), 'utf8')
    const { value, findings } = await reader.parseDocument(text, { file: `routing/${name}`, whose: 'host' })
    if (findings.length > 0) throw new Error(findings.map(reader.describeFinding).join('\n'))
    return compileMatrix(text, value, reader)
  }))
  const body = `// Generated from routing/*.yaml by compile-shipped.mjs.\nexport const shipped: unknown = ${JSON.stringify(matrices)}\n`
  if (existsSync(target) && readFileSync(target, 'utf8') === body) return
  mkdirSync(new URL('.', target), { recursive: true })
  writeFileSync(target, body)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await compileShipped()
