import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createKeyFile } from '../../src/http/key-file.js'
import { createKeyRing } from '../../src/http/key-ring.js'

async function makePath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'keys-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'new', 'keys.json')
}

/** A clock of which every look is a second later. */
const later = (): (() => number) => {
  let at = 0
  return () => (at += 1000)
}

describe('the file of named keys', () => {
  test('holds hashes alone, for its owner alone, and two processes that add at once lose nothing', async () => {
    const path = await makePath()
    const files = [createKeyFile(path, { now: () => 0 }), createKeyFile(path, { now: () => 0 })]
    const keys = await Promise.all(['a', 'b', 'c', 'd'].map((name, index) => files[index % 2]?.add(name) as Promise<string>))
    const text = await readFile(path, 'utf8')
    expect(keys.filter((key) => text.includes(key) || text.includes(key.slice(6)))).toEqual([])
    expect(new Set(keys).size).toBe(4)
    expect((await files[0]?.list())?.map(({ name, created_at }) => `${name} ${created_at}`).sort()).toEqual(['a', 'b', 'c', 'd'].map((name) => `${name} 1970-01-01T00:00:00.000Z`))
    if (process.platform !== 'win32') expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  test('a key counts from its adding to its revoking, in a ring that was made before', async () => {
    const path = await makePath()
    const find = createKeyRing(createKeyFile(path, { monotonic: later() }).current)
    const file = createKeyFile(path)
    const [one, other] = [await file.add('one'), await file.add('other')]
    expect([find(one)?.name, find(other)?.name, find('local-made-up')?.name]).toEqual(['one', 'other', undefined])
    expect([await file.revoke('one'), await file.revoke('one')]).toEqual([true, false])
    expect([find(one)?.name, find(other)?.name]).toEqual([undefined, 'other'])
  })

  test('a name again, or none, is refused by name', async () => {
    const file = createKeyFile(await makePath())
    await file.add('laptop')
    await expect(file.add('laptop')).rejects.toMatchObject({ name: 'ConfigurationError', message: expect.stringContaining('laptop') })
    for (const name of ['', 'a b', 'a\u001b[2K', 'x'.repeat(65)]) await expect(file.add(name)).rejects.toMatchObject({ name: 'ConfigurationError' })
  })

  test.skipIf(process.platform === 'win32')('lets nobody in by a file that others may write, or that is no file of keys', async () => {
    const path = await makePath()
    const file = createKeyFile(path, { monotonic: later() })
    const key = await file.add('laptop')
    const find = createKeyRing(file.current)
    expect(find(key)?.name).toBe('laptop')
    await chmod(path, 0o666)
    expect(find(key)).toBeUndefined()
    await expect(file.list()).rejects.toMatchObject({ name: 'ConfigurationError', message: expect.stringContaining('chmod 600') })
    await chmod(path, 0o600)
    expect(find(key)?.name).toBe('laptop')
    await writeFile(path, '{"keys":[{"name":"laptop","sha256":""}]}')
    expect(find('')).toBeUndefined()
    await expect(file.list()).rejects.toMatchObject({ name: 'ConfigurationError', message: expect.stringContaining(path) })
  })
})
