import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { listOrigins, ownOriginOf, parseDocument } from '../../src/documents/index.js'
import { findMatrixProblems } from '../../src/routing/matrix-problems.js'
import { findShipped } from '../../src/routing/shipped-matrices.js'

const fileOf = (name: string) => new URL(`../../routing/${name}.yaml`, import.meta.url)
const compiler = new URL('../../src/routing/compile-shipped.mjs', import.meta.url).href
const { compileShipped } = (await import(compiler)) as { compileShipped: () => Promise<void> }
await compileShipped()

describe('the compiled form of a shipped matrix', () => {
  test.each(['openai-chatgpt', 'openai'])('says what the YAML of %s says, with every value in the same place', async (name) => {
    const source = { file: 'm.yaml', whose: 'host' as const }
    const text = await readFile(fileOf(name), 'utf8')
    const shipped = await findShipped({ text, ...source })
    const parsed = await parseDocument(text, source)
    expect(shipped?.value).toEqual(parsed.value)
    expect(listOrigins(shipped?.value)).toEqual(listOrigins(parsed.value))
    expect(ownOriginOf(shipped?.value)).toEqual(ownOriginOf(parsed.value))
    // Not asked again where one is loaded.
    expect(findMatrixProblems(shipped?.value)).toEqual([])
  })

  test('stands for no other text, were it one letter away', async () => {
    const text = await readFile(fileOf('openai-chatgpt'), 'utf8')
    for (const other of [`${text} `, '']) expect(await findShipped({ text: other, file: 'm.yaml', whose: 'user' })).toBeUndefined()
  })
})
