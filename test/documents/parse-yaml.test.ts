import { describe, expect, test } from 'vitest'
import { createBudget, originOf, ownOriginOf } from '../../src/documents/index.js'
import { parseYaml } from '../../src/documents/parse-yaml.js'
import { measureCpu, MOST_CPU_MS } from './support.js'

const source = { file: 'x', whose: 'user' as const }

async function yamlProblem(text: string): Promise<string> {
  const { value, findings } = await parseYaml(text, source)
  const [first] = findings
  expect(value).toBeUndefined()
  return `${first?.line}:${first?.column} ${first?.message}`
}

describe('YAML', () => {
  test.each([
    ['a tab as indent', 'a:\n\tb: 1', '2:1 a tab cannot indent YAML; use spaces'],
    ['a duplicate key', 'a: 1\nb: 2\na: 3', '3:1 the key "a" stands here twice, first in line 1'],
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
    const { value, cpuMs } = await measureCpu(() => yamlProblem(text))
    expect(value).toContain(expected)
    expect(cpuMs).toBeLessThan(MOST_CPU_MS)
  })

  test('a billion laughs end at once', async () => {
    const levels = Array.from({ length: 30 }, (_, level) => `l${level}: &l${level} [${level === 0 ? 'lol' : Array(10).fill(`*l${level - 1}`).join(', ')}]`)
    const { value, cpuMs } = await measureCpu(() => yamlProblem(levels.join('\n')))
    expect(value).toMatch(/^\d+:\d+ aliases repeat more than 10000 values$/)
    expect(cpuMs).toBeLessThan(MOST_CPU_MS)
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
      const { value, cpuMs } = await measureCpu(() => parseYaml(text, source))
      expect(value.findings).toMatchObject([{ severity: 'error', rule: 'too-large' }])
      expect(cpuMs).toBeLessThan(MOST_CPU_MS)
    }
  })

  test('CRLF changes neither values nor lines', async () => {
    const { value } = await parseYaml('a: 1\r\nb:\r\n  c: x\r\n', source)
    expect(value).toEqual({ a: 1, b: { c: 'x' } })
    expect(originOf((value as { b: unknown }).b, 'c')).toEqual({ file: 'x', line: 3, column: 3, whose: 'user' })
  })

  test.each([
    ['a: !!js/function x\nb: !thing {c: 1}', ['1:4', '2:4']],
    ['when: !!timestamp 2001-12-14', ['1:7']],
    ['bytes: !!binary aGk=\nset: !!set {a}', ['1:8', '2:6']],
    ['%TAG ! tag:example.com,2000:\n---\na: !x 1', ['3:4']],
  ])('an unknown tag is refused with its place: %j', async (text, places) => {
    const { value, findings } = await parseYaml(text, source)
    expect(value).toBeUndefined()
    expect(findings.map(({ severity, rule, message, line, column }) => [severity, rule, message, `${line}:${column}`]))
      .toEqual(places.map((place) => ['error', 'yaml-tag', 'this tag is not known here', place]))
  })

  test('the core tags are known, also by their whole name', async () => {
    expect((await parseYaml('a: !!str 5\nb: !!int "6"\nc: !<tag:yaml.org,2002:seq> [1]\nd: ! x\ne: !!map {}', source)).value)
      .toEqual({ a: '5', b: 6, c: [1], d: 'x', e: {} })
  })

  test('a directive for another version of YAML is refused, since it means other values', async () => {
    expect(await yamlProblem('%YAML 1.1\n---\na: yes')).toBe('1:1 only YAML 1.2 is read')
    expect((await parseYaml('%YAML 1.2\n---\na: yes', source)).value).toEqual({ a: 'yes' })
  })

  test('everything that is wrong is told, up to a hundred findings', async () => {
    const { findings } = await parseYaml('a: 1\na: 2\nb: *x\n? [c]\n: 3\na: 4\n', source)
    expect(findings.map(({ rule, line }) => [rule, line])).toEqual([['duplicate-key', 2], ['yaml-alias', 3], ['yaml-key', 4], ['duplicate-key', 6]])
    expect((await parseYaml(Array.from({ length: 900 }, () => 'a: 1').join('\n'), source)).findings).toHaveLength(100)
  })

  test('one long text, repeated by aliases, is bounded too', async () => {
    expect(await yamlProblem(`a: &a ${'x'.repeat(300_000)}\nb: [*a, *a, *a, *a]`)).toMatch(/^2:17 aliases repeat more than 1048576 characters$/)
  })

  test('a document knows where its root stands', async () => {
    expect(ownOriginOf((await parseYaml('# head\n\na: 1', source, { firstLine: 3 })).value)).toEqual({ file: 'x', line: 5, column: 1, whose: 'user' })
  })

  test('a text that was read before gives values of its own, with the places of the file it stands in now', async () => {
    const text = 'a: &list [1]\nb: *list\n'
    const first = (await parseYaml(text, source)).value as Record<string, unknown[]>
    first['a']!.push(2)
    delete first['b']
    const { value } = await parseYaml(text, { file: 'y', whose: 'project' }, { firstLine: 7 })
    expect(value).toEqual({ a: [1], b: [1] })
    expect(originOf(value, 'b')).toEqual({ file: 'y', line: 8, column: 1, whose: 'project' })
  })

  test('a text that was read before costs its budget the same, and is refused where that is used up', async () => {
    const text = 'read: [again, and, again]\n'
    const spent: number[] = []
    for (let time = 0; time < 2; time += 1) {
      const budget = createBudget()
      await parseYaml(text, { ...source, budget })
      spent.push(createBudget().values - budget.values)
    }
    expect(spent).toEqual([spent[0], spent[0]])
    const budget = { ...createBudget(), values: spent[0]! - 1 }
    expect((await parseYaml(text, { ...source, budget })).findings).toMatchObject([{ rule: 'too-large', line: 1 }])
    expect(budget.values).toBe(0)
  })
})
