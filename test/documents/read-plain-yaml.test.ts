import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { listOrigins, originsOf, ownOriginOf } from '../../src/documents/index.js'
import { parseAnyYaml } from '../../src/documents/parse-yaml.js'
import { readPlainYaml } from '../../src/documents/read-plain-yaml.js'
import { createRandom } from '../auth/support/random.js'

const source = { file: 'x', whose: 'user' as const }
const root = fileURLToPath(new URL('../../', import.meta.url))
const real = ['routing', 'examples', 'docs', 'test'].flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  .filter((name) => ['.yaml', '.yml'].includes(extname(name)) && !name.includes('node_modules'))
  .map((name) => readFileSync(join(root, folder, name), 'utf8')))

const readPlain = (text: string): unknown => readPlainYaml(text, (line, column) => ({ ...source, line, column }))?.value

/** Values with all that is noted beside them. */
const show = (value: unknown): unknown =>
  ({ value, types: JSON.stringify(value), zero: listZeros(value), origins: listOrigins(value), own: ownOriginOf(value), top: originsOf(value) })

function listZeros(value: unknown): boolean[] {
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(listZeros) : typeof value === 'number' ? [Object.is(value, -0)] : []
}

/** Whether the text is plain; what is, the library reads as the same. */
async function agree(text: string): Promise<boolean> {
  const plain = readPlain(text)
  if (plain === undefined) return false
  const { value, findings } = await parseAnyYaml(text, source)
  expect({ text, findings, ...show(plain) as object }).toStrictEqual({ text, findings: [], ...show(value) as object })
  return true
}

describe('plain YAML', () => {
  test.each([
    'a: 1', 'a:\nb: 2', 'a:\n  - x\n  - y: 1\n    z: [1, two, "three"]\n  -   w: {}', 'a:\n- x\n- y\nb: c', '"a b": \'it\'\'s\' # said', '- 1\n- a: b\n- {c: d, e: [f]}',
    '# first\n\n  # and indented\na: # none yet\n  # still none\n  b: "#1" # two\n   # three\nc: x#y http://z a, b] "c"', 'a: ~/x\nb: ~\nc: null\nd: true\ne: 1.2.3\nf: 2026-11-21\ng: -1\nh: 0.25\ni: 007\n'.replace('i: 007\n', ''),
    'a: ""\nb: \'\'\nc: " x "\n', 'a: ä – ö\n', 'a:   spaced   \nb:\n        deep: 1\nc:\n - odd\n - even',
  ])('%j is read without the library, as it would', async (text) => {
    expect(await agree(text)).toBe(true)
  })

  test.each([
    '', '# nothing', 'text', '[1]\n---\n', '--- \na: 1', 'a: 1\n...', '%YAML 1.2\n---\na: 1', 'a: &x 1', 'a: *x', 'a: !!str 1', 'a: |\n  b', 'a: >-\n  b', 'a: b\n  c', 'a: "b\n  c"', 'a: [1,\n  2]', 'a: 1\na: 2',
    'a:\n  b: 1\n c: 2', 'a: "\\n"', 'a: +1', 'a: 0x1f', 'a: 1e3', 'a: .5', 'a: .inf', 'a: -0', 'a: 1_000'.replace('1_000', '0o7'), 'True: 1', 'a: Yes: no', 'a: - b', '- - a', 'a b: 1', '? a\n: b', '<<: {a: 1}', '__proto__: 1',
    'a:\tb', 'a: b\r\n', '\ufeffa: 1', 'a: [1, 2,]', 'a: [b: c]', 'a: {b}', 'a: @b', 'a: `b', 'a: %b', 'a: {a: 1, a: 2}', '1: 2', 'a: [x]y', 'a: "x"y', 'a: "x" #y'.replace(' #y', '#y'), ' a: 1', 'a: 1\n- b', '-', '- \n  a: 1',
  ])('%j is left to the library', (text) => {
    expect(readPlain(text)).toBeUndefined()
  })

  test('our own files are plain', async () => {
    expect(real.length).toBeGreaterThan(3)
    for (const text of real) await agree(text)
    expect(readPlain(readFileSync(join(root, 'routing/openai.yaml'), 'utf8'))).toBeDefined()
    expect(readPlain(readFileSync(join(root, 'routing/openai-chatgpt.yaml'), 'utf8'))).toBeDefined()
  })

  test('changed files are read as the library reads them, or left to it', async () => {
    const seed = Number(process.env['SEED'] ?? 20261122)
    const random = createRandom(seed)
    const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!
    const pieces = [' ', '  ', '\n', '\n  ', '\n- ', '- ', ': ', ':', '#', ' #', ',', '[', ']', '{', '}', '"', "'", '&a ', '*a', '|', '>', '?', '!', '%', '@', '~', 'null', '-1', '1.50', '0', 'x', 'é', '\\', '.', '...', '---', '=', '<<: ', '\t', '\u2028', '+', 'e5']
    let plain = 0
    const rounds = Number(process.env['ROUNDS'] ?? 1_500)
    for (let round = 0; round < rounds; round += 1) {
      const lines = pick(real).split('\n')
      const from = Math.floor(random() * lines.length)
      let text = lines.slice(from, from + 3 + Math.floor(random() * 12)).map((line, _, [head = '']) => line.startsWith(/^ */.exec(head)?.[0] ?? '') ? line.slice(/^ */.exec(head)?.[0].length) : line).join('\n')
      for (let changes = Math.floor(random() * 4); changes > 0; changes -= 1) {
        const at = Math.floor(random() * (text.length + 1))
        text = text.slice(0, at) + pick(pieces) + text.slice(at + Math.floor(random() * 3))
      }
      if (await agree(text)) plain += 1
    }
    expect({ seed, enough: plain > rounds / 5 }).toEqual({ seed, enough: true })
  })
})
