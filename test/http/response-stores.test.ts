import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createAtRestCipher, createRedisConnection } from '../../src/auth/index.js'
import { openResponseStore } from '../../src/http/open-response-store.js'
import { DISK_LIMITS, type ResponseStore, type StoreLimits } from '../../src/http/response-store.js'
import { createSqliteStore } from '../../src/http/sqlite-store.js'
import { openDatabase } from '../../src/lib/index.js'

const hasRedis = spawnSync('redis-server', ['--version']).status === 0
if (!hasRedis) console.log('skipped: responses in Redis, because no redis-server is installed')
const SECRET = Buffer.alloc(32, 7).toString('base64')

let redis: { child: ChildProcess; url: string; folder: string } | undefined
async function startRedis() {
  const folder = await mkdtemp(join(tmpdir(), 'responses-redis-'))
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always', '--save', ''], { stdio: ['ignore', 'pipe', 'ignore'] })
  await new Promise<void>((resolve) => child.stdout?.on('data', (chunk: Buffer) => { if (chunk.toString().includes('Ready to accept')) resolve() }))
  return { child, url: `redis://127.0.0.1:${port}`, folder }
}
beforeAll(async () => {
  if (hasRedis) redis = await startRedis()
})
afterAll(async () => {
  redis?.child.kill()
  if (redis) await rm(redis.folder, { recursive: true, force: true })
})

interface Opened {
  folder: string
  open(limits?: Partial<StoreLimits>, now?: () => number): Promise<ResponseStore>
}

async function prepare(kind: 'memory' | 'sqlite' | 'redis'): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), 'responses-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const secret = kind === 'redis' ? SECRET : undefined
  const connect = () => createRedisConnection({ url: redis?.url ?? '' })
  if (kind === 'redis') {
    const connection = connect()
    await connection.command('FLUSHALL')
    await connection.close()
  }
  return {
    folder,
    async open(limits, now) {
      const store = await openResponseStore({ kind, folder, secret, connect, limits, now })
      onTestFinished(() => store.close().catch(() => undefined))
      return store
    },
  }
}

const KINDS = ['memory', 'sqlite', ...(hasRedis ? ['redis'] as const : [])] as const

describe.each(KINDS)('responses in %s', (kind) => {
  test('are their owner\'s alone, replaced, and deleted once', async () => {
    const store = await (await prepare(kind)).open()
    await Promise.all([store.put('one', 'resp_1', 'made up'), store.put('other', 'resp_2', 'another')])
    await store.put('one', 'resp_1', 'made up anew')
    expect([await store.get('one', 'resp_1'), await store.get('other', 'resp_1'), await store.get('other', 'resp_2')]).toEqual(['made up anew', undefined, 'another'])
    expect([await store.delete('other', 'resp_1'), await store.delete('one', 'resp_1'), await store.delete('one', 'resp_1')]).toEqual([false, true, false])
    expect(await store.get('one', 'resp_1')).toBeUndefined()
  })

  test('go by age since they were last used', async () => {
    let now = 1_000_000
    const store = await (await prepare(kind)).open({ maxAgeMs: 600_000 }, () => now)
    await store.put('one', 'resp_1', 'used')
    await store.put('one', 'resp_2', 'unused')
    now += 400_000
    expect(await store.get('one', 'resp_1')).toBe('used')
    now += 400_000
    expect([await store.get('one', 'resp_1'), await store.get('one', 'resp_2')]).toEqual(['used', undefined])
  })

  test('go by count and by bytes, the least recently used first', async () => {
    let now = 0
    const tick = (): number => (now += 100_000)
    const counted = await (await prepare(kind)).open({ maxCount: 2 }, tick)
    for (const id of ['resp_1', 'resp_2']) await counted.put('one', id, id)
    await counted.get('one', 'resp_1')
    await counted.put('one', 'resp_3', 'resp_3')
    expect([await counted.get('one', 'resp_1'), await counted.get('one', 'resp_2'), await counted.get('one', 'resp_3')]).toEqual(['resp_1', undefined, 'resp_3'])
    const weighed = await (await prepare(kind)).open({ maxBytes: 5000 }, tick)
    for (const id of ['resp_1', 'resp_2']) await weighed.put('one', id, 'x'.repeat(2400))
    expect([await weighed.get('one', 'resp_1'), (await weighed.get('one', 'resp_2'))?.length]).toEqual(kind === 'memory' ? ['x'.repeat(2400), 2400] : [undefined, 2400])
    await weighed.put('one', 'resp_9', 'x'.repeat(6000))
    expect(await weighed.get('one', 'resp_2')).toBeUndefined()
  })

  test.skipIf(kind === 'memory')('are there after a restart, for two that share them too', async () => {
    const { open } = await prepare(kind)
    const first = await open()
    await Promise.all(Array.from({ length: 50 }, (_each, index) => first.put('one', `resp_${index}`, `text ${index}`)))
    const beside = await open()
    expect(await beside.get('one', 'resp_7')).toBe('text 7')
    await Promise.all([first.close(), beside.close()])
    const again = await open()
    expect(await Promise.all(Array.from({ length: 50 }, (_each, index) => again.get('one', `resp_${index}`)))).toEqual(Array.from({ length: 50 }, (_each, index) => `text ${index}`))
  })
})

describe('responses in a file', () => {
  test.skipIf(process.platform === 'win32')('are sealed by a key file of mode 0600, and lost without it', async () => {
    const { folder, open } = await prepare('sqlite')
    const store = await open()
    await store.put('one', 'resp_1', 'a secret of the made-up kind')
    const written = await Promise.all((await readdir(folder)).map(async (name) => readFile(join(folder, name), 'latin1')))
    expect(written.filter((text) => text.includes('made-up kind'))).toEqual([])
    expect((await stat(join(folder, 'endpoint.key'))).mode & 0o777).toBe(0o600)
    await store.close()
    await rm(join(folder, 'endpoint.key'))
    const other = await open()
    expect(await other.get('one', 'resp_1')).toBeUndefined()
  })
})

test('a response is read from a file that takes no writes, as on a full disk', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'responses-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const database = await openDatabase(join(folder, 'endpoint.db'))
  let nowMs = 0
  const store = createSqliteStore({ database, cipher: createAtRestCipher(SECRET), limits: DISK_LIMITS, now: () => nowMs })
  onTestFinished(() => store.close())
  await store.put('owner', 'one', 'made up')
  nowMs = 3_600_000
  database.exec('PRAGMA query_only = ON')
  expect(await store.get('owner', 'one')).toBe('made up')
  await expect(store.put('owner', 'other', 'made up')).rejects.toThrow('readonly')
})
