import { createHash, randomUUID } from 'node:crypto'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { afterEach, describe, expect, test } from 'vitest'
import { CODEX_CLIENT_ID, PLAN_SCOPE, startTwin, type Twin, type TwinOptions } from '../../src/twin/index.js'
import { ask, headersOf, post, postForm, send, type Json, type Reply } from './support/raw-client.js'

let open: Twin[] = []
afterEach(async () => {
  await Promise.all(open.map((twin) => twin.close()))
  open = []
})

async function start(options: TwinOptions = {}): Promise<Twin> {
  const twin = await startTwin(options)
  open.push(twin)
  return twin
}

const device = `/api/accounts/deviceauth`
const VERIFIER = 'a'.repeat(64)
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')
const refresh = (twin: Twin, token: string) => post(`${twin.issuer}/oauth/token`, { client_id: CODEX_CLIENT_ID, grant_type: 'refresh_token', refresh_token: token })
const str = (reply: Reply, key: string) => String(reply.json[key])

async function redeemDevice(twin: Twin, code: Reply): Promise<Reply> {
  return postForm(`${twin.issuer}/oauth/token`, {
    grant_type: 'authorization_code', client_id: CODEX_CLIENT_ID, code: str(code, 'authorization_code'),
    redirect_uri: `${twin.issuer}/deviceauth/callback`, code_verifier: str(code, 'code_verifier'),
  })
}

describe('device code', () => {
  test('is pending with 403 and 404 until approved, then gives a code that is exchanged once', async () => {
    const twin = await start()
    const code = await post(`${twin.issuer}${device}/usercode`, { client_id: CODEX_CLIENT_ID })
    expect(code.json).toMatchObject({ user_code: 'TWIN-0001', interval: '5' })
    const ids = { device_auth_id: code.json['device_auth_id'], user_code: code.json['user_code'] }
    const poll = () => post(`${twin.issuer}${device}/token`, ids)
    expect([(await poll()).status, (await poll()).status]).toEqual([403, 404])
    expect((await send(`${twin.issuer}/codex/device`)).text).toContain('user_code')
    expect((await postForm(`${twin.issuer}/codex/device`, { user_code: 'NO-SUCH' })).status).toBe(400)
    expect((await postForm(`${twin.issuer}/codex/device`, { user_code: 'TWIN-0001' })).status).toBe(200)
    const approved = await poll()
    expect(createHash('sha256').update(str(approved, 'code_verifier')).digest('base64url')).toBe(approved.json['code_challenge'])
    expect((await poll()).status).toBe(400)
    const tokens = await redeemDevice(twin, approved)
    expect(tokens.json).toMatchObject({ token_type: 'Bearer', expires_in: 3600 })
    expect((await redeemDevice(twin, approved)).json['error']).toBe('invalid_grant')
    const headers = { authorization: `Bearer ${str(tokens, 'access_token')}`, 'chatgpt-account-id': twin.accountId }
    expect((await post(`${twin.baseUrl}/responses`, ask('a'), headers)).status).toBe(200)
  })

  test('may be switched off, denied, approved ahead or after some polls, and ends after 15 minutes', async () => {
    let now = 1_790_000_000_000
    const off = await start({ deviceCode: { enabled: false } })
    expect((await post(`${off.issuer}${device}/usercode`, { client_id: CODEX_CLIENT_ID })).status).toBe(404)
    const twin = await start({ now: () => now, deviceCode: { approveAfterPolls: 1, intervalSeconds: 1 } })
    const begin = async () => {
      const { json } = await post(`${twin.issuer}${device}/usercode`, { client_id: CODEX_CLIENT_ID })
      return () => post(`${twin.issuer}${device}/token`, { device_auth_id: json['device_auth_id'], user_code: json['user_code'] })
    }
    const slow = await begin()
    expect([(await slow()).status, (await slow()).status]).toEqual([403, 200])
    twin.approveDevice()
    expect((await (await begin())()).status).toBe(200)
    const denied = await begin()
    twin.denyDevice()
    expect((await denied()).json).toMatchObject({ error: { code: 'access_denied' } })
    const late = await begin()
    now += 15 * 60_000
    expect((await late()).json).toMatchObject({ error: { code: 'deviceauth_expired' } })
    expect((await post(`${twin.issuer}${device}/usercode`, { client_id: 'app_other' })).status).toBe(400)
  })
})

describe('tokens', () => {
  test('are RS256 JWTs that the published keys verify, with the claims of the real issuer', async () => {
    const twin = await start({ accountId: 'acct_1', planType: 'pro' })
    const tokens = twin.issueTokens({ email: 'a@example.com', subject: 'user-9' })
    const keys = createRemoteJWKSet(new URL(`${twin.issuer}/.well-known/jwks.json`))
    const { payload } = await jwtVerify(tokens.id_token, keys, { issuer: twin.issuer, audience: CODEX_CLIENT_ID })
    expect(payload).toMatchObject({
      sub: 'user-9', email: 'a@example.com',
      'https://api.openai.com/auth': { chatgpt_account_id: 'acct_1', chatgpt_plan_type: 'pro', chatgpt_user_id: 'user-9', chatgpt_account_is_fedramp: false, organization_id: 'org-twin' },
    })
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      'https://api.openai.com/auth': { chatgpt_account_id: 'acct_1' }, 'https://api.openai.com/profile': { email: 'a@example.com' }, aud: ['https://api.openai.com/v1'],
    })
    expect(await (await send(`${twin.issuer}/.well-known/openid-configuration`)).json).toMatchObject({ issuer: twin.issuer, id_token_signing_alg_values_supported: ['RS256'] })
  })

  test('a refresh token is good once; the second try is told so, and the successor still works', async () => {
    const twin = await start()
    const { refresh_token: first } = twin.issueTokens()
    const next = await refresh(twin, first)
    expect(next.status).toBe(200)
    expect(await refresh(twin, first)).toMatchObject({ status: 401, json: { error: { code: 'refresh_token_reused' } } })
    expect((await postForm(`${twin.issuer}/oauth/token`, { client_id: CODEX_CLIENT_ID, grant_type: 'refresh_token', refresh_token: str(next, 'refresh_token') })).status).toBe(200)
    expect(twin.refreshes.map(({ outcome, committed }) => [outcome, committed])).toEqual([['ok', true], ['refresh_token_reused', false], ['ok', true]])
  })

  test('the family of a reused token can be made to end with it', async () => {
    const twin = await start({ invalidateFamilyOnReuse: true })
    const { refresh_token: first } = twin.issueTokens()
    const next = await refresh(twin, first)
    await refresh(twin, first)
    expect(await refresh(twin, str(next, 'refresh_token'))).toMatchObject({ status: 401, json: { error: { code: 'refresh_token_invalidated' } } })
  })

  test('expired, invalidated, unknown and foreign refresh tokens are refused, in each shape', async () => {
    let now = 1_790_000_000_000
    const twin = await start({ now: () => now })
    const [old, ended] = [twin.issueTokens().refresh_token, twin.issueTokens().refresh_token]
    twin.invalidateRefreshToken(ended)
    expect(await refresh(twin, ended)).toMatchObject({ status: 401, json: { error: { code: 'refresh_token_invalidated' } } })
    expect(await refresh(twin, twin.issueTokens({ lane: 'plan' }).refresh_token)).toMatchObject({ status: 401 })
    now += 31 * 24 * 3_600_000
    twin.configure({ authErrorShape: 'error' })
    expect(await refresh(twin, old)).toMatchObject({ status: 401, json: { error: 'refresh_token_expired' } })
    twin.configure({ authErrorShape: 'code' })
    expect(await refresh(twin, 'nothing')).toMatchObject({ status: 401, json: { code: 'refresh_token_invalidated' } })
  })

  test('scripted refusals leave the token unspent; values can be left out of the answer', async () => {
    const twin = await start()
    const { refresh_token: token } = twin.issueTokens()
    twin.enqueueRefresh({ status: 503, body: 'down' }, { error: 'invalid_grant' }, { error: 'refresh_token_expired', status: 400 }, { omit: ['refresh_token', 'id_token'] })
    expect(await refresh(twin, token)).toMatchObject({ status: 503, text: 'down' })
    expect(await refresh(twin, token)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
    expect(await refresh(twin, token)).toMatchObject({ status: 400, json: { error: { code: 'refresh_token_expired' } } })
    expect(Object.keys((await refresh(twin, token)).json)).toEqual(['access_token', 'token_type', 'expires_in', 'scope'])
    expect(twin.refreshes.map((each) => each.outcome)).toEqual(['http_503', 'invalid_grant', 'refresh_token_expired', 'ok'])
  })

  test('a client that goes before the commit keeps its token, one that goes after it has lost it', async () => {
    const twin = await start()
    const { refresh_token: token } = twin.issueTokens()
    twin.enqueueRefresh({ reset: 'before' }, { delayAfterMs: 1, reset: 'after' })
    await expect(refresh(twin, token)).rejects.toThrow()
    expect(twin.refreshes[0]).toMatchObject({ outcome: 'reset', committed: false })
    await expect(refresh(twin, token)).rejects.toThrow()
    expect(twin.refreshes[1]).toMatchObject({ outcome: 'reset', committed: true })
    expect(await refresh(twin, token)).toMatchObject({ json: { error: { code: 'refresh_token_reused' } } })
    twin.enqueueRefresh({ hang: 'after' })
    const hanging = refresh(twin, twin.issueTokens().refresh_token)
    hanging.catch(() => undefined)
    await expect.poll(() => twin.refreshes.at(-1)?.committed).toBe(true)
    await twin.close()
    await expect(hanging).rejects.toThrow()
  })

  test('an ID token is exchanged for a key that /v1 takes; revoking the refresh token ends the sign-in', async () => {
    const twin = await start()
    const tokens = twin.issueTokens()
    const key = await postForm(`${twin.issuer}/oauth/token`, {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', client_id: CODEX_CLIENT_ID, requested_token: 'openai-api-key',
      subject_token: tokens.id_token, subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    })
    expect((await send(`${twin.apiBaseUrl}/models`, { headers: { authorization: `Bearer ${str(key, 'access_token')}` } })).status).toBe(200)
    expect((await post(`${twin.issuer}/oauth/revoke`, { token: tokens.refresh_token, token_type_hint: 'refresh_token', client_id: CODEX_CLIENT_ID })).status).toBe(200)
    expect((await post(`${twin.baseUrl}/responses`, ask('a'), headersOf(tokens))).status).toBe(401)
    expect((await refresh(twin, tokens.refresh_token)).status).toBe(401)
    expect((await post(`${twin.issuer}/oauth/revoke`, { token: 'unknown' })).status).toBe(200)
    expect(twin.revocations.map((each) => each.known)).toEqual([true, false])
  })
})

describe('browser sign-in', () => {
  const authorize = (twin: Twin, path: string, fields: Record<string, string>) => send(`${twin.issuer}${path}?${new URLSearchParams(fields).toString()}`)
  const codex = { response_type: 'code', client_id: CODEX_CLIENT_ID, redirect_uri: 'http://localhost:1455/auth/callback', scope: 'openid profile email offline_access', code_challenge: CHALLENGE, code_challenge_method: 'S256', state: 's1', id_token_add_organizations: 'true', codex_cli_simplified_flow: 'true', originator: 'x' }
  const locationOf = (reply: Reply) => Object.fromEntries(new URL(String(reply.headers['location'])).searchParams)

  test('redirects with code and state; the exchange checks PKCE', async () => {
    const twin = await start()
    const exchange = (code: string, verifier: string) => postForm(`${twin.issuer}/oauth/token`, { grant_type: 'authorization_code', client_id: CODEX_CLIENT_ID, code, redirect_uri: codex.redirect_uri, code_verifier: verifier })
    const reply = await authorize(twin, '/oauth/authorize', codex)
    expect([reply.status, locationOf(reply)['state']]).toEqual([302, 's1'])
    expect((await exchange(locationOf(reply)['code'] ?? '', 'wrong')).json['error']).toBe('invalid_grant')
    const again = await authorize(twin, '/oauth/authorize', codex)
    expect((await exchange(locationOf(again)['code'] ?? '', VERIFIER)).json).toHaveProperty('refresh_token')
  })

  test('says no in the callback, or on a page where the redirect cannot be trusted', async () => {
    const twin = await start({ browser: 'missing_entitlement', redirectPorts: [1455, 1457] })
    expect(locationOf(await authorize(twin, '/oauth/authorize', codex))).toEqual({ error: 'access_denied', error_description: 'missing_codex_entitlement', state: 's1' })
    twin.configure({ browser: 'deny' })
    expect(locationOf(await authorize(twin, '/oauth/authorize', codex))['error']).toBe('access_denied')
    twin.configure({ browser: 'approve' })
    for (const bad of [{ redirect_uri: 'http://localhost:9/auth/callback' }, { redirect_uri: 'http://evil.example:1455/auth/callback' }, { client_id: 'x' }]) {
      expect((await authorize(twin, '/oauth/authorize', { ...codex, ...bad })).status).toBe(400)
    }
    expect(locationOf(await authorize(twin, '/oauth/authorize', { ...codex, code_challenge_method: 'plain' }))['error']).toBe('invalid_request')
    expect(locationOf(await authorize(twin, '/oauth/authorize', { ...codex, allowed_workspace_id: 'acct_else' }))['error']).toBe('access_denied')
  })

  const plan = {
    response_type: 'code', client_id: 'dynamic_agent_client', agent_name_hint: 'Tests', ext_agent_host_id: `urn:uuid:${randomUUID()}`,
    redirect_uri: 'http://127.0.0.1:4711/auth/callback', scope: PLAN_SCOPE, code_challenge: CHALLENGE, code_challenge_method: 'S256',
    state: 's2', nonce: 'n2', resource: 'https://api.openai.com/v1',
  }

  test('the plan lane registers a client, whose tokens carry nonce, scope and the earliest refresh', async () => {
    let now = Date.now()
    const twin = await start({ now: () => now })
    const callback = locationOf(await authorize(twin, '/api/accounts/authorize', plan))
    const clientId = callback['client_id'] ?? ''
    expect(clientId).toMatch(/^oaiapp_/)
    const token = (fields: Record<string, string>) => postForm(`${twin.issuer}/api/accounts/oauth/token`, { client_id: clientId, resource: plan.resource, ...fields })
    const first = await token({ grant_type: 'authorization_code', code: callback['code'] ?? '', redirect_uri: plan.redirect_uri, code_verifier: VERIFIER })
    expect(first.json).toMatchObject({ scope: PLAN_SCOPE, expires_in: 3600, earliest_refresh_at: Math.floor(now / 1000) + 3240 })
    const keys = createRemoteJWKSet(new URL(`${twin.issuer}/.well-known/jwks.json`))
    expect((await jwtVerify(str(first, 'id_token'), keys, { audience: clientId })).payload['nonce']).toBe('n2')
    now += 3_300_000
    const second = await token({ grant_type: 'refresh_token', refresh_token: str(first, 'refresh_token') })
    expect(second.status).toBe(200)
    expect(await token({ grant_type: 'refresh_token', refresh_token: str(second, 'refresh_token') })).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
    now += 3_300_000
    expect(await token({ grant_type: 'refresh_token', refresh_token: str(second, 'refresh_token') })).toMatchObject({ status: 400, json: { error: { code: 'refresh_token_reused' } } })
    const revoked = await postForm(`${twin.issuer}/api/accounts/oauth/revoke`, { token: str(second, 'refresh_token'), token_type_hint: 'refresh_token', client_id: clientId })
    expect([revoked.status, revoked.text]).toEqual([200, ''])
  })

  test('the plan lane refuses what its documentation rules out', async () => {
    const twin = await start({ planScope: 'openid profile email' })
    const errorFor = async (more: Json) => locationOf(await authorize(twin, '/api/accounts/authorize', { ...plan, ...more } as Record<string, string>))
    for (const more of [{ nonce: '' }, { resource: 'https://elsewhere.example' }, { ext_agent_host_id: 'host' }, { agent_name_hint: '' }]) {
      expect((await errorFor(more))['error']).toBe('invalid_request')
    }
    const granted = await errorFor({})
    expect(granted['scope']).toBe('openid profile email')
    expect((await errorFor({ client_id: granted['client_id'] }))['error']).toBe('invalid_request')
    const { agent_name_hint: _hint, ...later } = plan
    expect(locationOf(await authorize(twin, '/api/accounts/authorize', { ...later, client_id: granted['client_id'] ?? '' }))['client_id']).toBe(granted['client_id'])
    expect((await authorize(twin, '/api/accounts/authorize', { ...plan, redirect_uri: 'http://localhost:4711/auth/callback' })).status).toBe(400)
    expect((await authorize(twin, '/api/accounts/authorize', { ...plan, client_id: 'oaiapp_unknown' })).status).toBe(400)
  })
})
