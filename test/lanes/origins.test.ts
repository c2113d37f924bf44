import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import type { Twin } from '../../src/twin/index.js'
import { ask } from '../support/mounted.js'
import { serve } from '../transport/support/servers.js'
import { mountOn, openTwin, writeTokens } from './support.js'

const HOUR = 3_600_000

/** A server elsewhere that keeps whatever it is sent, and never gets anything. */
async function elsewhere() {
  const received: string[] = []
  const server = await serve((request, response, body) => {
    received.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)} ${String(body)}`)
    response.end('{}')
  })
  return { ...server, origin: server.url.replace(/\/$/, ''), received }
}

/** A record as the public issuer's sign-in leaves it; the tokens say so themselves. */
function publicTokens(more: object = {}) {
  const encode = (claims: object) => ['{"alg":"RS256"}', JSON.stringify(claims), 'signed'].map((part) => Buffer.from(part).toString('base64url')).join('.')
  const claims = { iss: 'https://auth.openai.com', exp: Math.floor(Date.now() / 1000) + 3600, sub: 'user-made-up', 'https://api.openai.com/auth': { chatgpt_account_id: 'acct_made_up', chatgpt_plan_type: 'plus' } }
  return { auth_mode: 'oauth', access_token: encode(claims), id_token: encode(claims), refresh_token: 'rt-made-up-canary', account_id: 'acct_made_up', expires_at: new Date(Date.now() + HOUR).toISOString(), ...more }
}

describe('a token goes to no origin but its own', () => {
  test.each(['base_url', 'issuer'])('%s swapped for another server: no mount, nothing is sent', async (option) => {
    const twin = await openTwin()
    const other = await elsewhere()
    const { provider, warnings } = await mountOn(twin, {
      config: { base_url: 'https://chatgpt.com/backend-api/codex', issuer: 'https://auth.openai.com', [option]: `${other.origin}/backend-api/codex` },
      prepare: ({ config }) => writeTokens(String(config['token_file_path']), publicTokens()),
    })
    expect(provider).toBeUndefined()
    expect(warnings.join()).toMatch(new RegExp(`made for .*${option} is`))
    expect(other.received).toEqual([])
  })

  test('an expired token is not refreshed at a swapped issuer', async () => {
    const twin = await openTwin()
    const other = await elsewhere()
    const { provider, warnings } = await mountOn(twin, {
      config: { issuer: other.origin },
      prepare: ({ config }) => writeTokens(String(config['token_file_path']), publicTokens({ expires_at: '2020-01-01T00:00:00Z' })),
    })
    expect(provider).toBeUndefined()
    expect(warnings.join()).toContain('https://auth.openai.com')
    expect([other.received, twin.requests]).toEqual([[], []])
  })

  test('the record of a twin serves no other issuer', async () => {
    const [twin, second] = [await openTwin(), await openTwin()]
    const { provider } = await mountOn(twin, { config: { issuer: second.issuer } })
    expect(provider).toBeUndefined()
    expect([second.requests, twin.requests]).toEqual([[], []])
  })

  test.each([301, 302, 303, 307, 308])('a redirect %i is followed by no kind of exchange', async (status) => {
    const other = await elsewhere()
    const twin = await openTwin()
    const redirect = (path: string) => twin.refuse(path, { status, headers: { location: `${other.origin}/elsewhere` }, times: 5 })
    redirect('/backend-api/codex/responses')
    redirect('/backend-api/codex/models')
    for (const transport of ['sse', 'websocket', 'auto']) {
      const { provider } = await mountOn(twin, { config: { transport, max_retries: 0 } })
      await expect(provider.complete(ask('hello'))).rejects.toMatchObject({ name: expect.stringMatching(/Error$/) as string })
      await provider.listModels().catch(() => undefined)
      redirect('/backend-api/codex/responses')
      redirect('/backend-api/codex/models')
    }
    const { provider } = await mountOn(twin, { config: { max_retries: 0 } })
    twin.refuse('/oauth/token', { status, headers: { location: `${other.origin}/token` }, times: 9 })
    twin.expireAccessTokens()
    await expect(provider.complete(ask('hello'))).rejects.toMatchObject({ name: expect.stringMatching(/Error$/) as string })
    expect(other.received).toEqual([])
  })
})

describe('a clock that is wrong', () => {
  const call = async (twin: Twin, skewMs: number, tokens: object) => mountOn(twin, {
    parts: { now: () => Date.now() + skewMs },
    prepare: ({ config }) => writeTokens(String(config['token_file_path']), tokens),
  })

  test.each([['fast', 600_000], ['slow', -600_000]])('by ten minutes, %s, serves a fresh token and asks for no refresh', async (_words, skewMs) => {
    const twin = await openTwin()
    const { provider } = await call(twin, skewMs, twin.issueTokens())
    for (let n = 0; n < 3; n++) await provider.complete(ask('hello'))
    expect(twin.refreshes).toEqual([])
  })

  test.each([['fast', 600_000], ['slow', -600_000]])('by ten minutes, %s, serves an expired token with one refresh', async (_words, skewMs) => {
    const twin = await openTwin()
    const { provider, config } = await call(twin, skewMs, twin.issueTokens({ expiresInSeconds: -60 }))
    for (let n = 0; n < 3; n++) await provider.complete(ask('hello'))
    expect(twin.refreshes.map(({ outcome }) => outcome)).toEqual(['ok'])
    const saved = JSON.parse(await readFile(String(config['token_file_path']), 'utf8')) as { expires_at: string }
    // Kept by our clock, so that it runs out when the server says so.
    expect(Math.abs(Date.parse(saved.expires_at) - (Date.now() + skewMs + HOUR))).toBeLessThan(60_000)
  })

  test.each([['fast', 600_000], ['slow', -600_000]])('by ten minutes, %s, serves a token of five minutes without a refresh for each call', async (_words, skewMs) => {
    const twin = await openTwin({ accessTokenTtlSeconds: 300 })
    const { provider } = await call(twin, skewMs, twin.issueTokens({ expiresInSeconds: -60 }))
    for (let n = 0; n < 5; n++) await provider.complete(ask('hello'))
    expect(twin.refreshes.length).toBe(1)
  })
})
