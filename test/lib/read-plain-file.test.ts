import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createQuota, createStateFile } from '../../src/account/index.js'
import { readCodexAuth } from '../../src/auth/codex-auth-file.js'
import { readPlainFile } from '../../src/lib/index.js'
import { loadCa } from '../../src/transport/load-ca.js'

const folders: string[] = []
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })))
})
const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'plain-file-'))
  folders.push(folder)
  return folder
}

/** What may stand in a file's place, each at a path of its own. */
const STRANGERS: [string, (path: string) => Promise<unknown>][] = [
  ['a FIFO without a writer', async (path) => execFileSync('mkfifo', [path])],
  ['a link to a FIFO', async (path) => {
    execFileSync('mkfifo', [`${path}.fifo`])
    await symlink(`${path}.fifo`, path)
  }],
  ['a link to a device that never ends', (path) => symlink('/dev/zero', path)],
  ['a folder', (path) => mkdir(path)],
]

test('a file, and a link to one, is read up to its limit', async () => {
  const folder = await newFolder()
  const path = join(folder, 'file')
  await writeFile(path, 'Füße')
  await symlink(path, join(folder, 'link'))
  expect(await readPlainFile(join(folder, 'link'), { maxBytes: 6 })).toBe('Füße')
  await expect(readPlainFile(path, { maxBytes: 5 })).rejects.toMatchObject({ name: 'PlainFileError', code: 'too_large' })
  await expect(readPlainFile(join(folder, 'none'), { maxBytes: 5 })).rejects.toMatchObject({ code: 'ENOENT' })
})

describe.skipIf(process.platform === 'win32').each(STRANGERS)('%s', (_name, put) => {
  test('is refused at once wherever a file is read', async () => {
    const path = join(await newFolder(), 'state.json')
    await put(path)
    await expect(readPlainFile(path, { maxBytes: 100 })).rejects.toMatchObject({ name: 'PlainFileError', code: 'not_a_file' })
    await expect(loadCa(path)).rejects.toThrow('no regular file')
    await expect(readCodexAuth({ path })).rejects.toMatchObject({ name: 'AuthenticationError', code: 'codex_auth_unreadable' })
  })

  test('in the place of the state file costs what was remembered, and nothing waits', async () => {
    const path = join(await newFolder(), 'state.json')
    await put(path)
    const state = createStateFile(path)
    const quota = createQuota({ persisted: state.persisted('account', 'quota') })
    await quota.ready()
    quota.observeExhausted({ model: 'm' })
    await quota.flush()
    expect(quota.inspect('m').exhaustedUntilMs).toBeGreaterThan(Date.now())
    await vi.waitFor(() => expect(process.memoryUsage().rss).toBeLessThan(1.2e9), 10_000)
  })
})
