import { spawnSync } from 'node:child_process'
import { chmod, chown, mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createCredentialSource, createFileStore } from '../../src/auth/index.js'
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

test.runIf(process.platform !== 'win32')('a symbolic link in the token file\'s place ends a call before anything is sent', async () => {
  const stand = await startStand()
  const target = join(stand.folder, 'target.json')
  await writeFile(target, JSON.stringify(stand.twin.issueTokens()), { mode: 0o600 })
  await symlink(target, stand.path)
  const source = createCredentialSource(stand)
  await expect(source.current()).rejects.toMatchObject({ name: 'AuthenticationError', code: 'token_store_unreadable', message: expect.stringContaining('symbolic link') as string })
  expect(stand.twin.requests).toEqual([])
})
