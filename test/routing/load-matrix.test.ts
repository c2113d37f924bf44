import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ConfigurationError } from '../../src/contract/index.js'
import { listMatrices, loadMatrix, originOf, readMatrixSource, validateMatrix } from '../../src/routing/index.js'
import { measureCpu, MOST_CPU_MS } from '../documents/support.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'routing-matrix-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const GOOD = `name: mine
roles:
  general:
    description: all
    candidates:
      - provider: a
        model: m
  fast:
    description: quick
    candidates:
      - {provider: a, model: s}
`

/** The message with the folder taken out of it. */
async function refusal(content: string | Uint8Array, name = 'bad.yaml'): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, content)
  const error = await loadMatrix(file).then(() => undefined, (reason: unknown) => reason)
  expect(error).toMatchObject({ name: 'ConfigurationError', retryable: false })
  return (error as ConfigurationError).words.replaceAll(file, name)
}

describe('loadMatrix', () => {
  test('reads roles and candidates with the lines they stand in', async () => {
    const file = join(folder, 'good.yaml')
    await writeFile(file, GOOD)
    const matrix = await loadMatrix(file)
    expect(matrix).toStrictEqual({
      name: 'mine',
      roles: {
        general: { description: 'all', candidates: [{ provider: 'a', model: 'm' }] },
        fast: { description: 'quick', candidates: [{ provider: 'a', model: 's' }] },
      },
    })
    expect(originOf(matrix.roles['fast']!)).toEqual({ source: 'matrix', file, line: 8, column: 3, whose: 'user' })
    expect(originOf(matrix.roles['general']!.candidates[0]!)).toEqual({ source: 'matrix', file, line: 6, column: 9, whose: 'user' })
    expect(JSON.stringify(matrix)).not.toContain(folder)
  })

  test.each([
    ['with a byte order mark', `\uFEFF${GOOD}`],
    ['with CRLF lines', GOOD.replaceAll('\n', '\r\n')],
    ['with anchors, aliases and merge keys', `${GOOD}  coding: &c\n    description: code\n    candidates: &list\n      - {provider: a, model: m}\n  reasoning: {description: r, candidates: *list}\n  critique:\n    <<: *c\n    description: crit\n`],
    ['as JSON', JSON.stringify({ name: 'j', roles: { general: { candidates: [] }, fast: { candidates: [] } } })],
    ['with fields it doesn’t know', `${GOOD}owner: me\n`],
  ])('reads a file %s', async (_, content) => {
    const file = join(folder, 'odd.yaml')
    await writeFile(file, content)
    const matrix = await loadMatrix(file)
    expect(Object.keys(matrix.roles).slice(0, 2)).toEqual(['general', 'fast'])
    if (content.includes('<<')) {
      expect(matrix.roles['critique']).toEqual({ description: 'crit', candidates: [{ provider: 'a', model: 'm' }] })
      expect(originOf(matrix.roles['reasoning']!)).toMatchObject({ line: 16 })
      expect(originOf(matrix.roles['reasoning']!.candidates[0]!)).toMatchObject({ line: 15 })
    }
    if (content.includes('owner')) expect(matrix['owner']).toBe('me')
  })

  test.each<[string, string | Uint8Array, string | RegExp]>([
    ['a tab as indentation', 'name: x\nroles:\n\tgeneral: {}\n', 'bad.yaml:3:1: a tab cannot indent YAML; use spaces'],
    ['a key that stands twice', `${GOOD}  general:\n    candidates: []\n`, 'bad.yaml:12:3: the key "general" stands here twice, first in line 3'],
    ['a key that is a list', `${GOOD}  ? [a]\n  : {candidates: []}\n`, 'bad.yaml:12:5: a key must be a plain word or text'],
    ['an alias without anchor', 'name: x\nroles: *nowhere\n', 'bad.yaml:2:8: *nowhere names an anchor that doesn\'t exist above'],
    ['an alias inside of its own anchor', 'name: x\nroles: &r\n  general: *r\n', 'bad.yaml:3:12: *r contains itself'],
    ['two documents', `${GOOD}---\nname: y\n`, 'bad.yaml:12:1: a second YAML document begins here; the file may hold only one'],
    ['an open quote', 'name: "x\nroles: {}\n', /^bad\.yaml:\d+:\d+: Missing closing/],
    ['nothing', '', 'bad.yaml:1:1: the matrix is empty: it needs name and roles'],
    ['nothing but comments', '# Routing Matrix\n', /^bad\.yaml:\d:1: the matrix is empty: it needs name and roles$/],
    ['a list', '- a\n', 'bad.yaml:1:1: the matrix must be a mapping, found a list of 1 item'],
    ['a text', 'hello\n', 'bad.yaml:1:1: the matrix must be a mapping, found the text "hello"'],
    ['no roles', 'name: x\n', 'bad.yaml:1:1: the matrix needs roles'],
    ['no fast', GOOD.slice(0, GOOD.indexOf('  fast')), 'bad.yaml:2:1: roles: the role fast is missing; every matrix has general and fast'],
    ['a NUL byte', GOOD.replace('quick', 'qu\0ck'), 'bad.yaml:9:20: the file holds a NUL byte'],
    ['bytes that are no UTF-8', Buffer.concat([Buffer.from('name: x\nroles: '), Buffer.from([0xff, 0xfe])]), 'bad.yaml:2:8: the routing matrix is not UTF-8 text; save it as UTF-8'],
    ['base', GOOD.replace('- {provider: a, model: s}', '- base'), 'bad.yaml:11:9: roles.fast.candidates[0]: the word base belongs into overrides; a matrix file lists its candidates itself'],
    ['deep nesting', `name: x\nroles: ${'['.repeat(50_000)}`, /^bad\.yaml:2:\d+: values are nested too deeply/],
  ])('refuses a file with %s, naming line and column', async (_, content, message) => {
    const found = await refusal(content)
    if (typeof message === 'string') expect(found).toBe(message)
    else expect(found).toMatch(message)
  })

  test.each<[string, string, string]>([
    ['name', 'name: mine', 'name: [mine]'],
    ['name', 'name: mine', 'name:'],
    ['roles.general', '  general:\n    description: all\n    candidates:\n      - provider: a\n        model: m', '  general: 5'],
    ['roles.general.description', 'description: all', 'description: {a: 1}'],
    ['roles.fast.candidates', 'candidates:\n      - {provider: a, model: s}', 'candidates: s'],
    ['roles.fast.candidates[0]', '- {provider: a, model: s}', '- 5'],
    ['roles.fast.candidates[0].provider', '{provider: a, model: s}', '{provider: 1, model: s}'],
    ['roles.fast.candidates[0].model', '{provider: a, model: s}', '{provider: a, model: 5.5}'],
    ['roles.fast.candidates[0].model', '{provider: a, model: s}', '{provider: a, model: " "}'],
    ['roles.fast.candidates[0].config', '{provider: a, model: s}', '{provider: a, model: s, config: high}'],
    ['updated', 'name: mine', 'name: mine\nupdated: yesterday'],
  ])('names %s where %j has become %j', async (key, before, after) => {
    const content = GOOD.replace(before, after)
    expect(content).not.toBe(GOOD)
    expect(await refusal(content)).toMatch(new RegExp(`^bad\\.yaml:\\d+:\\d+: ${key.replaceAll(/[.[\]]/g, '\\$&')} (must|has the wrong form)`))
  })

  test('a billion laughs are refused at the alias that goes too far, in milliseconds', async () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]', ...'bcdefghij'.split('').map((letter, at) => {
      const before = String.fromCharCode('a'.charCodeAt(0) + at)
      return `${letter}: &${letter} [${Array(10).fill(`*${before}`).join(', ')}]`
    })]
    const { value, cpuMs } = await measureCpu(() => refusal(bomb.join('\n')))
    expect(value).toMatch(/^bad\.yaml:4:\d+: aliases repeat more than 10000 values$/)
    expect(cpuMs).toBeLessThan(MOST_CPU_MS)
  })

  test.each(['- ', '[', '{', '? '])('1,000 times %j and 1 MB of roles are refused, loaded three times in one process', async (sign) => {
    const roles = Array.from({ length: 9_000 }, (_, at) => `  role-${at}:\n    description: a role\n    candidates:\n      - provider: p\n        model: m\n`)
    for (let time = 0; time < 3; time += 1) {
      expect(await refusal(sign.repeat(1_000))).toMatch(/^bad\.yaml:1:\d+: values are nested too deeply/)
      expect(await refusal(GOOD + roles.join(''))).toBe('bad.yaml:1:1: the YAML is longer than 512 KiB')
    }
  })

  test('a file beyond 2 MB is refused unread', async () => {
    expect(await refusal('#'.repeat(2 * 1024 * 1024 + 1))).toBe('bad.yaml:1:1: the routing matrix is larger than 2 MiB')
  })

  test('a role called __proto__ is refused, and changes no object', async () => {
    expect(await refusal(`${GOOD}  __proto__:\n    candidates: [{provider: a, model: p}]\n`)).toBe('bad.yaml:12:3: __proto__ cannot be a key')
    expect('candidates' in {}).toBe(false)
  })
})

describe('finding a matrix', () => {
  test('by name: given folders first, then the user’s, then the package’s', async () => {
    const home = join(folder, 'home')
    const custom = join(folder, 'custom')
    await mkdir(join(home, '.amplifier', 'routing'), { recursive: true })
    await mkdir(custom, { recursive: true })
    await writeFile(join(home, '.amplifier', 'routing', 'mine.yml'), GOOD)
    const options = { home, directories: [join(folder, 'not there'), custom] }
    expect((await readMatrixSource('mine', options)).file).toBe(join(home, '.amplifier', 'routing', 'mine.yml'))
    await writeFile(join(custom, 'mine.yaml'), GOOD)
    expect((await readMatrixSource('mine', options)).file).toBe(join(custom, 'mine.yaml'))
    expect((await loadMatrix('openai-chatgpt', options)).name).toBe('openai-chatgpt')
    expect((await listMatrices(options)).map(({ name, shadowed }) => [name, shadowed])).toEqual([
      ['mine', false], ['mine', true], ['openai-chatgpt', false], ['openai', false],
    ])
  })

  test('folders may be named by a glob, on every system', async () => {
    for (const name of ['b', 'a']) {
      await mkdir(join(folder, 'teams', name, 'matrices'), { recursive: true })
      await writeFile(join(folder, 'teams', name, 'matrices', `${name}-own.yaml`), GOOD)
    }
    const options = { home: folder, directories: [join(folder, 'teams', '*', 'matrices')] }
    expect((await listMatrices(options)).slice(0, 2).map(({ name }) => name)).toEqual(['a-own', 'b-own'])
    expect((await loadMatrix('b-own', options)).name).toBe('mine')
    expect(originOf(await loadMatrix('openai-chatgpt', options))).toMatchObject({ whose: 'host' })
  })

  test('an unknown name says where was looked and what there is', async () => {
    await expect(loadMatrix('opnai', { home: folder, directories: [folder] })).rejects.toThrow(
      /^no routing matrix opnai \(looked in .+\); there is .*openai-chatgpt/)
    await expect(loadMatrix('')).rejects.toMatchObject({ name: 'ConfigurationError' })
  })

  test('a path that is no file, or leads nowhere, says so', async () => {
    await expect(loadMatrix(`${folder}/`)).rejects.toThrow(/cannot read the routing matrix .+: it is a folder, not a file/)
    await expect(loadMatrix(join(folder, 'gone.yaml'))).rejects.toThrow(/: it doesn't exist \[\w+\]$/)
    if (process.platform !== 'win32') {
      await symlink(join(folder, 'loop.yaml'), join(folder, 'loop.yaml'))
      await expect(loadMatrix(join(folder, 'loop.yaml'))).rejects.toThrow(/ELOOP/)
    }
  })
})

describe('validateMatrix', () => {
  test('names the key where there is no file', () => {
    expect(() => validateMatrix({ name: 'x', roles: { general: { candidates: [{ provider: 'a' }] }, fast: { candidates: [] } } }))
      .toThrow(expect.objectContaining({ name: 'ConfigurationError', message: 'roles.general.candidates[0] needs model [schema]' }))
    expect(() => validateMatrix(undefined)).toThrow('the matrix is empty')
  })

  test('answers fresh objects, so that the data stays as it was', () => {
    const data = { name: 'x', extra: 1, roles: { general: { candidates: [] }, fast: { candidates: [] } } }
    const matrix = validateMatrix(data)
    expect(matrix).toStrictEqual(data)
    expect(matrix.roles).not.toBe(data.roles)
    expect(originOf(data.roles.fast)).toBeUndefined()
  })
})
