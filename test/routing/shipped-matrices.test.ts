import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { originOf, validateMatrix, type RoutingMatrix } from '../../src/routing/index.js'
import { parseMatrix } from '../../src/routing/parse-matrix.js'
import { findShipped } from '../../src/routing/shipped-matrices.js'

const fileOf = (name: string) => new URL(`../../routing/${name}.yaml`, import.meta.url)
const compiler = new URL('../../src/routing/compile-shipped.mjs', import.meta.url).href
const { compileShipped } = (await import(compiler)) as { compileShipped: () => void }
compileShipped()

const origins = ({ roles }: RoutingMatrix) =>
  Object.values(roles).map((role) => [originOf(role), role.candidates.map((candidate) => originOf(candidate))])

describe('the compiled form of a shipped matrix', () => {
  test.each(['openai-chatgpt', 'openai'])('says what the YAML of %s says, with every role and candidate in the same place', async (name) => {
    const text = await readFile(fileOf(name), 'utf8')
    const shipped = await findShipped(text)
    const parsed = await parseMatrix(text)
    expect(shipped?.data).toEqual(parsed.data)
    const [fast, slow] = [shipped!, parsed].map(({ data, locate }) => validateMatrix(data, { file: 'm.yaml', locate }))
    expect(fast).toEqual(slow)
    expect(originOf(fast!)).toEqual(originOf(slow!))
    expect(origins(fast!)).toEqual(origins(slow!))
  })

  test('stands for no other text, were it one letter away', async () => {
    const text = await readFile(fileOf('openai-chatgpt'), 'utf8')
    expect(await findShipped(`${text} `)).toBeUndefined()
    expect(await findShipped('')).toBeUndefined()
  })
})
