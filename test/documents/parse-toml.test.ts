import { describe, expect, test } from 'vitest'
import { listOrigins, originOf } from '../../src/documents/index.js'
import { parseToml } from '../../src/documents/parse-toml.js'
import { measureCpu, MOST_CPU_MS } from './support.js'

const source = { file: 'x', whose: 'user' as const }

async function tomlProblem(text: string): Promise<string> {
  const { value, findings } = await parseToml(text, source)
  expect(value).toBeUndefined()
  return `${findings[0]?.line}:${findings[0]?.column} ${findings[0]?.message}`
}

describe('TOML', () => {
  test.each([
    ['a duplicate key', 'a = 1\nb = 2\na = 3', '3:1 defining a key multiple times is invalid'],
    ['an open string', 'a = 1\nb = "x', '2:'],
    ['an open bracket', 'a = [1,\n  2', '2:'],
    ['a bad value', 'a = 1\n  b = yes', '2:7 unexpected character'],
    ['__proto__', 'a = 1\n[__proto__]\nx = 1', '2:1 __proto__ cannot be a key'],
    ['too deep nesting', `${'a.'.repeat(70)}b = 1`, '1:1 values are nested too deeply'],
    ['a key of 30,000 parts', `${'a.'.repeat(30_000)}b = 1`, '1:24002 the document holds more values than any real one'],
    ['endless nesting', `a = ${'['.repeat(60_000)}`, '1:69 values are nested too deeply'],
    ['nesting that seems to stand in a string', `a = ["""x"""" , ${'['.repeat(60_000)}`, '1:'],
    ['nesting behind a string that has no end', `a = "\n${'b = ['.repeat(10_000)}`, '2:325 values are nested too deeply'],
    ['endless tables', `a = ${'{a='.repeat(20_000)}`, '1:'],
    ['escaped quotes without end', `a = "${'\\"'.repeat(32_000)}`, '1:'],
    ['more than 64 KiB', `a = '${'x'.repeat(65_536)}'`, '1:1 the TOML is longer than 64 KiB'],
    ['a table under a number', 'a = 1\n[a.b]\nc = 1', ':'],
    ['a table under a list', 'a = [1]\n[[a]]\nb = 1', ':'],
    ['a key of a table in braces, added below', 'a = {b = 1}\n[a]\nc = 1', ':'],
    ['a number beyond what is exact', 'a = 9007199254740993', '1:5 a whole number beyond'],
  ])('%s is named with line and column', async (_name, text, expected) => {
    const { value: problem, cpuMs } = await measureCpu(() => tomlProblem(text))
    expect(problem).toContain(expected)
    expect(problem).not.toContain('\n')
    expect(cpuMs).toBeLessThan(MOST_CPU_MS)
  })

  test('every key knows its place, whatever stands around it', async () => {
    const text = [
      '# a comment with [brackets] and = signs', 'top = "x # no comment"', 'multi = """', '[not.a.table]', 'key = 1 \\"""', '"""',
      "lit = '''", "it's [x]", "'''", 'list = [ # comment ]', '  "a]", {b = [1, 2]}, 3,', ']', 'when = 1979-05-27 07:32:00 # date',
      '[ "quoted.key" . inner ]', 'a.b."c d" = { e = 1, f = { g = "}" } }', '[[many]]', 'n = 1', '[[many]]', 'n = 2', '[many.sub]', 'deep = true',
    ].join('\n')
    const { value, findings } = await parseToml(text, source)
    expect(findings).toEqual([])
    expect(Object.fromEntries(Object.entries(listOrigins(value)).map(([path, { line }]) => [path, line]))).toEqual({
      top: 2, multi: 3, lit: 7, list: 10, 'list.0': 11, 'list.1': 11, 'list.1.b': 11, 'list.1.b.0': 11, 'list.1.b.1': 11, 'list.2': 11, when: 13,
      'quoted.key': 14, 'quoted.key.inner': 14, 'quoted.key.inner.a': 15, 'quoted.key.inner.a.b': 15, 'quoted.key.inner.a.b.c d': 15,
      'quoted.key.inner.a.b.c d.e': 15, 'quoted.key.inner.a.b.c d.f': 15, 'quoted.key.inner.a.b.c d.f.g': 15,
      many: 16, 'many.0': 16, 'many.0.n': 17, 'many.1': 18, 'many.1.n': 19, 'many.1.sub': 20, 'many.1.sub.deep': 21,
    })
    expect(originOf(value, 'when')).toEqual({ file: 'x', line: 13, column: 1, whose: 'user' })
    expect(value).toMatchObject({ many: [{ n: 1 }, { n: 2, sub: { deep: true } }], when: '1979-05-27 07:32:00' })
  })

  test('the largest texts that are read cost little, in whatever form', async () => {
    const long = 'x '.repeat(32_000)
    for (const text of [
      Array.from({ length: 4000 }, (_, i) => `key${i} = ${i}`).join('\n'), Array.from({ length: 2000 }, (_, i) => `[[t]]\nn = ${i}`).join('\n'),
      `a = """${long}"""`, `a = '''${long}'''`, `a = "${long}"`, `a = [${'1,'.repeat(11_000)}]`, `${'# comment\n'.repeat(6000)}a = 1`, `${'\n'.repeat(60_000)}a = 1`,
    ]) {
      const { value, cpuMs } = await measureCpu(() => parseToml(text, source))
      expect(value.findings).toEqual([])
      expect(cpuMs).toBeLessThan(MOST_CPU_MS)
    }
  })
})
