import { readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { codexAuthPath, createFileStore, createLane, exportCredential, importCredential, listAccounts, readCodexAuth, saveSignIn, tokenFilePath } from '../../src/auth/index.js'
import { testFolder } from './support/folder.js'
import { startStand } from './support/stand.js'
import { accessToken } from './support/tokens.js'

describe('the Codex command line\'s sign-in', () => {
  async function codexHome(content: unknown) {
    const folder = await testFolder()
    const path = join(folder, 'auth.json')
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
    return { folder, path }
  }

  test('is read without its refresh token, and its file is not touched', async () => {
    const { folder, path } = await codexHome({ OPENAI_API_KEY: null, tokens: { id_token: accessToken(), access_token: accessToken(), refresh_token: 'rt-made-up', account_id: 'account-one' }, last_refresh: '2026-11-01T00:00:00Z', other: 1 })
    const before = await readFile(path, 'utf8')
    const store = createFileStore({ path: join(folder, 'token.json'), lane: 'codex' })
    const record = await saveSignIn({ lane: createLane('codex'), store, signIn: await readCodexAuth({ env: { CODEX_HOME: folder } }) })
    expect(record).toMatchObject({ account_id: 'account-one', refresh_token: null, client_id: 'app_EMoamEEZ73f0CkXaXp7hrann' })
    expect(await readFile(path, 'utf8')).toBe(before)
  })

  test('is taken over whole where that is asked for', async () => {
    const { path } = await codexHome({ tokens: { access_token: accessToken(), refresh_token: 'rt-made-up-refresh' } })
    expect((await readCodexAuth({ path, refreshToken: 'take' })).reply.refresh_token).toBe('rt-made-up-refresh')
  })

  test.each([
    ['{"tokens":', 'codex_auth_corrupt'], [{ OPENAI_API_KEY: 'sk-x' }, 'codex_auth_empty'], [{ tokens: {} }, 'codex_auth_empty'],
  ])('that is none is an error that names the file: %j', async (content, code) => {
    const { path } = await codexHome(content)
    await expect(readCodexAuth({ path })).rejects.toMatchObject({ name: 'AuthenticationError', code, message: expect.stringContaining(path) as string })
  })

  test('that is not there says where it was looked for', async () => {
    const folder = await testFolder()
    expect(codexAuthPath({ env: {}, home: folder })).toBe(join(folder, '.codex', 'auth.json'))
    await expect(readCodexAuth({ env: {}, home: folder })).rejects.toMatchObject({ code: 'codex_auth_unreadable', message: expect.stringContaining('does not exist') as string })
  })
})

describe('a sign-in carried to another machine', () => {
  test('arrives whole, in a private file', async () => {
    const stand = await startStand()
    await saveSignIn({ lane: stand.lane, store: stand.store, signIn: { reply: { ...stand.twin.issueTokens(), server_ahead_ms: 0 } } })
    const path = join(stand.folder, 'carried.json')
    await exportCredential({ ...stand, path })
    if (process.platform !== 'win32') expect((await stat(path)).mode & 0o777).toBe(0o600)
    const there = createFileStore({ path: join(stand.folder, 'there.json'), lane: 'codex' })
    const credential = await importCredential({ lane: stand.lane, store: there, path, expect: { accountId: stand.twin.accountId } })
    expect(credential.accountId).toBe(stand.twin.accountId)
    expect(await there.load()).toEqual(await stand.store.load())
  })

  test('is refused where it is of somebody else, of another lane, made for another origin, or changed', async () => {
    const stand = await startStand()
    const path = join(stand.folder, 'carried.json')
    await stand.store.save({ ...stand.twin.issueTokens(), issuer: stand.twin.issuer })
    await exportCredential({ ...stand, path })
    const there = createFileStore({ path: join(stand.folder, 'there.json'), lane: 'codex' })
    await expect(importCredential({ lane: stand.lane, store: there, path, expect: { accountId: 'another' } })).rejects.toMatchObject({ name: 'AccessDeniedError', code: 'account_mismatch' })
    await expect(importCredential({ lane: createLane('codex'), store: there, path })).rejects.toMatchObject({ code: 'origin_mismatch' })
    await there.save({ ...stand.twin.issueTokens({ accountId: 'pinned', subject: 'pinned' }) })
    await expect(importCredential({ lane: stand.lane, store: there, path, identity: 'pinned' })).rejects.toMatchObject({ code: 'account_mismatch' })
    await writeFile(path, (await readFile(path, 'utf8')).replace(`"account_id": "${stand.twin.accountId}"`, '"account_id": "forged"'))
    await expect(importCredential({ lane: stand.lane, store: there, path })).rejects.toMatchObject({ code: 'import_mismatch' })
    await writeFile(path, '{"access_token":"x"}')
    await expect(importCredential({ lane: stand.lane, store: there, path })).rejects.toMatchObject({ code: 'token_store_corrupt' })
    expect(await there.load()).toMatchObject({ record: { account_id: 'pinned' } })
  })

  test.runIf(process.platform !== 'win32')('is not written over a file or through a link', async () => {
    const stand = await startStand()
    await stand.store.save({ ...stand.twin.issueTokens() })
    const path = join(stand.folder, 'carried.json')
    await symlink(join(stand.folder, 'elsewhere.json'), path)
    await expect(exportCredential({ ...stand, path })).rejects.toMatchObject({ name: 'TokenStoreError', code: 'refused' })
    await expect(exportCredential({ ...stand, path: stand.path })).rejects.toMatchObject({ code: 'refused' })
  })
})

describe('accounts', () => {
  test('have a file each, and lanes never share one', () => {
    const at = (lane: 'codex' | 'plan' | 'api_key', account?: string) => tokenFilePath({ lane, home: '/home/me', ...(account ? { account } : {}) })
    expect([at('codex'), at('codex', 'work'), at('plan'), at('plan', 'work'), at('api_key')]).toEqual([
      'openai-chatgpt-oauth.json', 'openai-chatgpt-oauth.work.json', 'chatgpt-plan/default.json', 'chatgpt-plan/work.json', 'openai-chatgpt-api-key.json',
    ].map((name) => join('/home/me', '.amplifier', name)))
  })

  test.each(['../x', 'a/b', 'a.b', '', 'x'.repeat(65), '-x'])('have names that can be part of a file name, not %j', (account) => {
    expect(() => tokenFilePath({ lane: 'codex', account })).toThrow(expect.objectContaining({ name: 'ConfigurationError' }) as Error)
  })

  test('are listed by lane and name, without what else lies there', async () => {
    const folder = await testFolder()
    for (const name of ['openai-chatgpt-plan.json', 'openai-chatgpt-oauth.work.json', 'openai-chatgpt-oauth.json', 'openai-chatgpt-oauth.json.corrupt-20261120T120000000Z', '.openai-chatgpt-oauth.json.1-a.tmp', 'settings.yaml', 'openai-chatgpt-oauthx.json']) {
      await writeFile(join(folder, name), '{}')
    }
    expect((await listAccounts({ folder })).map(({ lane, account }) => `${lane} ${account}`)).toEqual(['codex default', 'codex work', 'plan default'])
    expect(await listAccounts({ folder: join(folder, 'nowhere') })).toEqual([])
  })

  test('that are pinned refuse another workspace or user, and keep what they have', async () => {
    const stand = await startStand()
    const save = (overrides: object) => saveSignIn({ lane: stand.lane, store: stand.store, identity: 'pinned', signIn: { reply: { ...stand.twin.issueTokens(overrides), server_ahead_ms: 0 } } })
    await save({ accountId: 'work', subject: 'me' })
    const again = await save({ accountId: 'work', subject: 'me' })
    await expect(save({ accountId: 'home', subject: 'me' })).rejects.toMatchObject({ name: 'AccessDeniedError', code: 'account_mismatch' })
    await expect(save({ accountId: 'work', subject: 'somebody' })).rejects.toMatchObject({ name: 'AccessDeniedError' })
    expect(await stand.store.load()).toMatchObject({ record: { refresh_token: again.refresh_token } })
  })
})
