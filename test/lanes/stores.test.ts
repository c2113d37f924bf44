import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createMemoryStore, createRedisConnection, createRedisStore, type RedisConnection } from '../../src/auth/index.js'
import { resolveOptions } from '../../src/config/index.js'
import { composeMount, type MountContainer } from '../../src/container.js'
import { createHost } from '../../src/host/index.js'
import type { ChatGPTProvider, TokenStore } from '../../src/index.js'
import { createProcessShared } from '../../src/process-shared.js'
import type { Twin } from '../../src/twin/index.js'
import { ask, mountOnTwin } from '../support/mounted.js'
import { mountOn, openTwin } from './support.js'

const outcomes = (twin: Twin): string[] => twin.refreshes.map(({ outcome }) => outcome)
const callMany = (providers: ChatGPTProvider[], times: number) =>
  Promise.all(Array.from({ length: times }, (_, n) => providers[n % providers.length]?.complete(ask(`call ${n}`))))

/** Another host's mount, as far as this process can tell: it shares no state with anybody. */
async function composeHost(config: Record<string, unknown>, now: () => number = Date.now): Promise<MountContainer> {
  const host = createHost({ warn: () => undefined })
  const { options } = resolveOptions(config)
  const mount = composeMount({ coordinator: host.coordinator, options, parts: { now, warn: () => undefined } }, createProcessShared())
  onTestFinished(() => mount.dispose())
  mount.useAccount((await mount.credentials.current()).accountKey)
  return mount
}

describe('a file', () => {
  test('a mount of a named account uses that account\'s own', async () => {
    const home = await mkdtemp(join(tmpdir(), 'amplifier-home-'))
    onTestFinished(() => rm(home, { recursive: true, force: true }))
    vi.stubEnv('HOME', home)
    vi.stubEnv('USERPROFILE', home)
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(homedir()).toBe(home)
    const { createFileStore, tokenFilePath } = await import('../../src/auth/index.js')
    const twin = await openTwin()
    for (const account of [undefined, 'work']) {
      const store = createFileStore({ path: tokenFilePath({ lane: 'codex', ...(account ? { account } : {}) }), lane: 'codex' })
      await store.save({ ...twin.issueTokens({ subject: account ?? 'home' }), auth_mode: 'oauth' })
    }
    const paths = [undefined, 'work'].map((account) => tokenFilePath({ lane: 'codex', ...(account ? { account } : {}) }))
    const before = await readFile(String(paths[0]), 'utf8')
    const bearer = (JSON.parse(await readFile(String(paths[1]), 'utf8')) as { access_token: string }).access_token
    const { provider } = await mountOn(twin, { config: { account: 'work' }, prepare: ({ config }) => { delete config['token_file_path'] } })
    await provider.complete(ask('hello'))
    expect(twin.responses().at(-1)?.headers['authorization']).toBe(`Bearer ${bearer}`)
    twin.expireAccessTokens()
    await provider.complete(ask('hello'))
    expect(outcomes(twin)).toEqual(['ok'])
    expect(await readFile(String(paths[0]), 'utf8')).toBe(before)
    expect(await readFile(String(paths[1]), 'utf8')).not.toContain(bearer)
    if (process.platform !== 'win32') expect((await stat(String(paths[1]))).mode & 0o777).toBe(0o600)
  })

  test('two mounts, sixty calls and a forced expiry make one exchange a round', async () => {
    const twin = await openTwin()
    const first = await mountOn(twin)
    const second = await mountOn(twin, { prepare: ({ config }) => { config['token_file_path'] = first.config['token_file_path'] } })
    for (let round = 1; round <= 3; round++) {
      twin.expireAccessTokens()
      await callMany([first.provider, second.provider], 20)
      expect(outcomes(twin)).toEqual(Array.from({ length: round }, () => 'ok'))
    }
  })

  test('what one host refreshed, another adopts', async () => {
    const twin = await openTwin()
    const first = await mountOn(twin)
    const second = await composeHost(first.config)
    twin.expireAccessTokens()
    await first.provider.complete(ask('hello'))
    await second.provider.complete(ask('hello'))
    expect(outcomes(twin)).toEqual(['ok'])
  })

  test('hosts that share no memory exchange once', async () => {
    const twin = await openTwin()
    const first = await mountOn(twin)
    const hosts = await Promise.all(Array.from({ length: 5 }, () => composeHost(first.config)))
    twin.expireAccessTokens()
    await callMany([first.provider, ...hosts.map(({ provider }) => provider)], 24)
    expect(outcomes(twin)).toEqual(['ok'])
  })
})

describe('a host\'s own store', () => {
  test('serves the mount, is asked under its lock, and gets what a refresh brought', async () => {
    const twin = await openTwin()
    const inner = createMemoryStore({ lane: 'codex' })
    await inner.save({ ...twin.issueTokens() })
    const asked: string[] = []
    const tokenStore: TokenStore = {
      kind: inner.kind,
      place: 'a vault of the host',
      load: () => { asked.push('load'); return inner.load() },
      save: (record, options) => { asked.push('save'); return inner.save(record, options) },
      clear: (options) => inner.clear(options),
      withLock: (work, limits) => { asked.push('lock'); return inner.withLock(work, limits) },
      proveWritable: () => inner.proveWritable(),
    }
    const { provider, config } = await mountOn(twin, { parts: { tokenStore }, prepare: ({ config: { token_file_path: path } }) => rm(String(path)) })
    twin.expireAccessTokens()
    await callMany([provider], 10)
    expect(outcomes(twin)).toEqual(['ok'])
    expect(asked.indexOf('lock')).toBeGreaterThan(asked.indexOf('load'))
    expect(asked.lastIndexOf('save')).toBeGreaterThan(asked.indexOf('lock'))
    expect(await inner.load()).toMatchObject({ state: 'present', record: { access_token: twin.responses().at(-1)?.headers['authorization']?.replace('Bearer ', '') } })
    await expect(stat(String(config['token_file_path']))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

const installed = spawnSync('redis-server', ['--version']).status === 0
if (!installed) process.stderr.write('skipped: mounts over Redis, because no redis-server is installed\n')
const KEY = Buffer.alloc(32, 9).toString('base64')
const PASSWORD = 'made-up-redis-canary'

describe.runIf(installed)('Redis', () => {
  let port = 0
  let server: ChildProcess
  let folder = ''
  let connection: RedisConnection
  const url = () => `redis://:${PASSWORD}@127.0.0.1:${port}`

  const startServer = async (): Promise<ChildProcess> => {
    const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--requirepass', PASSWORD], { stdio: ['ignore', 'pipe', 'ignore'] })
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (piece: Buffer) => { if (String(piece).includes('Ready to accept')) resolve() })
      child.once('exit', () => reject(new Error('redis-server ended')))
    })
    return child
  }
  const stopServer = async () => {
    const gone = new Promise((resolve) => server.once('exit', resolve))
    server.kill('SIGKILL')
    await gone
  }
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'amplifier-redis-'))
    const probe = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => probe.once('listening', resolve))
    const address = probe.address()
    port = typeof address === 'object' && address ? address.port : 0
    await new Promise((resolve) => probe.close(resolve))
    server = await startServer()
    connection = createRedisConnection({ url: url() })
  })
  afterAll(async () => {
    await connection.close()
    await stopServer()
    await rm(folder, { recursive: true, force: true })
  })
  beforeEach(() => {
    vi.stubEnv('AMPLIFIER_CHATGPT_STORE_KEY', KEY)
    onTestFinished(() => void vi.unstubAllEnvs())
  })

  let serial = 0
  async function signedIn(twin: Twin) {
    const account = `fleet-${(serial += 1)}`
    const tokens = twin.issueTokens()
    await createRedisStore({ connection, lane: 'codex', encryptionKey: KEY, account }).save({ ...tokens })
    const { redis, ...config } = { redis: { token_store: 'redis', redis_url: url(), account }, base_url: twin.baseUrl, issuer: twin.issuer, transport: 'sse', max_retries: 0 }
    return { tokens, account, config: { ...config, ...redis } }
  }

  test('holds no token that can be read, and neither mount nor event shows its password', async () => {
    const twin = await openTwin()
    const { config, tokens } = await signedIn(twin)
    const mounted = await mountOn(twin, { config: { ...config, raw: true } })
    await mounted.provider.listModels()
    twin.expireAccessTokens()
    await mounted.provider.complete(ask('hello'))
    expect(outcomes(twin)).toEqual(['ok'])
    const bearer = String(twin.responses().at(-1)?.headers['authorization']).replace('Bearer ', '')
    const keys = (await connection.command('KEYS', '*')) as string[]
    const values = await Promise.all(keys.map(async (key) => ((await connection.command('TYPE', key)) === 'string' ? connection.command('GET', key) : undefined)))
    // The log of writes has all the others as they were sent.
    const raw = JSON.stringify([keys, values, await readFile(join(folder, 'appendonlydir', 'appendonly.aof.1.incr.aof'), 'latin1')])
    expect(raw).toContain('v1.')
    for (const secret of [bearer, tokens.access_token, tokens.refresh_token, tokens.id_token]) expect(raw).not.toContain(secret)
    expect(JSON.stringify([mounted.events, mounted.warnings])).not.toContain(PASSWORD)
  })

  test('lets hosts that share nothing else exchange once, round after round', async () => {
    const twin = await openTwin()
    const { config } = await signedIn(twin)
    const hosts = await Promise.all(Array.from({ length: 4 }, () => composeHost(config)))
    for (let round = 1; round <= 3; round++) {
      twin.expireAccessTokens()
      await callMany(hosts.map(({ provider }) => provider), 16)
      expect(outcomes(twin)).toEqual(Array.from({ length: round }, () => 'ok'))
    }
  })

  test('tells every host of a used-up quota and of the models one has seen', async () => {
    const twin = await openTwin()
    const { config } = await signedIn(twin)
    const clock = { ms: Date.now() }
    const [first, second] = [await composeHost(config), await composeHost(config, () => clock.ms)]
    const listed = twin.requests.length
    await second.quota.ready()
    await first.provider.listModels()
    const resetsAt = Math.ceil(Date.now() / 1000) + 3600
    twin.exhaust('gpt-5.5', resetsAt)
    await expect(first.provider.complete(ask('hello', { model: 'gpt-5.5' }))).rejects.toMatchObject({ name: 'QuotaExceededError' })
    await first.dispose()
    // Pushed, without a restart and without being asked for.
    await expect.poll(() => second.quota.verdict('gpt-5.5').exhaustedUntilMs).toBe(resetsAt * 1000)
    expect(twin.requests.length).toBeGreaterThan(listed)
    twin.refuse('/backend-api/codex/models', { status: 500, body: {}, times: 9 })
    expect(await second.catalog.list()).toMatchObject({ source: 'last_good', models: expect.arrayContaining([expect.objectContaining({ id: 'gpt-6.1-sol' })]) as unknown })
  })

  test('that is lost half-way ends no call whose token serves, and is never refreshed without', async () => {
    const twin = await openTwin()
    const { config } = await signedIn(twin)
    const mounted = await mountOnTwin({ on: twin, config })
    onTestFinished(() => mounted.close())
    await mounted.provider.complete(ask('hello'))
    await stopServer()
    await expect(mounted.provider.complete(ask('on'))).resolves.toMatchObject({ finish_reason: 'stop' })
    twin.expireAccessTokens()
    const error: unknown = await mounted.provider.complete(ask('and on')).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'NetworkError', retryable: true })
    expect(String(error)).not.toContain(PASSWORD)
    expect(outcomes(twin)).toEqual([])
    server = await startServer()
    await expect.poll(() => mounted.provider.complete(ask('back')).then(() => 'served', () => 'not yet'), { timeout: 15_000, interval: 100 }).toBe('served')
    expect(outcomes(twin)).toEqual(['ok'])
  })

  test.each([['without a key', undefined, /AMPLIFIER_CHATGPT_STORE_KEY|openssl/], ['with another host\'s key', 'another passphrase of a length', /key/]])('%s nothing is mounted or written', async (_words, key, message) => {
    const twin = await openTwin()
    const { config } = await signedIn(twin)
    vi.stubEnv('AMPLIFIER_CHATGPT_STORE_KEY', key)
    const outcome = await mountOnTwin({ on: twin, config }).then((mounted) => mounted, (error: unknown) => error)
    if (typeof outcome === 'object' && outcome !== null && 'close' in outcome) {
      const mounted = outcome as Awaited<ReturnType<typeof mountOnTwin>>
      onTestFinished(() => mounted.close())
      expect(mounted.provider).toBeUndefined()
      expect(mounted.warnings.join()).toMatch(message)
    } else expect(String(outcome)).toMatch(message)
    expect(twin.requests).toEqual([])
  })
})
