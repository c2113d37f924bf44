import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withFileLock } from '../../src/auth/file-lock.js'
import { testFolder } from './support/folder.js'

const LIVE = `1-${process.pid}-elsewhere0-abc`

test('a live holder is an error of the store that names its process, what it does and what to do', async () => {
  const folder = join(await testFolder(), 'token.json.lock')
  await mkdir(folder)
  await writeFile(join(folder, LIVE), '')
  await expect(withFileLock({ folder, place: 'token.json', waitMs: -1 }, async () => 1)).rejects.toMatchObject({
    name: 'TokenStoreError', code: 'locked',
    message: `token.json is locked by process ${process.pid} on another host, which is refreshing the sign-in. Try again; if no such process runs, remove ${folder}`,
  })
})

test.skipIf(process.platform === 'win32' || process.getuid?.() === 0)('a folder that may not be written is an error of the store', async () => {
  const parent = await testFolder()
  await chmod(parent, 0o500)
  await expect(withFileLock({ folder: join(parent, 'token.json.lock'), place: 'token.json' }, async () => 1)).rejects.toMatchObject({
    name: 'TokenStoreError', code: 'unwritable',
  })
  await chmod(parent, 0o700)
})

test('what the work throws stays what it was', async () => {
  const folder = join(await testFolder(), 'token.json.lock')
  const boom = new Error('boom')
  await expect(withFileLock({ folder, place: 'token.json' }, async () => { throw boom })).rejects.toBe(boom)
})
