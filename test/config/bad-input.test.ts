import { execFileSync } from 'node:child_process'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadBundle, loadSettings, originOf } from '../../src/config/index.js'
import { locateTomlKeys } from '../../src/documents/locate-toml-keys.js'
import { parseToml } from '../../src/documents/parse-toml.js'
import { parseYaml } from '../../src/documents/parse-yaml.js'
import { messageOf, writeTree } from './support/tree.js'

const source = { file: 'x', whose: 'user' as const }
/** An answer to hostile input that takes longer would be felt; the slowest takes a second on one shared core. */
const QUICK_MS = 6000

async function yamlProblem(text: string): Promise<string> {
  const { value, findings } = await parseYaml(text, source)
  const [first] = findings
  expect(value).toBeUndefined()
  return `${first?.line}:${first?.column} ${first?.message}`
}

async function tomlProblem(text: string): Promise<string> {
  const { value, findings } = await parseToml(text, source)
  expect(value).toBeUndefined()
  return `${findings[0]?.line}:${findings[0]?.column} ${findings[0]?.message}`
}

describe('YAML', () => {
  test.each([
    ['a tab as indent', 'a:\n\tb: 1', '2:1 a tab cannot indent YAML; use spaces'],
    ['a duplicate key', 'a: 1\nb: 2\na: 3', '3:1 the key "a" stands here twice'],
    ['a duplicate key deep inside', 'x:\n  - {k: 1, k: 2}', '2:12 the key "k" stands here twice'],
    ['a duplicate key in two spellings', '"a": 1\na: 2', '2:1 the key "a" stands here twice'],
    ['an alias without an anchor', 'a: *nothing', '1:4 '],
    ['an alias inside its own anchor', 'a: &x [1, *x]', '1:11 *x contains itself'],
    ['two documents', 'a: 1\n---\nb: 2', '2:1 a second YAML document begins here; the file may hold only one'],
    ['an open quote', 'a: "x', '1:6 Missing closing "quote'],
    ['an open bracket', 'a: [1,\nb: 2', '2:'],
    ['a key that is a list', '? [a]\n: 1', '1:3 a key must be a plain word or text'],
    ['__proto__', 'a:\n  __proto__: {x: 1}', '2:3 __proto__ cannot be a key'],
    ['too deep nesting', `a: ${'['.repeat(70)}${']'.repeat(70)}`, '1:70 values are nested too deeply'],
    ['endless nesting', '['.repeat(200_000), '1:'],
    ['endless sequences', '- '.repeat(200_000), '1:'],
  ])('%s is named with line and column', async (_name, text, expected) => {
    const started = performance.now()
    expect(await yamlProblem(text)).toContain(expected)
    expect(performance.now() - started).toBeLessThan(QUICK_MS)
  })

  test('a billion laughs end at once', async () => {
    const levels = Array.from({ length: 30 }, (_, level) => `l${level}: &l${level} [${level === 0 ? 'lol' : Array(10).fill(`*l${level - 1}`).join(', ')}]`)
    const started = performance.now()
    expect(await yamlProblem(levels.join('\n'))).toMatch(/^\d+:\d+ aliases repeat more than 10000 values$/)
    expect(performance.now() - started).toBeLessThan(1000)
  })

  test('anchors and aliases work, each use with a copy of its own', async () => {
    const { value } = await parseYaml('a: &x {k: [1]}\nb: *x\nc: &k name\n*k : 2', source)
    expect(value).toEqual({ a: { k: [1] }, b: { k: [1] }, c: 'name', name: 2 })
    expect((value as { a: unknown }).a).not.toBe((value as { b: unknown }).b)
  })

  test('merge keys fill in what a mapping leaves out', async () => {
    const { value } = await parseYaml('a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 3\nd: {"<<": text}', source)
    expect(value).toMatchObject({ c: { x: 3, y: 1, z: 2 }, d: { '<<': 'text' } })
    expect(originOf((value as { c: unknown }).c, 'z')).toMatchObject({ line: 2, column: 14 })
  })

  test('a megabyte of roles and 30,000 keys in one mapping are refused before they are composed', async () => {
    const roles = Array.from({ length: 9000 }, (_, i) => `  role-${i}:\n    description: role number ${i}\n    candidates:\n      - {provider: p, model: m-${i}}\n`)
    for (const text of [`roles:\n${roles.join('')}`, Array.from({ length: 30_000 }, (_, i) => `key${i}: ${i}`).join('\n')]) {
      const started = performance.now()
      expect((await parseYaml(text, source)).findings).toMatchObject([{ severity: 'error', message: 'the document holds more values than any real one' }])
      expect(performance.now() - started).toBeLessThan(QUICK_MS)
    }
  })

  test('CRLF changes neither values nor lines', async () => {
    const { value } = await parseYaml('a: 1\r\nb:\r\n  c: x\r\n', source)
    expect(value).toEqual({ a: 1, b: { c: 'x' } })
    expect(originOf((value as { b: unknown }).b, 'c')).toEqual({ file: 'x', line: 3, column: 3, whose: 'user' })
  })

  test('unknown tags are a warning, and no object but plain ones comes out', async () => {
    const { value, findings } = await parseYaml('a: !!js/function x\nb: !thing {c: 1}', source)
    expect(value).toEqual({ a: 'x', b: { c: 1 } })
    expect(findings.map((finding) => finding.severity)).toEqual(['warning', 'warning'])
  })
})

describe('TOML', () => {
  test.each([
    ['a duplicate key', 'a = 1\nb = 2\na = 3', '3:1 trying to redefine an already defined table or value'],
    ['an open string', 'a = 1\nb = "x', '2:5 '],
    ['an open bracket', 'a = [1,\n  2', '2:4 '],
    ['a bad value', 'a = 1\n  b = yes', '2:7 invalid value'],
    ['__proto__', 'a = 1\n[__proto__]\nx = 1', '2:1 __proto__ cannot be a key'],
    ['too deep nesting', `${'a.'.repeat(70)}b = 1`, '1:1 nested too deeply'],
    ['a key of 50,000 parts', `${'a.'.repeat(50_000)}b = 1`, '1:1 nested too deeply'],
    ['endless nesting', `a = ${'['.repeat(200_000)}`, '1:'],
  ])('%s is named with line and column', async (_name, text, expected) => {
    const started = performance.now()
    const problem = await tomlProblem(text)
    expect(problem).toContain(expected)
    expect(problem).not.toContain('\n')
    expect(performance.now() - started).toBeLessThan(QUICK_MS)
  })

  test('every key knows its place, whatever stands around it', async () => {
    const text = [
      '# a comment with [brackets] and = signs', 'top = "x # no comment"', 'multi = """', '[not.a.table]', 'key = 1 \\"""', '"""',
      "lit = '''", "it's [x]", "'''", 'list = [ # comment ]', '  "a]", {b = [1, 2]}, 3,', ']', 'when = 1979-05-27 07:32:00 # date',
      '[ "quoted.key" . inner ]', 'a.b."c d" = { e = 1, f = { g = "}" } }', '[[many]]', 'n = 1', '[[many]]', 'n = 2', '[many.sub]', 'deep = true',
    ].join('\n')
    const { value, findings } = await parseToml(text, source)
    expect(findings).toEqual([])
    const lines = Object.fromEntries(locateTomlKeys(text).map(({ path, offset }) => [path.join('/'), text.slice(0, offset).split('\n').length]))
    expect(lines).toEqual({
      top: 2, multi: 3, lit: 7, list: 10, 'list/0': 11, 'list/1': 11, 'list/1/b': 11, 'list/1/b/0': 11, 'list/1/b/1': 11, 'list/2': 11, when: 13,
      'quoted.key': 14, 'quoted.key/inner': 14, 'quoted.key/inner/a': 15, 'quoted.key/inner/a/b': 15, 'quoted.key/inner/a/b/c d': 15,
      'quoted.key/inner/a/b/c d/e': 15, 'quoted.key/inner/a/b/c d/f': 15, 'quoted.key/inner/a/b/c d/f/g': 15,
      many: 20, 'many/0': 16, 'many/0/n': 17, 'many/1': 20, 'many/1/n': 19, 'many/1/sub': 20, 'many/1/sub/deep': 21,
    })
    expect(originOf(value, 'when')).toEqual({ file: 'x', line: 13, column: 1, whose: 'user' })
    expect(value).toMatchObject({ many: [{ n: 1 }, { n: 2, sub: { deep: true } }], when: expect.any(String) })
  })

  test('a megabyte is read quickly, in whatever form', async () => {
    const long = 'x '.repeat(500_000)
    for (const text of [
      Array.from({ length: 20_000 }, (_, i) => `key${i} = ${i}`).join('\n'), Array.from({ length: 15_000 }, (_, i) => `[[t]]\nn = ${i}`).join('\n'),
      `a = """${long}"""`, `a = '''${long}'''`, `a = "${long}"`, `a = [${'1,'.repeat(50_000)}]`, `${'# comment\n'.repeat(100_000)}a = 1`, `${'\n'.repeat(1_000_000)}a = 1`,
    ]) {
      const started = performance.now()
      expect((await parseToml(text, source)).findings).toEqual([])
      expect(performance.now() - started).toBeLessThan(QUICK_MS)
    }
  })
})

describe('files', () => {
  test('a byte order mark and CRLF are no news in any form', async () => {
    const root = await writeTree({
      'a.yaml': '\uFEFFsession: {x: 1}\r\n', 'b.toml': '\uFEFF[session]\r\nx = 1\r\n', 'c.md': '\uFEFF---\r\nsession: {x: 1}\r\n---\r\nBody.\r\n',
    })
    for (const name of ['a.yaml', 'b.toml', 'c.md']) expect((await loadBundle(join(root, name))).mountPlan).toEqual({ session: { x: 1 } })
    expect((await loadBundle(join(root, 'c.md'))).instructions).toBe('Body.')
  })

  test.each([
    ['front matter without an end', 'a.md', '---\nbundle: {name: x}\n', '1:1: the front matter has no closing ---'],
    ['an error in front matter has the line of the file', 'a.md', '\n---\nbundle:\n  name: x\n\tversion: 1\n---\n', '5:1: a tab'],
    ['a NUL byte', 'a.yaml', 'a: 1\nb: x\0y', '2:5: the file holds a NUL byte'],
    ['bytes that are no UTF-8', 'a.yaml', new Uint8Array([0x61, 0x3a, 0x20, 0xff, 0xfe]), '1:1: the file is not UTF-8 text'],
    ['more than two megabytes', 'a.yaml', 'x'.repeat(2 * 1024 * 1024 + 1), '1:1: the file is larger than 2 MiB'],
  ])('%s', async (_name, file, content, expected) => {
    const root = await writeTree({ [file]: content })
    expect(await messageOf(loadBundle(join(root, file)))).toContain(`${join(root, file)}:${expected}`)
  })

  test.skipIf(process.platform === 'win32')('a pipe is refused, not waited for', async () => {
    const root = await writeTree({ x: '' })
    execFileSync('mkfifo', [join(root, 'a.yaml')])
    expect(await messageOf(loadBundle(join(root, 'a.yaml')))).toContain('the file is not a regular file')
  })

  test.skipIf(process.platform === 'win32')('an unreadable file says why', async () => {
    const root = await writeTree({ 'a.yaml': 'a: 1' })
    await chmod(root, 0o755)
    await chmod(join(root, 'a.yaml'), 0)
    // To the superuser every file is readable, so the test becomes another user while it reads.
    const superuser = process.getuid?.() === 0
    if (superuser) process.seteuid?.(65534)
    try {
      expect(await messageOf(loadBundle(join(root, 'a.yaml')))).toContain('cannot be read (EACCES)')
    } finally {
      if (superuser) process.seteuid?.(0)
    }
  })

  test('an error never quotes the file', async () => {
    const root = await writeTree({ 'a.yaml': 'api_key: sk-canary\n\tbad', 'b.toml': 'api_key = "sk-canary\nx', '.amplifier/settings.yaml': 'k: "sk-canary' })
    expect(await messageOf(loadBundle(join(root, 'a.yaml')))).not.toContain('canary')
    expect(await messageOf(loadBundle(join(root, 'b.toml')))).not.toContain('canary')
    expect((await loadSettings(root, { home: join(root, 'none') })).warnings.join()).not.toContain('canary')
  })

  test('a list of twenty thousand includes ends quickly', async () => {
    const root = await writeTree({ 'a.yaml': `includes: [${'x.yaml,'.repeat(20_000)}]`, 'b.yaml': `agents: {include: [${'y.md,'.repeat(20_000)}]}`, 'y.md': 'hi' })
    const started = performance.now()
    expect(await messageOf(loadBundle(join(root, 'a.yaml')))).toContain("which doesn't exist")
    expect(await messageOf(loadBundle(join(root, 'b.yaml')))).toContain('more than 500 files are included')
    expect(performance.now() - started).toBeLessThan(QUICK_MS)
  })
})
