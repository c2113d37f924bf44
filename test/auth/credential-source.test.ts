import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createCredentialSource, createFileStore, createLane, createMemoryStore, createRefreshShared, TokenStoreError, type StoredRecord, type TokenStore } from '../../src/auth/index.js'
import { createTransport } from '../../src/transport/index.js'
import { testFolder } from './support/folder.js'
import { reply, startIssuer, type Verdict } from './support/issuer.js'
import { accessToken, originalRecord } from './support/tokens.js'

const START = Date.UTC(2026, 10, 20, 12)
const HOUR = 3_600_000

/** A source over a real issuer and a clock that stands still until it is moved. */
async function setUp(options: { record?: StoredRecord; ttlSeconds?: number; store?: (path: string) => TokenStore; baseUrl?: string } = {}) {
  const clock = { ms: START }
  const now = () => clock.ms
  const issuer = await startIssuer({ now, ...(options.ttlSeconds ? { ttlSeconds: options.ttlSeconds } : {}) })
  const path = join(await testFolder(), 'token.json')
  const store = options.store?.(path) ?? createFileStore({ path, lane: 'codex' })
  const transport = createTransport({ env: {} })
  onTestFinished(() => transport.close())
  const lane = createLane('codex', { issuer: issuer.url, baseUrl: options.baseUrl ?? `${issuer.url}/backend-api/codex` })
  const secrets = new Set<string>()
  const warnings: string[] = []
  const make = (shared = createRefreshShared()) => createCredentialSource({
    lane, store, transport, now, shared,
    delay: async () => undefined,
    warn: (message) => warnings.push(message),
    registerSecret: (secret) => { if (secret) secrets.add(secret) },
  })
  const signedIn = (expiresInMs = HOUR): StoredRecord => {
    const tokens = issuer.issue()
    return { auth_mode: 'oauth', id_token: null, account_id: 'account-one', plan_type: 'plus', access_token: tokens.access_token, refresh_token: tokens.refresh_token, expires_at: new Date(clock.ms + expiresInMs).toISOString() }
  }
  return { clock, issuer, store, path, make, signedIn, secrets, warnings, lane, transport }
}

describe('the credential in force', () => {
  test('is the stored one while it is good, and nobody is asked', async () => {
    const { make, store, signedIn, issuer } = await setUp()
    const record = signedIn()
    await store.save(record)
    const source = make()
    const credential = await source.current()
    expect(credential).toMatchObject({ lane: 'codex', accountId: 'account-one', planType: 'plus', expiresAtMs: START + HOUR })
    expect(credential.accessToken).toBe(record.access_token)
    expect(source.headers(credential)).toEqual({ authorization: `Bearer ${record.access_token}`, 'chatgpt-account-id': 'account-one' })
    expect(issuer.received).toEqual([])
  })

  test('is refreshed five minutes ahead of its expiry, saved whole, and other keys are kept', async () => {
    const { make, store, signedIn, issuer, path, clock } = await setUp()
    const record = { ...signedIn(), somebody_elses: { kept: true } }
    await store.save(record)
    const source = make()
    clock.ms = START + HOUR - 5 * 60_000 - 1
    await source.current()
    expect(issuer.received).toEqual([])
    clock.ms += 2
    const credential = await source.current()
    expect(issuer.received).toEqual([record.refresh_token])
    const saved = JSON.parse(await readFile(path, 'utf8')) as StoredRecord
    expect(saved).toEqual({
      auth_mode: 'oauth',
      access_token: credential.accessToken,
      refresh_token: issuer.live,
      id_token: null,
      account_id: 'account-one',
      plan_type: 'plus',
      expires_at: new Date(clock.ms + HOUR).toISOString(),
      somebody_elses: { kept: true },
      lane: 'codex',
      issuer: issuer.url,
      base_url: issuer.url,
      subject: 'auth0|made-up-user',
      last_refresh: new Date(clock.ms).toISOString(),
    })
  })

  test('is adopted from the store where somebody else has refreshed', async () => {
    const { make, store, signedIn, issuer, clock } = await setUp()
    await store.save(signedIn())
    const source = make()
    await source.current()
    clock.ms += HOUR
    const theirs = signedIn()
    await store.save(theirs)
    expect((await source.current()).accessToken).toBe(theirs.access_token)
    expect(issuer.received).toEqual([])
  })

  test('without a readable expiry is refreshed after eight days', async () => {
    const { make, store, signedIn, issuer, clock } = await setUp()
    const day = 24 * HOUR
    await store.save({ ...signedIn(), access_token: 'opaque', expires_at: null, last_refresh: new Date(START - 8 * day + 1000).toISOString() })
    await make().current()
    expect(issuer.received).toEqual([])
    clock.ms += 2000
    await make().current()
    expect(issuer.received.length).toBe(1)
  })

  test('of a token that lives for a minute is not refreshed on every call', async () => {
    const { make, store, signedIn, issuer, clock } = await setUp({ ttlSeconds: 60 })
    await store.save(signedIn(-1))
    const source = make()
    await source.current()
    clock.ms += 30_000
    await source.current()
    expect(issuer.received.length).toBe(1)
  })

  test.each([['fast', 600_000], ['slow', -600_000]])('is kept for its whole life on a clock ten minutes %s', async (_word, skew) => {
    const { make, store, signedIn, issuer, clock } = await setUp()
    await store.save(signedIn(-HOUR))
    // The issuer's clock is what it was; only ours is wrong.
    issuer.script.push((_request, response) => {
      reply(response, 200, { access_token: accessToken({ issuer: issuer.url, iatMs: START, expMs: START + HOUR }), refresh_token: 'rt-next-made-up' })
      return 'handled'
    })
    clock.ms = START + skew
    const source = make()
    expect((await source.current()).expiresAtMs).toBe(clock.ms + HOUR)
    clock.ms += HOUR - 6 * 60_000
    await source.current()
    expect(issuer.received.length).toBe(1)
  })
})

describe('a refused token', () => {
  test('is replaced by one refresh, however many calls saw it refused', async () => {
    const { make, store, signedIn, issuer } = await setUp()
    const record = signedIn()
    await store.save(record)
    const shared = createRefreshShared()
    const sources = [make(shared), make(shared), make(shared)]
    const found = await Promise.all(Array.from({ length: 60 }, (_, index) => sources[index % 3]?.replace(record.access_token ?? '')))
    expect(new Set(found.map((credential) => credential?.accessToken)).size).toBe(1)
    expect(found[0]?.accessToken).not.toBe(record.access_token)
    expect(issuer.received.length).toBe(1)
  })

  test('that is no longer the stored one is answered by the stored one', async () => {
    const { make, store, signedIn, issuer } = await setUp()
    const old = signedIn()
    const newer = signedIn()
    await store.save(newer)
    expect((await make().replace(old.access_token ?? '')).accessToken).toBe(newer.access_token)
    expect(issuer.received).toEqual([])
  })

  test('is not served again by current()', async () => {
    const { make, store, signedIn, issuer } = await setUp()
    const record = signedIn()
    await store.save(record)
    const source = make()
    await source.current()
    await source.replace(record.access_token ?? '')
    expect((await source.current()).accessToken).not.toBe(record.access_token)
    expect(issuer.received.length).toBe(1)
  })

  test('also after the refresh ends in an error that names the command', async () => {
    const { make, store, signedIn, issuer } = await setUp()
    const record = signedIn()
    await store.save(record)
    const same = { access_token: record.access_token, refresh_token: 'rt-made-up-b' }
    issuer.script.push(
      (_request, response) => { reply(response, 200, same); return 'handled' },
      (_request, response) => { reply(response, 200, same); return 'handled' },
    )
    await expect(make().replace(record.access_token ?? '')).rejects.toMatchObject({ name: 'AuthenticationError', code: 'refused_after_refresh', message: expect.stringContaining('amplifier-chatgpt login') as string })
  })
})

describe('a refresh that fails', () => {
  test.each([
    [401, { error: { code: 'refresh_token_reused' } }, 'refresh_token_reused'],
    [401, { error: 'refresh_token_expired' }, 'refresh_token_expired'],
    [401, { code: 'refresh_token_invalidated' }, 'refresh_token_invalidated'],
    [401, {}, undefined],
    [400, { error: 'invalid_grant', error_description: 'gone' }, 'invalid_grant'],
  ])('for good (%i %j) ends in one AuthenticationError with the command, and the token is never sent again', async (status, body, code) => {
    const { make, store, signedIn, issuer } = await setUp()
    const record = signedIn(-1)
    await store.save(record)
    issuer.script.push((_request, response) => { reply(response, status, body); return 'handled' })
    const source = make()
    for (let round = 0; round < 3; round += 1) {
      await expect(source.current()).rejects.toMatchObject({ name: 'AuthenticationError', retryable: false, status_code: status, ...(code ? { code } : {}), message: expect.stringContaining('Run amplifier-chatgpt login') as string })
    }
    expect(issuer.received.length).toBe(1)
    expect(await store.load()).toMatchObject({ state: 'present', record: { refresh_token: record.refresh_token } })
  })

  test('for good never counts against a newer sign-in that was saved meanwhile', async () => {
    const { make, store, signedIn, issuer } = await setUp()
    await store.save(signedIn(-1))
    const newer = signedIn()
    issuer.script.push(async (_request, response): Promise<Verdict> => {
      // Somebody who knows no locks: the original module, or an editor.
      await writeFile(store.place, JSON.stringify(newer))
      reply(response, 401, { error: { code: 'refresh_token_reused' } })
      return 'handled'
    })
    expect((await make().current()).accessToken).toBe(newer.access_token)
  })

  test('for the moment is tried again, three times in all', async () => {
    const { make, store, signedIn, issuer } = await setUp()
    await store.save(signedIn(-1))
    issuer.script.push(
      (_request, response) => { reply(response, 503, { error: 'temporarily_unavailable' }); return 'handled' },
      (_request, response) => { response.destroy(); return 'handled' },
    )
    await make().current()
    expect(issuer.received.length).toBe(3)
  })

  test.each([
    [503, {}, 'ProviderUnavailableError'],
    [429, { 'retry-after': '2' }, 'RateLimitError'],
    [418, {}, 'ProviderUnavailableError'],
  ])('with %i on every try is a retryable error, and the sign-in is kept', async (status, headers, name) => {
    const { make, store, signedIn, issuer } = await setUp()
    const record = signedIn(-1)
    await store.save(record)
    for (let n = 0; n < 3; n += 1) issuer.script.push((_request, response) => { reply(response, status, {}, headers); return 'handled' })
    await expect(make().current()).rejects.toMatchObject({ name, retryable: true })
    expect(await make().current()).toMatchObject({ accountId: 'account-one' })
  })

  test('because nobody answers is a NetworkError', async () => {
    const { store, signedIn, transport } = await setUp()
    const record = signedIn(-1)
    const lane = createLane('codex', { issuer: 'http://127.0.0.1:9', baseUrl: 'http://127.0.0.1:9' })
    await store.save({ ...record, access_token: accessToken({ issuer: 'http://127.0.0.1:9' }) })
    const source = createCredentialSource({ lane, store, transport, now: () => START, delay: async () => undefined })
    await expect(source.current()).rejects.toMatchObject({ name: 'NetworkError', retryable: true })
  })

  test('ahead of expiry fails no call: the token serves until it ends, and the issuer is left in peace for half a minute', async () => {
    const { make, store, signedIn, issuer, clock, warnings } = await setUp()
    const record = signedIn()
    await store.save(record)
    const source = make()
    clock.ms += HOUR - 60_000
    for (let n = 0; n < 3; n += 1) issuer.script.push((_request, response) => { reply(response, 500, {}); return 'handled' })
    for (let n = 0; n < 5; n += 1) expect((await source.current()).accessToken).toBe(record.access_token)
    expect(issuer.received.length).toBe(3)
    expect(warnings.length).toBe(1)
    clock.ms += 30_001
    expect((await source.current()).accessToken).not.toBe(record.access_token)
  })

  test('names the cause where an earlier refresh was never saved', async () => {
    const { make, store, signedIn, issuer } = await setUp()
    const record = signedIn(-1)
    const { shortHash } = await import('../../src/lib/index.js')
    await store.save({ ...record, pending_refresh: { started_at: '2026-11-20T11:59:00.000Z', token: shortHash(record.refresh_token ?? ''), pid: 4711, host: 'elsewhere' } })
    issuer.issue()
    await expect(make().current()).rejects.toMatchObject({
      code: 'refresh_token_reused',
      message: expect.stringContaining('The refresh that process 4711 began at 2026-11-20T11:59:00.000Z ended before its answer was saved, which spent the token') as string,
    })
  })
})

describe('cancellation', () => {
  test('lets the caller go at once, while the exchange goes on and its answer is saved', async () => {
    const { make, store, signedIn, issuer } = await setUp()
    await store.save(signedIn(-1))
    const controller = new AbortController()
    let answerNow: () => void = () => undefined
    const asked = new Promise<void>((resolve) => issuer.script.push(async (): Promise<Verdict> => {
      resolve()
      await new Promise<void>((go) => (answerNow = go))
      return 'go_on'
    }))
    const source = make()
    const waiting = source.current({ signal: controller.signal })
    await asked
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
    const closing = source.close()
    answerNow()
    await closing
    expect(await store.load()).toMatchObject({ record: { refresh_token: issuer.live } })
    expect(issuer.received.length).toBe(1)
  })

  test('before anything began begins nothing', async () => {
    const { make, store, signedIn, issuer } = await setUp()
    await store.save(signedIn(-1))
    await expect(make().current({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
    expect(issuer.received).toEqual([])
  })
})

describe('what is refused before it is sent', () => {
  test('a token bound to another origin', async () => {
    const { make, store, issuer } = await setUp()
    await store.save(originalRecord({ issuer: 'https://auth.openai.com' }))
    await expect(make().current()).rejects.toMatchObject({
      name: 'AuthenticationError', code: 'origin_mismatch',
      message: expect.stringContaining(`was made for https://auth.openai.com and is sent to no other origin; issuer is ${issuer.url}. Run amplifier-chatgpt login`) as string,
    })
  })

  test('a token without an account', async () => {
    const { make, store } = await setUp()
    await store.save({ access_token: 'garbage', refresh_token: 'rt-made-up' })
    await expect(make().current()).rejects.toMatchObject({ name: 'AuthenticationError', code: 'missing_account_id', message: expect.stringContaining('choose the workspace') as string })
  })

  test('another account than the one this mount began with', async () => {
    const { make, store, signedIn, clock, issuer } = await setUp()
    await store.save(signedIn())
    const source = make()
    await source.current()
    clock.ms += HOUR
    await store.save({ ...signedIn(), access_token: accessToken({ issuer: issuer.url, accountId: 'account-two' }), account_id: 'account-two' })
    await expect(source.current()).rejects.toMatchObject({ name: 'AccessDeniedError', code: 'account_mismatch' })
    expect(issuer.received).toEqual([])
  })

  test.each([
    ['missing', undefined], ['empty', ''], ['corrupt', '{"access'], ['wrong_lane', '{"access_token":"x","lane":"plan"}'],
  ])('nobody: %s', async (state, content) => {
    const { make, path } = await setUp()
    if (content !== undefined) await writeFile(path, content)
    await expect(make().current()).rejects.toMatchObject({ name: 'AuthenticationError', code: `token_store_${state}`, message: expect.stringContaining('amplifier-chatgpt login') as string })
    if (content !== undefined) expect(await readFile(path, 'utf8')).toBe(content)
    expect(await make().peek()).toBeUndefined()
  })
})

describe('an answer that cannot be saved', () => {
  function failing(store: TokenStore, fails: { at: number }): TokenStore {
    let saves = 0
    return { ...store, save: async (record, options) => {
      saves += 1
      if (saves >= fails.at) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
      return store.save(record, options)
    } }
  }

  test('is not asked for: where saving fails before the exchange, the token stays unspent', async () => {
    const memory = createMemoryStore({ lane: 'codex' })
    const { make, signedIn, issuer } = await setUp({ store: () => failing(memory, { at: 1 }) })
    await memory.save(signedIn(-1))
    await expect(make().current()).rejects.toThrow()
    expect(issuer.received).toEqual([])
  })

  test('serves this process, is saved as soon as that works, and the spent token is never sent again', async () => {
    const memory = createMemoryStore({ lane: 'codex' })
    const fails = { at: 2 }
    const { make, signedIn, issuer, warnings } = await setUp({ store: () => failing(memory, fails) })
    await memory.save(signedIn(-1))
    const shared = createRefreshShared()
    const source = make(shared)
    const credential = await source.current()
    expect(warnings).toEqual([expect.stringContaining('could not be saved')])
    expect((await source.current()).accessToken).toBe(credential.accessToken)
    await expect(make(shared).current()).rejects.toMatchObject({ code: 'refresh_not_saved' })
    fails.at = Number.POSITIVE_INFINITY
    await source.current()
    expect(await memory.load()).toMatchObject({ record: { access_token: credential.accessToken } })
    expect(issuer.received.length).toBe(1)
  })
})

describe('before a token is spent', () => {
  test('the lock is looked at once more: where others took it over nothing is exchanged', async () => {
    const memory = createMemoryStore({ lane: 'codex' })
    const store: TokenStore = { ...memory, withLock: (work) => memory.withLock(() => work({ held: async () => false })) }
    const { make, signedIn, issuer } = await setUp({ store: () => store })
    await memory.save(signedIn(-1))
    await expect(make().current()).rejects.toThrow(/took the lock/)
    expect(issuer.received).toEqual([])
  })

  test('the note of it is saved first, and the room for its answer proved after that: the note would use it up', async () => {
    const memory = createMemoryStore({ lane: 'codex' })
    const steps: string[] = []
    const store: TokenStore = {
      ...memory,
      save: async (record, options) => {
        steps.push(record.pending_refresh ? 'note' : 'answer')
        await memory.save(record, options)
      },
      proveWritable: async () => void steps.push('proof'),
    }
    const { make, signedIn } = await setUp({ store: () => store })
    await memory.save(signedIn(-1))
    await make().current()
    expect(steps).toEqual(['note', 'proof', 'answer'])
  })
})

test('a lock that was lost during a refresh and stays with others keeps the call waiting for seconds, not minutes', async () => {
  const memory = createMemoryStore({ lane: 'codex' })
  let waitedMs = 0
  // A host's own store: its first lock is lost while the exchange runs, and afterwards somebody else keeps it.
  const store: TokenStore = {
    ...memory,
    save: async (record, options) => {
      if (record.pending_refresh === undefined) throw new TokenStoreError('the lock is gone', 'stale_lock')
      return memory.save(record, options)
    },
    async withLock(work, limits) {
      if (waitedMs === 0) {
        waitedMs = 1
        return memory.withLock(work, limits)
      }
      waitedMs += limits?.waitMs ?? 90_000
      throw new TokenStoreError('process 4711 holds the lock', 'locked')
    },
  }
  const { make, signedIn, warnings } = await setUp({ store: () => store })
  await memory.save(signedIn(-1))
  const source = make()
  const credential = await source.current()
  expect(credential.accessToken).toMatch(/^ey/)
  expect(warnings).toEqual([expect.stringContaining('lives in this process only')])
  // The next call tries once more to save it, and is served as soon.
  await source.current()
  expect(waitedMs).toBeLessThanOrEqual(10_000)
})

test('no public object shows a token to a log', async () => {
  const { make, store, signedIn, secrets } = await setUp()
  await store.save(signedIn(-1))
  const source = make()
  const credential = await source.current()
  const shown = [credential, source, store, await source.state(), await source.peek()].map((value) => inspect(value, { depth: 9 })).join('\n') +
    JSON.stringify([credential, source, store])
  expect(secrets.size).toBe(4)
  for (const secret of secrets) expect(shown).not.toContain(secret)
})


test('no error shows a token, also where the server quotes it', async () => {
  const { make, store, signedIn, issuer, secrets, clock, warnings } = await setUp()
  const errors: unknown[] = []
  const fail = async (status: number, name: string) => {
    await store.save(signedIn(-1))
    for (let n = 0; n < 3; n += 1) issuer.script.push(({ token }, response): Verdict => { reply(response, status, { error: { code: 'made_up', message: `the token ${token} is\u001B[2J ${name}` } }); return 'handled' })
    errors.push(await make().current().catch((error: unknown) => error))
    issuer.script.length = 0
  }
  for (const status of [400, 401, 403, 429, 500, 503]) await fail(status, 'bad')
  await store.save(signedIn())
  clock.ms += HOUR - 60_000
  for (let n = 0; n < 3; n += 1) issuer.script.push(({ token }, response): Verdict => { reply(response, 500, { error_description: token }); return 'handled' })
  await make().current()
  const shown = errors.map((error) => `${inspect(error, { depth: 9 })} ${JSON.stringify(error)} ${String((error as Error).stack)}`).join('\n') + warnings.join('\n')
  expect(errors.every((error) => error instanceof Error)).toBe(true)
  expect(shown).toContain('the token [REDACTED] is')
  expect(shown).not.toContain('\u001B')
  expect(secrets.size).toBeGreaterThan(10)
  for (const secret of secrets) expect(shown).not.toContain(secret)
})
