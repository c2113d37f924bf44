import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

/**
 * Which rooms a room may import. `types:` allows an `import type` of a room's interface only; the
 * composition root, the mount and the doors see more.
 */
const ALLOWED: Record<string, readonly string[]> = {
  contract: [],
  lib: [],
  transport: ['lib'],
  auth: ['lib', 'contract', 'types:transport'],
  responses: ['contract', 'lib', 'types:transport'],
  // Not the wire to the backend, which responses has, but what servers of ours and other programs write of an answer.
  dialects: ['contract', 'lib', 'responses'],
  account: ['contract', 'lib', 'responses', 'types:transport', 'types:auth'],
  documents: ['contract', 'lib', 'process-shared.js'],
  // The decision of trust is one function, which every hook config and matrix goes through.
  routing: ['contract', 'lib', 'documents', 'config/judge-config.js'],
  config: ['contract', 'lib', 'documents'],
  // transport's failure class is part of its interface file: the call pipeline asks what happened by it.
  provider: ['contract', 'lib', 'responses', 'account', 'transport/transport.js', 'types:auth', 'types:config', 'types:routing'],
  host: ['contract', 'lib', 'documents', 'config/inherit-user-entry.js', 'config/judge-entry.js', 'config/module-entry.js'],
  usage: ['contract', 'lib'],
  telemetry: ['contract', 'lib', 'usage/call-record.js'],
  // What it shows comes from functions it is given; these are their words.
  page: ['contract', 'lib', 'types:account', 'types:usage'],
  twin: ['types:contract', 'lib'],
  root: ['contract', 'lib', 'transport', 'auth', 'responses', 'account', 'routing', 'config', 'documents', 'provider', 'usage', 'telemetry', 'host', 'twin', 'root'],
}
const DOORS = new Set(['cli', 'grpc', 'http', 'ai-sdk', 'conformance'])
const DOOR_MAY = ['root', 'contract', 'lib', 'config', 'routing', 'account', 'auth', 'usage', 'page', 'host', 'twin', 'dialects', 'responses/index.js', 'types:provider']
/** The command line takes globs of files, and may use every server; no server uses the command line, or another server. */
const CLI_MAY = [...DOOR_MAY, 'grpc', 'http', 'ai-sdk', 'conformance', 'documents/find-files.js']
/** Words a room must not know, as style has it for the transport. */
const FORBIDDEN_WORDS: Record<string, RegExp> = { transport: /\bopenai\b|\bmodel\b|\bhook\b/i }

const { dependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { dependencies: Record<string, string> }
const src = join(dirname(fileURLToPath(import.meta.url)), '..', 'src')

interface SourceFile {
  path: string
  room: string
  text: string
  lines: number
}

const files: SourceFile[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((name) => name.split(sep).join('/'))
  .filter((name) => name.endsWith('.ts') && !name.includes('generated/'))
  .map((path) => {
    const text = readFileSync(join(src, path), 'utf8')
    return { path, room: path.includes('/') ? (path.split('/')[0] as string) : 'root', text, lines: text.split('\n').length }
  })

interface Import {
  typeOnly: boolean
  target: string
}

function importsOf(file: SourceFile): Import[] {
  const found: Import[] = []
  const pattern = /(?:import|export)\s+(type\s)?([^'"]*?)from\s+['"](\.[^'"]+)['"]|import\(\s*['"](\.[^'"]+)['"]\s*\)|import\s+['"](\.[^'"]+)['"]/g
  for (const match of file.text.matchAll(pattern)) {
    const names = match[2] ?? ''
    const specifier = match[3] ?? match[4] ?? match[5] ?? ''
    const inlineTypes = /\{/.test(names) && names.replace(/[{}\s]/g, ' ').split(',').map((name) => name.trim()).filter(Boolean).every((name) => name.startsWith('type '))
    found.push({ typeOnly: match[1] !== undefined || inlineTypes, target: posix.normalize(posix.join(posix.dirname(file.path), specifier)) })
  }
  return found
}

function allows(file: SourceFile, entry: Import): boolean {
  const room = entry.target.includes('/') ? (entry.target.split('/')[0] as string) : 'root'
  if (room === file.room) return true
  const allowed = file.room === 'cli' ? CLI_MAY : DOORS.has(file.room) ? DOOR_MAY : (ALLOWED[file.room] ?? [])
  return allowed.some((rule) => {
    if (rule.startsWith('types:')) return entry.typeOnly && room === rule.slice('types:'.length)
    return rule.endsWith('.js') ? entry.target === rule : room === rule
  })
}

/** Tarjan's strongly connected components, those of more than one file. */
function findCircles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const circles: string[][] = []
  const visit = (path: string): number => {
    const index = order.size
    order.set(path, index)
    lowest.set(path, index)
    stack.push(path)
    for (const next of graph.get(path) ?? []) {
      if (!graph.has(next)) continue
      const reach = !order.has(next) ? visit(next) : stack.includes(next) ? (order.get(next) ?? 0) : Infinity
      lowest.set(path, Math.min(lowest.get(path) ?? index, reach))
    }
    const low = lowest.get(path) ?? index
    if (low === index) {
      const circle = stack.splice(stack.indexOf(path)).sort()
      if (circle.length > 1) circles.push(circle)
    }
    return low
  }
  for (const path of graph.keys()) if (!order.has(path)) visit(path)
  return circles
}

describe('the house', () => {
  test('every room imports only what the table allows', () => {
    const broken = files.flatMap((file) =>
      importsOf(file).filter((entry) => !allows(file, entry)).map((entry) => `${file.path} → ${entry.target}`))
    expect(broken).toEqual([])
  })

  test('only the composition root, the mount and the doors know concrete parts of several rooms', () => {
    const composing = files.filter((file) => file.room === 'root' && file.path !== 'index.ts').map((file) => file.path).sort()
    expect(composing).toEqual(['account-storage.ts', 'compose-account.ts', 'container.ts', 'ensure-signed-in.ts', 'get-provider.ts', 'module-parts.ts', 'mount-on-host.ts', 'mount-routing.ts', 'mount.ts', 'process-shared.ts', 'unmount-provider.ts', 'version.ts'])
  })

  test('no file reaches itself through its imports, not even by types', () => {
    expect(findCircles(new Map(files.map((file) => [file.path, importsOf(file).map(({ target }) => target.replace(/\.js$/, '.ts'))])))).toEqual([])
  })

  test('every room opens with what it owns and what it refuses to know', () => {
    const silent = [...new Set(files.map((file) => file.room))]
      .filter((room) => room !== 'root')
      .filter((room) => !files.some((file) => file.room === room && /\bowns?\b/.test(file.text.slice(0, 900)) && /refuses? to know/.test(file.text.slice(0, 900))))
    expect(silent).toEqual([])
  })

  test('nothing exports everything of another file, nothing is any, nothing silences the compiler', () => {
    const found = files.flatMap((file) => {
      // Parsing them all takes seconds: only where a word for it stands.
      if (!/\bany\b|export\s*\*|@ts-/.test(file.text)) return []
      const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, true)
      const lines: string[] = []
      const note = (node: ts.Node) => lines.push(`${file.path}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`)
      const visit = (node: ts.Node): void => {
        if (node.kind === ts.SyntaxKind.AnyKeyword) note(node)
        if (ts.isExportDeclaration(node) && !node.exportClause) note(node)
        ts.forEachChild(node, visit)
      }
      visit(source)
      return /@ts-(ignore|nocheck|expect-error)/.test(file.text) ? [...lines, `${file.path}: @ts-`] : lines
    })
    expect(found).toEqual([])
  })

  test('no file is over 500 lines, nine in ten are under 250, half are under 120', () => {
    const sizes = files.map((file) => file.lines).sort((a, b) => a - b)
    expect(files.filter((file) => file.lines > 500).map((file) => file.path)).toEqual([])
    expect(sizes[Math.floor(sizes.length * 0.9)]).toBeLessThanOrEqual(250)
    expect(sizes[Math.floor(sizes.length * 0.5)]).toBeLessThanOrEqual(120)
  })

  test('no module holds mutable state of its own, but the one place for it', () => {
    const found = files
      .filter((file) => file.path !== 'process-shared.ts')
      .flatMap((file) => file.text.split('\n').flatMap((line, index) =>
        /^(export )?let |^(export )?const \w+(: (?!ReadonlyMap)[^=]+)? = new (Map|WeakMap)\b/.test(line) ? [`${file.path}:${index + 1}`] : []))
    expect(found).toEqual([])
  })

  test('imports have no effects, but the polyfill of the composition root', () => {
    const found = files.flatMap((file) =>
      file.text.split('\n').flatMap((line) => (/^import\s+['"]/.test(line) ? [`${file.path}: ${line}`] : [])))
    expect(found).toEqual(["compose-account.ts: import 'reflect-metadata'"])
  })

  test('llm:response is emitted in one place, and failures of the wire are classified in one', () => {
    const emits = files.filter((file) => /emit\(\s*'llmResponse'/.test(file.text)).map((file) => file.path)
    expect(emits).toEqual(['provider/call-span.ts'])
    const classifiers = files.filter((file) => /export function mapWireFailure\b/.test(file.text)).map((file) => file.path)
    expect(classifiers).toEqual(['responses/map-wire-failure.ts'])
  })

  test('each kind of document has one reader, each comparison of names one place', () => {
    const libraries: Record<string, RegExp> = { yaml: /^documents\//, 'toml-eslint-parser': /^documents\//, minimatch: /^documents\//, 'fastest-levenshtein': /^lib\/did-you-mean\.ts$/ }
    const importers = files.flatMap((file) => [...file.text.matchAll(/(?:from|import\(|require\(|\))\s*\(?['"]([^'"./][^'"]*)['"]/g)]
      .flatMap(([, library = '']) => (library in libraries ? [{ library, path: file.path }] : [])))
    expect(importers.filter(({ library, path }) => !libraries[library]?.test(path))).toEqual([])
    expect(new Set(importers.map(({ library }) => library)).size).toBeGreaterThanOrEqual(3)
    const others = /^(smol-toml|@iarna\/toml|toml|js-yaml|picomatch|micromatch|fast-glob|glob|tinyglobby)$/
    expect(Object.keys(dependencies).filter((name) => others.test(name))).toEqual([])
  })

  test('a room does not know the words it refuses to know', () => {
    const found = files.flatMap((file) => {
      const words = FORBIDDEN_WORDS[file.room]
      if (!words) return []
      return file.text.split('\n').flatMap((line, index) => {
        // The room's head comment names what it refuses to know.
        const code = line.replace(/\/\/.*$/, '')
        return words.test(code) && !/^\s*\*/.test(line) ? [`${file.path}:${index + 1}`] : []
      })
    })
    expect(found).toEqual([])
  })

  test('no path of a source file differs only in case from another', () => {
    const lower = files.map((file) => relative('.', file.path).toLowerCase())
    expect(new Set(lower).size).toBe(lower.length)
  })
})
