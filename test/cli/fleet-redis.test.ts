/** `fleet status` and `doctor` over a real Redis: what is foreign, stale, refused or hostile there. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createPlaceState } from '../../src/account/place-state.js'
import { createRedisConnection, type RedisConnection } from '../../src/auth/index.js'
import { freePort, startRedis, type TestRedis } from '../support/redis.js'
import { openCommandLine, type CommandLine } from './support.js'

const installed = spawnSync('redis-server', ['--version']).status === 0
if (!installed) process.stderr.write('skipped: the fleet over Redis, because no redis-server is installed\n')

/** Writes the clipboard, erases the row, and the same in the one-byte forms of C1. */
const HOSTILE = '\u001b]52;c;cm0gLXJm\u0007\u001b[2K\rgood\u009b31m'

interface Fleet {
  line: CommandLine
  connection: RedisConnection
  redis: TestRedis
  /** where the same server is reached by TLS */
  tlsUrl: string
  caFile: string
  /** the account's key of places */
  key: string
  close(): Promise<void>
}

async function openFleet(): Promise<Fleet> {
  const folder = await mkdtemp(join(tmpdir(), 'fleet-redis-'))
  const at = (name: string) => join(folder, name)
  await certify(folder)
  const port = await freePort()
  const redis = await startRedis(folder, undefined, ['--tls-port', String(port), '--tls-cert-file', at('server.pem'), '--tls-key-file', at('server.key'), '--tls-ca-cert-file', at('ca.pem'), '--tls-auth-clients', 'no'])
  const line = await openCommandLine()
  const connection = createRedisConnection({ url: redis.url })
  const words = ['--config', 'token_store=redis', '--config', `redis_url=${redis.url}`]
  for (const command of [['login'], ['run', 'x']]) expect(await line.run([...command, ...words], { env })).toMatchObject({ code: 0 })
  const [key = ''] = ((await connection.command('KEYS', 'amplifier-chatgpt:{*}:places')) as string[])
  return {
    line, connection, redis, key, tlsUrl: `rediss://localhost:${port}`, caFile: at('ca.pem'),
    async close() {
      await Promise.all([connection.close(), line.close(), redis.stop()])
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function certify(folder: string): Promise<void> {
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' })
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=Made-up Authority', '-keyout', 'ca.key', '-out', 'ca.pem')
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-keyout', 'server.key', '-out', 'server.csr')
  await writeFile(join(folder, 'names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names', '-out', 'server.pem')
}

const env = { AMPLIFIER_CHATGPT_STORE_KEY: Buffer.alloc(32, 7).toString('base64') }
let fleet: Fleet
const run = (words: string[], url = fleet.redis.url) => fleet.line.run([...words, '--config', 'token_store=redis', '--config', `redis_url=${url}`], { env, tty: true })

/** The result and detail of each of doctor's checks whose name begins so. */
async function diagnose(check: string): Promise<[check: string, result: string, detail: string][]> {
  const { findings } = JSON.parse((await run(['doctor', '--json'])).stdout) as { findings: { check: string; result: string; detail: string }[] }
  return findings.filter((one) => one.check.startsWith(check)).map((one) => [one.check, one.result, one.detail])
}

/** A process that holds a place, last heard of `silentMs` ago by the server's clock. */
async function enter(name: string, machine: string, silentMs: number): Promise<void> {
  const { connection, key } = fleet
  const nowMs = Date.now()
  const text = await connection.command('GET', key)
  const state: ReturnType<typeof createPlaceState> = typeof text === 'string' ? JSON.parse(text) : createPlaceState()
  const owners = Array.isArray(state.owners) ? state.owners : []
  owners.push({ name, machine, pid: 4711, version: machine, seq: 1, most: 6, running: 2, sinceMs: nowMs - 60_000, granted: [] })
  await connection.command('SET', key, JSON.stringify({ ...state, owners }))
  await connection.command('ZADD', `${key}:seen`, String(nowMs - silentMs), name)
}

describe.runIf(installed)('a fleet over Redis', () => {
  beforeAll(async () => { fleet = await openFleet() }, 30_000)
  afterAll(() => fleet.close())
  beforeEach(async () => void (await fleet.connection.command('DEL', fleet.key, `${fleet.key}:seen`)))

  test('shows what hosts call themselves, and a terminal obeys none of it', async () => {
    await enter(`owner ${HOSTILE}`, `host ${HOSTILE}`, 0)
    for (const words of [['fleet', 'status'], ['doctor'], ['fleet', 'status', '--json']]) {
      const { stdout, stderr } = await run(words)
      expect(stdout).toContain('4711')
      // The tables' own colours are the only ones.
      const controls = (stdout + stderr).replace(/\u001b\[(?:1|2|22|31|32|33|39)m/g, '').match(/\p{Cc}/gu) ?? []
      expect([...new Set(controls)].filter((found) => found !== '\n')).toEqual([])
    }
    expect((await run(['fleet', 'status'])).stdout).toContain('host ␛]52;c;cm0gLXJm␇␛[2Kgood')
  })

  test('names a process that has gone silent, until the next call gives its places on', async () => {
    await enter('gone', 'somewhere', 40_000)
    expect((await run(['fleet', 'status'])).stdout).toMatch(/somewhere +4711 +somewhere +2 +0 +6\d s +4\d s ago, taken for dead/)
    expect((await diagnose('fleet holder')).map(([, result, detail]) => [result, detail.replace(/4\d s/, '40 s')])).toEqual([
      ['warning', 'process 4711 on somewhere: 2 running, 0 waiting; last heard of 40 s ago, so that its places are given on with the next call of another'],
    ])
    expect(await run(['run', 'x'])).toMatchObject({ code: 0 })
    expect(JSON.parse((await run(['fleet', 'status', '--json'])).stdout)).toMatchObject({ running: 0, members: [] })
  })

  test.each([
    ['text that is no state', ['SET', 'made up by another']], ['a list', ['SET', '[1,2]']], ['a state of another shape', ['SET', '{"owners":5,"interactive":"x"}']],
  ])('passes over %s in its place, and counts anew', async (_what, [verb = '', value = '']) => {
    await fleet.connection.command(verb, fleet.key, value)
    expect(await run(['fleet', 'status'])).toMatchObject({ code: 0, stdout: expect.stringContaining('running           0 of 6') })
    expect(await run(['run', 'x'])).toMatchObject({ code: 0, stderr: expect.not.stringContaining('at a time') })
    expect(String(await fleet.connection.command('GET', fleet.key))).toContain('"cutTo":0')
  })

  test('says which key is of another kind; calls go on with the machine\'s share', async () => {
    await fleet.connection.command('HSET', fleet.key, 'made', 'up')
    expect(await diagnose('fleet')).toEqual([['fleet', 'error', expect.stringContaining('WRONGTYPE')]])
    expect(await run(['fleet', 'status'])).toMatchObject({ code: 5, stdout: expect.stringContaining(fleet.key) })
    const { code, stderr } = await run(['run', 'x'])
    expect([code, stderr]).toEqual([0, expect.stringContaining('this machine runs 1 of 6 at a time')])
  })

  test('has keys of a stranger beside its own, and neither reads nor counts them', async () => {
    await fleet.connection.command('SET', 'amplifier-chatgpt:{other}:places', 'made up')
    await fleet.connection.command('HSET', 'amplifier-chatgpt:other', 'made', 'up')
    expect(JSON.parse((await run(['fleet', 'status', '--json'])).stdout)).toMatchObject({ scope: 'account', members: [] })
    expect((await diagnose('fleet')).map(([check, result]) => `${check} ${result}`)).toEqual(['fleet ok', 'fleet latency ok', 'fleet clock ok'])
  })

  test('has the configured limit in JSON as in words where nobody runs or waits', async () => {
    expect(JSON.parse((await run(['fleet', 'status', '--json'])).stdout)).toMatchObject({ limit: 6, configured: 6, cut: false, members: [] })
    expect((await run(['fleet', 'status'])).stdout).toMatch(/running +0 of 6\n[^]*shared by +0 processes with calls on 0 machines/)
    await enter('one', 'here', 0)
    await enter('two', 'here', 0)
    expect((await run(['fleet', 'status'])).stdout).toMatch(/shared by +2 processes with calls on 1 machine /)
    expect(await diagnose('fleet')).toContainEqual(['fleet', 'ok', expect.stringContaining('2 processes with calls on 1 machine ')])
  })

  test('that is away: doctor says what it did not try, and not that nobody is signed in', async () => {
    const { code, stdout } = await run(['doctor', '--json'], `redis://127.0.0.1:${await freePort()}`)
    const { findings } = JSON.parse(stdout) as { findings: { check: string; result: string; detail: string }[] }
    expect(code).toBeGreaterThan(0)
    for (const check of ['catalog', 'websocket', 'roles']) expect(findings).toContainEqual({ check, result: 'skipped', detail: "not tried: Redis can't be reached" })
  })

  test('says that the password is refused, without saying it', async () => {
    await fleet.connection.command('CONFIG', 'SET', 'requirepass', 'right-made-up')
    onTestFinished(async () => void (await fleet.connection.command('CONFIG', 'SET', 'requirepass', '')))
    for (const credentials of [':wrong-made-up@', '']) {
      for (const words of [['fleet', 'status'], ['doctor'], ['status']]) {
        const { code, stdout, stderr } = await run(words, fleet.redis.url.replace('//', `//${credentials}`))
        expect([code > 0, stdout + stderr]).toEqual([true, expect.stringMatching(/WRONGPASS|NOAUTH/)])
        expect(stdout + stderr).toContain('Check user and password in redis_url')
        expect(stdout + stderr).not.toContain('made-up')
      }
    }
  })

  test('is reached by TLS with the authority that ca_file names, and says what to name where that is missing', async () => {
    expect(await run(['fleet', 'status', '--config', `ca_file=${fleet.caFile}`], fleet.tlsUrl)).toMatchObject({ code: 0, stdout: expect.stringContaining(`(${fleet.tlsUrl}, `) })
    expect(await run(['fleet', 'status'], fleet.tlsUrl)).toMatchObject({ code: 5, stdout: expect.stringContaining('Name its authority with ca_file') })
  })
})
