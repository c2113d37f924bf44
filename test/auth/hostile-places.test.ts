import { spawnSync } from 'node:child_process'
import { chmod, chown, mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createCredentialSource, createFileStore } from '../../src/auth/index.js'
import { isLLMError } from '../../src/contract/index.js'
import { bundleWorker, startHost, type WorkerProgram } from './support/fleet.js'
import { startStand, type Stand } from './support/stand.js'
import { testFolder } from './support/folder.js'

const NOBODY = 65534
const root = process.getuid?.() === 0
if (!root) process.stderr.write('skipped: foreign and read-only files, because these tests do not run as root\n')
const tmpfs = root && canMount()
if (!tmpfs) process.stderr.write('skipped: the full disk, because this machine lets these tests mount no tmpfs\n')

function canMount(): boolean {
  const place = '/tmp/auth-test-mount-probe'
  spawnSync('mkdir', ['-p', place])
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place]).status === 0
  if (mounted) spawnSync('umount', [place])
  spawnSync('rmdir', [place])
  return mounted
}

describe.runIf(root)('as another user', () => {
  let program: WorkerProgram
  beforeAll(async () => {
    program = await bundleWorker()
    await chmod(dirname(program.path), 0o755)
  })
  afterAll(() => program.remove())

  async function callAsNobody(stand: Stand) {
    await chmod(stand.folder, 0o755)
    const host = startHost(program, { issuer: stand.twin.issuer, baseUrl: stand.twin.baseUrl, path: stand.path }, { uid: NOBODY, gid: NOBODY })
    onTestFinished(() => host.end())
    await host.ready
    return host.call(1)
  }

  test('a file that is not ours to read is a clear error, and stays as it is', async () => {
    const stand = await startStand()
    await stand.store.save({ ...stand.twin.issueTokens() })
    const before = await readFile(stand.path, 'utf8')
    expect(await callAsNobody(stand)).toMatchObject({ outcome: 'error', name: 'AuthenticationError', code: 'token_store_unreadable', message: expect.stringContaining(`${stand.path} cannot be read by this user (EACCES)`) as string })
    expect(await readFile(stand.path, 'utf8')).toBe(before)
  })

  test('a sign-in in a folder we cannot write to serves while its token is good', async () => {
    const stand = await startStand()
    await stand.store.save({ ...stand.twin.issueTokens() })
    await chown(stand.path, NOBODY, NOBODY)
    expect(await callAsNobody(stand)).toMatchObject({ outcome: 'ok' })
  })

  test('and is not refreshed where the answer could not be kept: the refresh token stays good', async () => {
    const stand = await startStand()
    await stand.store.save({ ...stand.twin.issueTokens() })
    await chown(stand.path, NOBODY, NOBODY)
    stand.twin.expireAccessTokens()
    expect(await callAsNobody(stand)).toMatchObject({
      outcome: 'error', name: 'AuthenticationError', code: 'token_store_unwritable',
      message: expect.stringMatching(/was not refreshed.*EACCES.*writable for this user/) as string,
    })
    expect(stand.twin.refreshes).toEqual([])
    await chown(stand.path, 0, 0)
    expect((await stand.store.load()).state).toBe('present')
  })

  test('a file of a third user is refused with the command that mends it, and serves again after it', async () => {
    const stand = await startStand()
    await stand.store.save({ ...stand.twin.issueTokens() })
    await chown(stand.path, NOBODY, NOBODY)
    const source = createCredentialSource(stand)
    await expect(source.current()).rejects.toMatchObject({
      name: 'AuthenticationError', code: 'token_store_unreadable',
      message: `${stand.path} belongs to another user (uid ${NOBODY}), which is refused for a file of secrets. If the sign-in is yours, run sudo chown 0 ${stand.path} [token_store_unreadable]`,
    })
    await expect(stand.store.save({ access_token: 'made-up' })).rejects.toMatchObject({ name: 'TokenStoreError', code: 'refused' })
    expect(stand.twin.requests).toEqual([])
    await chown(stand.path, 0, 0)
    expect((await stand.store.load()).state).toBe('present')
  })

  test('a file of a third user that this user could read is refused too', async () => {
    const stand = await startStand()
    await stand.store.save({ ...stand.twin.issueTokens() })
    await chown(stand.path, NOBODY - 1, NOBODY - 1)
    await chmod(stand.path, 0o644)
    expect(await callAsNobody(stand)).toMatchObject({ outcome: 'error', name: 'AuthenticationError', message: expect.stringContaining(`run sudo chown ${NOBODY} ${stand.path}`) as string })
  })

  test('root uses a home that is another user\'s as a whole, as in a container', async () => {
    const stand = await startStand()
    await stand.store.save({ ...stand.twin.issueTokens() })
    await chown(stand.path, NOBODY, NOBODY)
    await chown(stand.folder, NOBODY, NOBODY)
    expect((await stand.store.load()).state).toBe('present')
  })

  test('a world-readable file of somebody else serves, with a warning', async () => {
    const stand = await startStand()
    await stand.store.save({ ...stand.twin.issueTokens() })
    await chmod(stand.path, 0o644)
    expect(await callAsNobody(stand)).toMatchObject({ outcome: 'ok' })
    expect((await stat(stand.path)).mode & 0o777).toBe(0o644)
  })
})

describe.runIf(tmpfs)('on a full disk', () => {
  test('nothing is exchanged and nothing lost, and all is well once there is room', async () => {
    const stand = await startStand()
    const disk = join(await testFolder(), 'disk')
    await mkdir(disk)
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=700', 'tmpfs', disk]).status).toBe(0)
    onTestFinished(() => { spawnSync('umount', ['-l', disk]) })
    const path = join(disk, 'token.json')
    const store = createFileStore({ path, lane: 'codex' })
    const tokens = stand.twin.issueTokens()
    await store.save({ ...tokens })
    const before = await readFile(path, 'utf8')
    await writeFile(join(disk, 'filling'), Buffer.alloc(1024 * 1024)).catch(() => undefined)
    const source = createCredentialSource({ lane: stand.lane, transport: stand.transport, store })
    expect((await source.current()).accessToken).toBe(tokens.access_token)
    await expect(source.replace(tokens.access_token)).rejects.toMatchObject({ name: 'AuthenticationError', code: 'token_store_unwritable', message: expect.stringContaining('(ENOSPC). The disk is full: make room') as string })
    expect(stand.twin.refreshes).toEqual([])
    expect(await readFile(path, 'utf8')).toBe(before)
    await rm(join(disk, 'filling'))
    expect((await source.replace(tokens.access_token)).accessToken).not.toBe(tokens.access_token)
    expect(await readdir(disk)).toEqual(['token.json'])
  })
})

describe.runIf(process.platform !== 'win32')('a folder', () => {
  test.each([0o700, 0o750, 0o755, 0o775, 0o1777])('of mode %o serves', async (mode) => {
    const stand = await startStand()
    await stand.store.save({ ...stand.twin.issueTokens() })
    await chmod(stand.folder, mode)
    expect((await createCredentialSource(stand).current()).accessToken).toMatch(/./)
  })

  test.each([0o777, 0o702])('of mode %o is refused for reading and saving, and serves once the command has been run', async (mode) => {
    const stand = await startStand()
    const folder = join(stand.folder, "it's here")
    await mkdir(folder)
    const path = join(folder, 'token.json')
    const store = createFileStore({ path, lane: 'codex' })
    await store.save({ ...stand.twin.issueTokens() })
    const before = await readFile(path, 'utf8')
    await chmod(folder, mode)
    const found = await createCredentialSource({ ...stand, store }).current().catch((error: unknown) => error)
    expect(found).toMatchObject({ name: 'AuthenticationError', code: 'token_store_unreadable', message: expect.stringContaining(`${path} lies in a folder that every user may write to`) as string })
    await expect(store.save({ access_token: 'made-up' })).rejects.toMatchObject({ name: 'TokenStoreError', code: 'refused' })
    expect(await readFile(path, 'utf8')).toBe(before)
    const command = isLLMError(found) ? found.words.replace(/^.*Run /s, '') : ''
    expect(spawnSync('sh', ['-c', command]).status).toBe(0)
    expect((await store.load()).state).toBe('present')
  })
})

test.runIf(process.platform !== 'win32')('a symbolic link in the token file\'s place ends a call before anything is sent', async () => {
  const stand = await startStand()
  const target = join(stand.folder, 'target.json')
  await writeFile(target, JSON.stringify(stand.twin.issueTokens()), { mode: 0o600 })
  await symlink(target, stand.path)
  const source = createCredentialSource(stand)
  await expect(source.current()).rejects.toMatchObject({ name: 'AuthenticationError', code: 'token_store_unreadable', message: expect.stringContaining('symbolic link') as string })
  expect(stand.twin.requests).toEqual([])
})
