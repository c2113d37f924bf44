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

  test('of nobody is no failure', async () => {
    const stand = await startStand()
    expect(await signOut(stand)).toMatchObject({ revoked: 'nothing' })
    expect(stand.twin.requests).toEqual([])
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
