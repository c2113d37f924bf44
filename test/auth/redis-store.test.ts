import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createCredentialSource, createRedisConnection, createRedisStore, createRedisState, signOut, type RedisStoreOptions } from '../../src/auth/index.js'
import { createAtRestCipher } from '../../src/auth/encrypt-at-rest.js'
import { delay } from '../../src/lib/index.js'
import { startStand } from './support/stand.js'
import { originalRecord } from './support/tokens.js'
import { WALL_TIME } from '../support/wall-time.js'

const KEY = Buffer.alloc(32, 7).toString('base64')
const installed = spawnSync('redis-server', ['--version']).status === 0
if (!installed) process.stderr.write('skipped: the Redis store, because no redis-server is installed\n')

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

async function startRedis(port: number, folder: string): Promise<ChildProcess> {
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always', '--save', ''], { stdio: ['ignore', 'pipe', 'ignore'] })
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => { if (chunk.toString().includes('Ready to accept connections')) resolve() })
    child.once('exit', () => reject(new Error('redis-server ended')))
  })
  return child
}

async function stop(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

describe('what is sealed', () => {
  test.each([['a key of 32 bytes', KEY], ['the same as hex', '07'.repeat(32)], ['a passphrase', 'correct horse battery']])('opens with %s, in its own place only', async (_words, secret) => {
    const sealed = await createAtRestCipher(secret).seal('made up', 'here')
    expect(sealed).not.toContain('made up')
    expect(await createAtRestCipher(secret).open(sealed, 'here')).toBe('made up')
    expect(await createAtRestCipher(secret).open(sealed, 'there')).toBeUndefined()
    expect(await createAtRestCipher('another passphrase').open(sealed, 'here')).toBeUndefined()
    expect(await createAtRestCipher(secret).open(`${sealed.slice(0, -2)}AA`, 'here')).toBeUndefined()
    expect(await createAtRestCipher(secret).open('nonsense', 'here')).toBeUndefined()
  })

  test('never with no key or a weak one', () => {
    expect(() => createAtRestCipher(undefined)).toThrow(expect.objectContaining({ name: 'ConfigurationError', message: expect.stringContaining('openssl rand -base64 32') as string }) as Error)
    expect(() => createAtRestCipher('short')).toThrow(expect.objectContaining({ name: 'ConfigurationError' }) as Error)
  })
})

describe.runIf(installed)('a Redis server', () => {
  let port = 0
  let server: ChildProcess | undefined
  let folder = ''
  beforeAll(async () => {
    const { mkdtemp } = await import('node:fs/promises')
    const { tmpdir } = await import('node:os')
    folder = await mkdtemp(join(tmpdir(), 'auth-redis-'))
    port = await freePort()
    server = await startRedis(port, folder)
  })
  afterAll(async () => {
    await stop(server)
    const { rm } = await import('node:fs/promises')
    await rm(folder, { recursive: true, force: true })
  })

  let serial = 0
  function open(options: Partial<RedisStoreOptions> = {}) {
    const connection = createRedisConnection({ url: `redis://127.0.0.1:${port}` })
    onTestFinished(() => connection.close())
    const account = options.account ?? `test-${(serial += 1)}`
    return { connection, account, store: createRedisStore({ connection, lane: 'codex', encryptionKey: KEY, ...options, account }) }
  }

  test('signing out removes the keys of unreadable sign-ins that were kept aside, and those alone', async () => {
    const stand = await startStand()
    const { store, connection, account } = open({ prefix: 'made[up]*' })
    const key = `made[up]*:{codex:${account}}:credential`
    const seal = async (text: string) => connection.command('SET', key, await createAtRestCipher(KEY).seal(text, key))
    await seal('{"access_token":"made-up-access","refresh_tok')
    await store.save(originalRecord())
    await seal('{"access_token":7,"refresh_token":"made-up-refresh"}')
    const other = `madeup:{codex:${account}}:credential:corrupt-2026`
    await connection.command('SET', other, 'of another prefix')
    for (let index = 0; index < 30; index += 1) await connection.command('SET', `${key}:corrupt-planted-${index}`, 'made up')
    expect(await signOut({ ...stand, store })).not.toHaveProperty('left')
    const keys = await connection.command('KEYS', `*codex:${account}}*`)
    expect(Array.isArray(keys) ? keys.map(String).sort() : keys).toEqual([`${key.replace(/credential$/, 'fence')}`, other].sort())
  })

  test('signing out names the keys it was not allowed to look for', async () => {
    const stand = await startStand()
    const { store, connection, account } = open()
    await store.save({ ...stand.twin.issueTokens() })
    await connection.command('ACL', 'SETUSER', 'default', '-scan')
    onTestFinished(async () => { await connection.command('ACL', 'SETUSER', 'default', '+scan') })
    expect((await signOut({ ...stand, store })).left).toEqual([
      expect.stringMatching(new RegExp(`codex:${account}\\}:credential:corrupt-\\*\\) may still hold copies, which could not be removed: NOPERM`)) as string,
    ])
    expect((await store.load()).state).toBe('missing')
  })

  test('keeps a credential encrypted, with a time after which it is forgotten', async () => {
    const { store, connection, account } = open()
    expect(await store.load()).toMatchObject({ state: 'missing', message: expect.stringContaining(`login --account ${account}`) as string })
    await store.save(originalRecord())
    expect(await store.load()).toEqual({ state: 'present', record: originalRecord() })
    const key = `amplifier-chatgpt:{codex:${account}}:credential`
    expect(String(await connection.command('GET', key))).toMatch(/^v1\./)
    expect(Number(await connection.command('PTTL', key))).toBeGreaterThan(179 * 24 * 3_600_000)
    await store.clear()
    expect((await store.load()).state).toBe('missing')
  })

  test('whose value was sealed with another key is never written over', async () => {
    const { store, account } = open()
    await store.save(originalRecord())
    const other = open({ account, encryptionKey: 'another passphrase' }).store
    expect(await other.load()).toMatchObject({ state: 'unreadable', message: expect.stringContaining('Set the key the other hosts have') as string })
    await expect(other.save(originalRecord())).rejects.toMatchObject({ code: 'refused' })
    expect((await store.load()).state).toBe('present')
  })

  test('refuses the save of a host whose lock was taken while it slept', async () => {
    const { store, account, connection } = open()
    await store.save(originalRecord())
    await store.withLock(async (lock) => {
      // This host sleeps; its lock runs out, and another takes it.
      await connection.command('DEL', `amplifier-chatgpt:{codex:${account}}:lock`)
      await open({ account }).store.withLock(async (theirs) => {
        expect(theirs.fence).toBe((lock.fence ?? 0) + 1)
        expect(await lock.held()).toBe(false)
        await expect(store.save({ ...originalRecord(), refresh_token: 'rt-stale-made-up' }, { lock })).rejects.toMatchObject({ code: 'stale_lock' })
      })
    })
    expect(await store.load()).toEqual({ state: 'present', record: originalRecord() })
  })

  test('frees the lock of a host that died after its time', WALL_TIME, async () => {
    const { store, account } = open({ lockTtlMs: 200 })
    const never = open({ account, lockTtlMs: 200 })
    const dead = never.store.withLock(() => new Promise(() => undefined))
    dead.catch(() => undefined)
    await expect.poll(() => never.connection.command('EXISTS', `amplifier-chatgpt:{codex:${account}}:lock`)).toBe(1)
    await never.connection.close()
    const startedAt = performance.now()
    await store.withLock(async () => undefined)
    expect(performance.now() - startedAt).toBeLessThan(15_000)
  })

  test('lets twenty hosts refresh once', async () => {
    const stand = await startStand()
    const { account, store } = open()
    const tokens = stand.twin.issueTokens()
    await store.save({ ...tokens })
    const hosts = Array.from({ length: 20 }, () => createCredentialSource({ lane: stand.lane, transport: stand.transport, store: open({ account }).store }))
    stand.twin.expireAccessTokens()
    const found = await Promise.all(hosts.map((host) => host.replace(tokens.access_token)))
    expect(new Set(found.map(({ accessToken }) => accessToken)).size).toBe(1)
    expect(stand.twin.refreshes.map(({ outcome }) => outcome)).toEqual(['ok'])
  })

  test('that goes away ends no call whose token serves, is never refreshed without, and is used again when it is back', async () => {
    const stand = await startStand()
    const { store } = open()
    const tokens = stand.twin.issueTokens()
    await store.save({ ...tokens })
    const clock = { ms: Date.now() }
    const warnings: string[] = []
    const source = createCredentialSource({ lane: stand.lane, transport: stand.transport, store, now: () => clock.ms, delay: async () => undefined, warn: (message) => warnings.push(message) })
    await source.current()
    await stop(server)
    clock.ms += 3_600_000 - 60_000
    expect((await source.current()).accessToken).toBe(tokens.access_token)
    expect(warnings).toEqual([expect.stringContaining('cannot be reached')])
    await expect(source.replace(tokens.access_token)).rejects.toMatchObject({ name: 'NetworkError', retryable: true })
    expect(stand.twin.refreshes).toEqual([])
    server = await startRedis(port, folder)
    await expect.poll(async () => (await store.load()).state, { timeout: 15_000, interval: 100 }).toBe('present')
    expect((await source.replace(tokens.access_token)).accessToken).not.toBe(tokens.access_token)
    expect(stand.twin.refreshes.length).toBe(1)
  })

  test('that is full says so before anything is exchanged', async () => {
    const stand = await startStand()
    const { store, connection } = open()
    const tokens = stand.twin.issueTokens()
    await store.save({ ...tokens })
    await connection.command('CONFIG', 'SET', 'maxmemory', '1')
    onTestFinished(() => connection.command('CONFIG', 'SET', 'maxmemory', '0').then(() => undefined))
    const source = createCredentialSource({ lane: stand.lane, transport: stand.transport, store })
    await expect(source.replace(tokens.access_token)).rejects.toMatchObject({ name: 'AuthenticationError', code: 'token_store_unwritable' })
    expect(stand.twin.refreshes).toEqual([])
  })

  test('keeps what hosts share, each value for its time', WALL_TIME, async () => {
    const value = () => createRedisState({ connection: open().connection }).value('quota:made-up', 150)
    expect(await value().load()).toBeUndefined()
    await value().save({ used: 7 })
    expect(await value().load()).toEqual({ used: 7 })
    await delay(200)
    expect(await value().load()).toBeUndefined()
  })
})

describe('a Redis server that is not there', () => {
  test('is an error within seconds, and no harm to shared values', async () => {
    const connection = createRedisConnection({ url: `redis://user:made-up-password@127.0.0.1:${await freePort()}` })
    onTestFinished(() => connection.close())
    const store = createRedisStore({ connection, lane: 'codex', encryptionKey: KEY })
    const found = await store.load()
    expect(found).toMatchObject({ state: 'unreadable', transient: true, message: expect.stringContaining('cannot be reached') as string })
    expect(JSON.stringify([found, store.place])).not.toContain('made-up-password')
    const shared = createRedisState({ connection }).value('x', 1000)
    await shared.save(1)
    expect(await shared.load()).toBeUndefined()
  })
})

