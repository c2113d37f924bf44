import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { shareMatrix } from '../../src/cli/share-matrix.js'

test('a matrix is copied to where the Amplifier application lists them, twice without harm, and never over another', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const target = join(folder, 'routing', 'openai-chatgpt.yaml')
  await expect(shareMatrix('openai-chatgpt', folder, {})).resolves.toBe(target)
  await expect(shareMatrix('openai-chatgpt', folder, {})).resolves.toBe(target)
  expect(await readFile(target, 'utf8')).toBe(await readFile('routing/openai-chatgpt.yaml', 'utf8'))
  await writeFile(target, 'name: mine')
  await expect(shareMatrix('openai-chatgpt', folder, {})).rejects.toMatchObject({ code: 'matrix_exists', message: expect.stringContaining(target) as string })
  expect(await readFile(target, 'utf8')).toBe('name: mine')
  await expect(shareMatrix('../elsewhere', folder, {})).rejects.toMatchObject({ code: 'usage' })
})
