import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { buildRecord } from '../../src/auth/build-record.js'
import { createCredentialSource, createFileStore, createLane, createMemoryStore, type StoredCredential } from '../../src/auth/index.js'
import { decodeRecord, encodeRecord } from '../../src/auth/stored-record.js'
import { decodeTokenReply } from '../../src/auth/token-endpoint.js'
import { createTransport } from '../../src/transport/index.js'
import { testFolder } from './support/folder.js'
import { reply, startIssuer, type Verdict } from './support/issuer.js'
import { accessToken, jwt } from './support/tokens.js'
import { SEED } from '../support/made-up.js'

const START = Date.UTC(2026, 10, 20, 12)
const HOUR = 3_600_000
const PLACE = { place: 'a file', lane: 'codex', signIn: 'login' } as const

/** A mount whose token has run out, over an issuer that answers the next refresh as told. */
async function setUp(body: (fresh: { access_token: string; refresh_token: string }) => Record<string, unknown>) {
  const issuer = await startIssuer({ now: () => START })
  const path = join(await testFolder(), 'token.json')
  const store = createFileStore({ path, lane: 'codex', now: () => START })
  const transport = createTransport({ env: {} })
  onTestFinished(() => transport.close())
  const lane = createLane('codex', { issuer: issuer.url, baseUrl: `${issuer.url}/backend-api/codex` })
  const first = issuer.issue()
  await store.save({
    auth_mode: 'oauth', account_id: 'account-one', access_token: first.access_token, refresh_token: first.refresh_token,
    expires_at: new Date(START - 1000).toISOString(), issuer: issuer.url, base_url: issuer.url, lane: 'codex',
  })
  issuer.script.push((_request, response) => {
    reply(response, 200, body(issuer.issue()))
    return 'handled'
  })
  const open = () => createCredentialSource({ lane, store: createFileStore({ path, lane: 'codex', now: () => START }), transport, now: () => START, delay: async () => undefined })
  return { issuer, store, path, open, transport }
}

describe('a refresh reply is kept, and the next mount reads it, where it holds', () => {
  test.each([
    ['a lifetime no date can hold', { expires_in: 1e13 }],
    ['a lifetime as such a text', { expires_in: '1e308' }],
    ['a negative lifetime', { expires_in: -5 }],
    ['an earliest refresh no date can hold', { earliest_refresh_at: 1e18 }],
    ['an earliest refresh beyond any token', { earliest_refresh_at: '9999-01-01T00:00:00Z' }],
    ['an earliest refresh that is no date', { earliest_refresh_at: 'whenever' }],
    ['an ID token with a line break in it', { id_token: 'a.b\nc.d' }],
    ['an ID token that is no text', { id_token: { nested: true } }],
    ['a scope longer than a file may be', { scope: 'x '.repeat(1_000_000) }],
  ])('%s', async (_name, fields) => {
    const { issuer, store, open } = await setUp((fresh) => ({ ...fresh, expires_in: 3600, ...fields }))
    const credential = await open().current()
    const found = await store.load()
    expect(found).toMatchObject({ state: 'present', record: { refresh_token: issuer.live, access_token: credential.accessToken } })
    expect((await open().current()).accessToken).toBe(credential.accessToken)
    expect(issuer.received).toHaveLength(1)
  })

  test('times in the token itself that no date can hold', async () => {
    const { issuer, store, open } = await setUp((fresh) => ({ access_token: jwt({ exp: 1e18, iat: -1e18, sub: 'me' }), refresh_token: fresh.refresh_token }))
    await open().current()
    expect(await store.load()).toMatchObject({ state: 'present', record: { refresh_token: issuer.live, expires_at: null } })
  })

  test('white space around its tokens', async () => {
    const { issuer, store, open } = await setUp((fresh) => ({ access_token: `${fresh.access_token}\r\n`, refresh_token: ` ${fresh.refresh_token}\n`, expires_in: 3600 }))
    await open().current()
    expect(await store.load()).toMatchObject({ state: 'present', record: { refresh_token: issuer.live } })
  })

  test.each([
    ['spaces inside', 'two words'], ['letters beyond ASCII', 'tökén'], ['a control character', 'a\u0000b'], ['an API key', 'sk-made-up-key-of-no-plan'],
    ['no text', 7], ['more than any header takes', 'x'.repeat(70_000)],
  ])('an access token with %s: the new refresh token is kept beside the old access token', async (_name, token) => {
    const { issuer, store, open } = await setUp((fresh) => ({ access_token: token, refresh_token: fresh.refresh_token, expires_in: 3600 }))
    await open().current()
    expect(await store.load()).toMatchObject({ state: 'present', record: { refresh_token: issuer.live } })
    // The next one refreshes with it, and is served.
    const credential = await open().current()
    expect(await store.load()).toMatchObject({ state: 'present', record: { refresh_token: issuer.live, access_token: credential.accessToken } })
    expect(issuer.received).toHaveLength(2)
  })
})

test('whatever a server sends, what a save writes its load reads', async () => {
  const lane = createLane('codex', {})
  const scalar = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.double(), fc.maxSafeInteger(), fc.constant(null), fc.boolean(), fc.date({ noInvalidDate: true }).map((date) => date.toISOString()))
  const claims = fc.dictionary(fc.constantFrom('exp', 'iat', 'sub', 'email', 'iss', 'chatgpt_account_id', 'organizations', 'https://api.openai.com/auth'), fc.oneof(scalar, fc.object({ maxDepth: 2 })))
  const token = fc.oneof(claims.map((payload) => jwt(payload)), scalar, fc.constantFrom('sk-made-up', ' eyJ.a.b ', 'opaque'))
  const body = fc.record({
    access_token: token, refresh_token: token, id_token: token, scope: scalar, expires_in: scalar, earliest_refresh_at: scalar,
  }, { requiredKeys: [] })
  const previous: StoredCredential = { access_token: accessToken(), refresh_token: 'rt-made-up-before', expires_at: '2026-11-20T11:00:00', somebody_elses: { kept: true } }
  await fc.assert(fc.asyncProperty(body, fc.constantFrom<StoredCredential | Record<string, never>>(previous, {}), fc.integer({ min: -1e9, max: 1e9 }), async (sent, before, ahead) => {
    const answer = decodeTokenReply(sent, ahead)
    const record = await buildRecord({ lane, reply: answer, previous: before, nowMs: START })
    if (record === undefined) {
      expect(before).toEqual({})
      return
    }
    const read = decodeRecord(encodeRecord(record), PLACE)
    expect(read).toMatchObject({ state: 'present', record: { access_token: record.access_token } })
    expect(read.record?.refresh_token ?? null).toBe(answer.refresh_token ?? before['refresh_token'] ?? null)
    const memory = createMemoryStore({ lane: 'codex' })
    await memory.save(record)
    expect(await memory.load()).toEqual(read)
  }), { seed: SEED, numRuns: 400 })
})

test('a sign-in too long to be read back is refused before the exchange, and stays as it was', async () => {
  const { issuer, store, path, open } = await setUp((fresh) => fresh)
  const found = await store.load()
  const record = { ...found.record, somebody_elses: '' }
  const long = JSON.stringify({ ...record, somebody_elses: 'x'.repeat(1024 * 1024 - JSON.stringify(record).length) })
  await writeFile(path, long)
  await expect(open().current()).rejects.toMatchObject({ name: 'AuthenticationError', code: 'token_store_refused' })
  expect(issuer.received).toEqual([])
  expect(await readFile(path, 'utf8')).toBe(long)
})

test('a sign-in that another program writes without the lock during a refresh is served, not overwritten', async () => {
  const other = accessToken({ serial: 77, expMs: START + HOUR })
  const { issuer, store, path, open, transport } = await setUp((fresh) => fresh)
  issuer.script.unshift(async (_request, response): Promise<Verdict> => {
    const theirs = { ...(await store.load()).record, access_token: other, refresh_token: 'rt-of-the-other-sign-in', expires_at: new Date(START + HOUR).toISOString(), pending_refresh: undefined }
    await writeFile(path, JSON.stringify(theirs))
    reply(response, 200, issuer.issue())
    return 'handled'
  })
  expect((await open().current()).accessToken).toBe(other)
  expect(await store.load()).toMatchObject({ state: 'present', record: { refresh_token: 'rt-of-the-other-sign-in' } })
  await transport.close()
})

test('a refusal is cut between words, so that no half of a token is shown', async () => {
  const { issuer, open } = await setUp((fresh) => fresh)
  const secret = 'secret-of-another-request-'.repeat(8)
  issuer.script.unshift((_request, response) => {
    reply(response, 400, { error: 'invalid_grant', error_description: `${'word '.repeat(35)}${secret} and more` })
    return 'handled'
  })
  const failure = await open().current().then(() => undefined, (error: Error) => error.message)
  expect(failure).toContain('invalid_grant')
  expect(failure).not.toContain('secret-of')
})
