import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createConcurrencyLimiter, createRedisLedger } from '../../src/account/index.js'
import { createRedisConnection, createRedisState, createRedisStore } from '../../src/auth/index.js'
import { openResponseStore } from '../../src/http/index.js'
import { startRedis } from '../support/redis.js'

const installed = spawnSync('redis-server', ['--version']).status === 0
if (!installed) process.stderr.write('skipped: Redis as a cluster, because no redis-server is installed\n')

test.runIf(installed)('what a script of ours touches lies in one slot of a cluster: places, sign-in, state, kept responses', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cluster-'))
  const redis = await startRedis(folder, undefined, ['--cluster-enabled', 'yes'])
  onTestFinished(async () => {
    await redis.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const connect = () => createRedisConnection({ url: redis.url })
  const connection = connect()
  onTestFinished(() => connection.close())
  await connection.command('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  await vi.waitFor(async () => expect(String(await connection.command('CLUSTER', 'INFO'))).toContain('cluster_state:ok'), { timeout: 10_000, interval: 50 })
  await expect(connection.script("return redis.call('GET', KEYS[1])", ['one', 'two'], [])).rejects.toMatchObject({ cause: { message: expect.stringMatching(/^CROSSSLOT/) as unknown } })

  const limiters = [1, 2].map(() => createConcurrencyLimiter({ limit: 1, ledger: createRedisLedger({ connection: connect(), account: 'one' }), self: { machine: 'made-up', version: '0' } }))
  onTestFinished(async () => void (await Promise.all(limiters.map((limiter) => limiter.close()))))
  const release = await limiters[0]!.acquire()
  const waiting = limiters[1]!.acquire()
  await vi.waitFor(async () => expect(await limiters[0]!.inspect()).toMatchObject({ running: 1, waiting: { background: 1 } }), { timeout: 10_000 })
  release()
  ;(await waiting)()

  const secret = Buffer.alloc(32, 7).toString('base64')
  const store = createRedisStore({ connection, lane: 'codex', encryptionKey: secret })
  await store.save({ auth_mode: 'oauth', access_token: 'made-up', refresh_token: 'made-up-too' })
  expect(await store.load()).toMatchObject({ state: 'present' })
  const value = createRedisState({ connection }).value('one:quota', 60_000)
  await value.save({ made: 'up' })
  expect(await value.load()).toEqual({ made: 'up' })
  const responses = await openResponseStore({ kind: 'redis', folder, secret, connect })
  onTestFinished(() => responses.close())
  await responses.put('one', 'resp_1', 'kept')
  expect([await responses.get('one', 'resp_1'), await responses.delete('one', 'resp_1')]).toEqual(['kept', true])
})
