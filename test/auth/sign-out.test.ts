import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createCredentialSource, createLane, exchangeApiKey, saveSignIn, signOut } from '../../src/auth/index.js'
import { createMemoryStore } from '../../src/auth/memory-store.js'
import { startStand } from './support/stand.js'

describe('signing out of the codex lane', () => {
  test('ends the refresh token at the server and forgets the file', async () => {
    const stand = await startStand()
    const tokens = stand.twin.issueTokens()
    await stand.store.save({ ...tokens })
    expect(await signOut(stand)).toEqual({ revoked: 'confirmed', message: 'signed out; the server has ended the tokens' })
    expect(stand.twin.revocations).toEqual([{ token: tokens.refresh_token, hint: 'refresh_token', known: true }])
    expect((await stand.store.load()).state).toBe('missing')
  })

  test('forgets the file also where the server did not confirm, and says so', async () => {
    const stand = await startStand()
    await stand.store.save({ ...stand.twin.issueTokens() })
    stand.twin.refuse('/oauth/revoke', { status: 503, times: 2 })
    expect(await signOut(stand)).toMatchObject({ revoked: 'unconfirmed', message: expect.stringContaining('the server did not confirm that the tokens have ended') as string })
    expect((await stand.store.load()).state).toBe('missing')
  })

  test('sends nothing to another issuer than the tokens name, and keeps them', async () => {
    const stand = await startStand()
    const elsewhere = await startStand()
    await stand.store.save({ ...elsewhere.twin.issueTokens() })
    await expect(signOut(stand)).rejects.toMatchObject({ name: 'AuthenticationError', code: 'origin_mismatch', message: expect.stringMatching(/^the stored sign-in was made for http:.+ logout --local forgets it here and ends nothing at the server \[origin_mismatch\]$/) as string })
    expect([stand.twin.requests, elsewhere.twin.revocations, (await stand.store.load()).state]).toEqual([[], [], 'present'])
    expect(await signOut({ ...stand, end: 'here' })).toMatchObject({ revoked: 'nothing' })
  })

  test('of nobody is no failure', async () => {
    const stand = await startStand()
    expect(await signOut(stand)).toMatchObject({ revoked: 'nothing' })
    expect(stand.twin.requests).toEqual([])
  })
})

describe('copies beside a token file', () => {
  const COPIES = {
    'token.json.corrupt-20260101T000000000Z': '{"access_token":"made-up-access","refresh_token":"made-up-ref',
    'token.json.corrupt-20260102T000000000Z': '{"access_token":"made up\\u0000","refresh_token":"made-up-refresh"}',
    '.token.json.123-abc.tmp': '{"access_token":"made-up-acc',
  }
  const OTHERS = {
    'token.json.work.corrupt-20260101T000000000Z': '{"access_token":"of another account"}',
    '.other.json.123-abc.tmp': '{"access_token":"of another file"}',
    'settings.yaml': 'a: 1',
  }
  async function plant(folder: string, files: Record<string, string>) {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 })
  }

  test.each(['a sign-in', 'a cut-off sign-in', 'no sign-in'])('are removed with %s, and files of others stay', async (what) => {
    const stand = await startStand()
    await plant(stand.folder, { ...COPIES, ...OTHERS })
    if (what === 'a sign-in') await writeFile(stand.path, JSON.stringify(stand.twin.issueTokens()), { mode: 0o600 })
    if (what === 'a cut-off sign-in') await plant(stand.folder, { 'token.json': '{"access_token":"made-up","ref' })
    expect(await signOut(stand)).not.toHaveProperty('left')
    expect((await readdir(stand.folder)).sort()).toEqual(Object.keys(OTHERS).sort())
  })

  test('are removed in the plan lane too, which keeps its client id', async () => {
    const stand = await startStand({ lane: 'plan' })
    await plant(stand.folder, { ...COPIES, 'token.json': '{"lane":"plan","client_id":"made-up-client","access_token":""}' })
    await signOut(stand)
    // The lock file is another program's too, and holds nothing: taking it away would let two in at once.
    expect((await readdir(stand.folder)).sort()).toEqual(['token.json', 'token.json.lock'])
    expect(JSON.parse(await readFile(stand.path, 'utf8'))).toEqual({ auth_mode: 'chatgpt_plan', lane: 'plan', client_id: 'made-up-client' })
  })

  test('that may be another program\'s, or cannot be removed, are named by path', async () => {
    const stand = await startStand()
    const codex = '{"OPENAI_API_KEY":null,"tokens":{"access_token":"made-up-codex"}}'
    await plant(stand.folder, { 'token.json': codex })
    await mkdir(join(stand.folder, '.token.json.1-a.tmp'))
    const result = await signOut(stand)
    const aside = (await readdir(stand.folder)).find((name) => name.startsWith('token.json.corrupt-')) ?? ''
    expect(result.left).toEqual([
      expect.stringContaining(`${join(stand.folder, '.token.json.1-a.tmp')} cannot be removed (`) as string,
      `${join(stand.folder, aside)} was kept aside as it was no token file of ours`,
    ])
    expect(result.message).toContain(join(stand.folder, aside))
    expect(result.message).not.toContain('made-up-codex')
    expect(await readFile(join(stand.folder, aside), 'utf8')).toBe(codex)
  })
})

describe('the api_key lane', () => {
  test('uses the configured key, bills by use and refreshes nothing', async () => {
    const stand = await startStand({ lane: 'api_key', config: { apiKey: 'sk-made-up-key' } })
    const source = createCredentialSource(stand)
    const credential = await source.current()
    expect(source.billing).toBe('metered')
    expect(source.headers(credential)).toEqual({ authorization: 'Bearer sk-made-up-key' })
    expect(JSON.stringify([credential, source, stand.lane])).not.toContain('sk-made-up-key')
    await expect(source.replace('sk-made-up-key')).rejects.toMatchObject({ name: 'AuthenticationError', code: 'invalid_api_key' })
    expect(stand.twin.requests).toEqual([])
  })

  test('takes a key that an ID token was exchanged for', async () => {
    const stand = await startStand({ lane: 'api_key' })
    const { id_token, client_id } = stand.twin.issueTokens()
    const signIn = await exchangeApiKey({ transport: stand.transport, issuer: stand.twin.issuer, clientId: client_id, idToken: id_token })
    const record = await saveSignIn({ lane: stand.lane, store: stand.store, signIn })
    expect(record).toMatchObject({ auth_mode: 'api_key', lane: 'api_key', access_token: expect.stringMatching(/^sk-/) as string })
    const source = createCredentialSource(stand)
    expect((await source.current()).accessToken).toBe(record.access_token)
    await expect(source.replace(record.access_token)).rejects.toMatchObject({ code: 'invalid_api_key', message: expect.stringContaining('login --api-key') as string })
  })

  test('without a key is signed out, whatever lies in the environment', async () => {
    const store = createMemoryStore({ lane: 'api_key' })
    const { transport } = await startStand()
    await expect(createCredentialSource({ lane: createLane('api_key'), store, transport }).current()).rejects.toMatchObject({ code: 'token_store_missing' })
  })

  test('refuses a key that cannot be sent', async () => {
    const stand = await startStand({ lane: 'api_key', config: { apiKey: 'sk with\nnewline' } })
    await expect(createCredentialSource(stand).current()).rejects.toMatchObject({ name: 'AuthenticationError', code: 'invalid_api_key' })
  })
})

test('the three lanes know where they belong', () => {
  const { issuer, baseUrl, billing, clientId } = createLane('codex')
  expect({ issuer, baseUrl, billing, clientId }).toEqual({ issuer: 'https://auth.openai.com', baseUrl: 'https://chatgpt.com/backend-api/codex', billing: 'plan', clientId: 'app_EMoamEEZ73f0CkXaXp7hrann' })
  expect([createLane('plan').baseUrl, createLane('plan').billing]).toEqual(['https://api.openai.com/v1', 'plan'])
  expect([createLane('api_key').baseUrl, createLane('api_key').billing]).toEqual(['https://api.openai.com/v1', 'metered'])
  expect(() => createLane('codex', { issuer: 'http://auth.example' })).toThrow(expect.objectContaining({ name: 'ConfigurationError' }) as Error)
})

test('an account in the government cloud is named in a header', async () => {
  const { jwt } = await import('./support/tokens.js')
  const stand = await startStand()
  const claims = { iss: stand.twin.issuer, exp: 4e9, 'https://api.openai.com/auth': { chatgpt_account_id: 'gov', chatgpt_account_is_fedramp: true } }
  await stand.store.save({ access_token: jwt(claims) })
  const source = createCredentialSource(stand)
  expect(source.headers(await source.current())).toMatchObject({ 'x-openai-fedramp': 'true', 'chatgpt-account-id': 'gov' })
})
