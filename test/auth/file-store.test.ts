import { chmod, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createFileStore } from '../../src/auth/file-store.js'
import { testFolder } from './support/folder.js'
import { originalRecord } from './support/tokens.js'

const POSIX = process.platform !== 'win32'

async function storeIn(content?: string | Uint8Array) {
  const folder = await testFolder()
  const path = join(folder, 'openai-chatgpt-oauth.json')
  if (content !== undefined) await writeFile(path, content, { mode: 0o600 })
  const warnings: string[] = []
  const store = createFileStore({ path, lane: 'codex', now: () => Date.UTC(2026, 10, 20, 12), warn: (message) => warnings.push(message) })
  return { folder, path, store, warnings }
}

describe('what a token file can be', () => {
  test('the original module\'s file is present as it is', async () => {
    const record = originalRecord()
    const { store } = await storeIn(JSON.stringify(record))
    expect(await store.load()).toEqual({ state: 'present', record })
  })

  test.each([
    ['missing', undefined, 'does not exist: nobody is signed in. Run amplifier-chatgpt login'],
    ['empty', '', 'is empty: nobody is signed in. Run amplifier-chatgpt login'],
    ['empty', ' \n\t', 'is empty'],
    ['empty', '{"auth_mode":"oauth"}', 'holds no access token'],
    ['corrupt', '{"access_token":"abc', 'is no JSON object; it may have been cut off. Run amplifier-chatgpt login; what is there now will be kept aside under another name'],
    ['corrupt', '[]', 'is no JSON object'],
    ['corrupt', '\0\0\0\0', 'is no JSON object'],
    ['corrupt', '{"access_token":7}', 'has a access_token that is no token'],
    ['corrupt', '{"access_token":"a\\u0000b"}', 'has a access_token that is no token'],
    ['corrupt', '{"access_token":"ok","refresh_token":"a\\r\\nHost: evil"}', 'has a refresh_token that is no token'],
    ['corrupt', '{"OPENAI_API_KEY":null,"tokens":{"access_token":"x"}}', 'looks like the Codex command line\'s auth.json'],
    ['wrong_lane', '{"access_token":"abc","auth_mode":"chatgpt_plan"}', 'holds a sign-in of lane plan, and this is lane codex; lanes never mix'],
    ['wrong_lane', '{"access_token":"abc","lane":"api_key"}', 'lane api_key'],
  ])('%s: %j', async (state, content, words) => {
    const { store, path } = await storeIn(content)
    const found = await store.load()
    expect(found.state).toBe(state)
    expect(found).toMatchObject({ message: expect.stringContaining(words) as string })
    expect(found).toMatchObject({ message: expect.stringContaining(path) as string })
  })

  test('a byte order mark in front does no harm', async () => {
    const { store } = await storeIn(`\uFEFF${JSON.stringify(originalRecord())}`)
    expect((await store.load()).state).toBe('present')
  })

  test('a file of a megabyte and more is no credential', async () => {
    const { store } = await storeIn(' '.repeat(1024 * 1024 + 1))
    expect((await store.load()).state).toBe('corrupt')
  })

  test('a folder in its place is unreadable', async () => {
    const { store, path } = await storeIn()
    await mkdir(path)
    expect(await store.load()).toMatchObject({ state: 'unreadable' })
  })

  test.runIf(POSIX)('a symbolic link is refused for reading and for writing, and what it leads to is untouched', async () => {
    const { store, path, folder } = await storeIn()
    const target = join(folder, 'elsewhere.json')
    await writeFile(target, JSON.stringify(originalRecord()))
    await symlink(target, path)
    expect(await store.load()).toMatchObject({ state: 'unreadable', message: expect.stringContaining('symbolic link') as string })
    await expect(store.save(originalRecord())).rejects.toMatchObject({ name: 'TokenStoreError', code: 'refused' })
    expect(JSON.parse(await readFile(target, 'utf8'))).toEqual(originalRecord())
  })
})

describe('a save', () => {
  test.runIf(POSIX)('makes a file of mode 0600 in a folder of 0700, and leaves nothing else behind', async () => {
    const folder = join(await testFolder(), 'new', '.amplifier')
    const store = createFileStore({ path: join(folder, 'token.json'), lane: 'codex' })
    const umask = process.umask(0)
    try {
      await store.save(originalRecord())
    } finally {
      process.umask(umask)
    }
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, 'token.json'))).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['token.json'])
  })

  test('keeps keys it does not know and the numbers in them', async () => {
    const { store } = await storeIn()
    const record = { ...originalRecord(), somebody_elses: { deep: [1, null, 'x'] } }
    await store.save(record)
    expect(await store.load()).toEqual({ state: 'present', record })
  })

  test('of a shorter record leaves nothing of the longer one, also in a reserved file', async () => {
    const { store, path } = await storeIn()
    await store.save({ ...originalRecord(), filling: 'x'.repeat(10_000) })
    await store.withLock(async (lock) => {
      await store.proveWritable()
      await store.save(originalRecord(), { lock })
    })
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(originalRecord())
    expect((await stat(path)).size).toBeLessThan(2000)
  })

  test('keeps a corrupt file aside under another name', async () => {
    const { store, folder } = await storeIn('{"access_token":"half')
    await store.save(originalRecord())
    expect((await readdir(folder)).sort()).toEqual(['openai-chatgpt-oauth.json', 'openai-chatgpt-oauth.json.corrupt-20261120T120000000Z'])
    expect(await readFile(join(folder, 'openai-chatgpt-oauth.json.corrupt-20261120T120000000Z'), 'utf8')).toBe('{"access_token":"half')
  })

  test('never replaces another lane\'s sign-in', async () => {
    const { store, path } = await storeIn('{"access_token":"abc","lane":"plan"}')
    await expect(store.save(originalRecord())).rejects.toMatchObject({ code: 'refused' })
    expect(await readFile(path, 'utf8')).toBe('{"access_token":"abc","lane":"plan"}')
  })

  test('under a lock that was lost changes nothing', async () => {
    const { store, path } = await storeIn('{"access_token":"abc"}')
    await expect(store.save(originalRecord(), { lock: { held: async () => false } })).rejects.toMatchObject({ code: 'stale_lock' })
    expect(await readFile(path, 'utf8')).toBe('{"access_token":"abc"}')
  })

  test('removes what killed writers left', async () => {
    const { store, folder } = await storeIn()
    await writeFile(join(folder, '.openai-chatgpt-oauth.json.123-abc.tmp'), '{"access_tok')
    await store.save(originalRecord())
    expect(await readdir(folder)).toEqual(['openai-chatgpt-oauth.json'])
  })

  test('proving that a save would work leaves nothing behind', async () => {
    const { store, folder } = await storeIn()
    await store.proveWritable()
    await store.withLock(() => store.proveWritable())
    expect(await readdir(folder)).toEqual([])
  })
})

test.runIf(POSIX)('a file that others could read is closed to them, with one warning', async () => {
  const { store, path, warnings } = await storeIn(JSON.stringify(originalRecord()))
  await chmod(path, 0o644)
  expect((await store.load()).state).toBe('present')
  await store.load()
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(warnings).toEqual([expect.stringContaining('was readable by other users (mode 0644); it is 0600 now')])
})

test('clearing twice is no harm', async () => {
  const { store, folder } = await storeIn('{"access_token":"abc"}')
  await store.clear()
  await store.clear()
  expect(await readdir(folder)).toEqual([])
  expect((await store.load()).state).toBe('missing')
})

