import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createFileStore } from '../../src/auth/index.js'
import { withFileLock } from '../../src/lib/index.js'
import { testFolder } from './support/folder.js'

test('a refresh waits for one of version 0.1.0, which locks by a folder of its own, and keeps it waiting', async () => {
  const path = join(await testFolder(), 'token.json')
  const store = createFileStore({ path, lane: 'codex' })
  const order: string[] = []
  const work = (name: string) => async () => {
    order.push(`${name} begins`)
    await new Promise((resolve) => setTimeout(resolve, 30))
    order.push(`${name} ends`)
  }
  const older = () => withFileLock({ folder: `${path}.lock`, place: path }, work('old'))
  await Promise.all([older(), store.withLock(work('new')), older(), store.withLock(work('new')), older()])
  expect(order.filter((_line, index) => index % 2 === 0).map((line) => line.replace('begins', 'ends'))).toEqual(order.filter((_line, index) => index % 2 === 1))
  expect(await readdir(join(path, '..'))).toEqual([])
})

test('where the Python module\'s lock file lies, that is the lock', async () => {
  const path = join(await testFolder(), 'token.json')
  await writeFile(`${path}.lock`, '')
  await expect(createFileStore({ path, lane: 'codex' }).withLock(async () => 'done')).resolves.toBe('done')
  await expect(withFileLock({ folder: `${path}.lock`, place: path }, async () => 'done')).rejects.toMatchObject({ name: 'FileLockError', code: 'unwritable' })
})
