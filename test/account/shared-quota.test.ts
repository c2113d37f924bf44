import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createCatalog, createQuota, createStateFile, type Persisted } from '../../src/account/index.js'
import { createRedisConnection, createRedisState } from '../../src/auth/index.js'
import { delay } from '../../src/lib/index.js'
import { freePort, startRedis, type TestRedis } from '../support/redis.js'

const installed = spawnSync('redis-server', ['--version']).status === 0
if (!installed) process.stderr.write('skipped: quota shared over Redis, because no redis-server is installed\n')

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'shared-quota-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

async function openRedis(): Promise<TestRedis> {
  const redis = await startRedis(await folder())
  onTestFinished(() => redis.stop())
  return redis
}

/** A host's own view of what the account's hosts share, connected. */
async function openState(redis: TestRedis): Promise<(section: string) => Persisted> {
  const connection = createRedisConnection({ url: redis.url })
  onTestFinished(() => connection.close())
  for (let tries = 0; tries < 100; tries++) {
    if (await connection.command('PING').then(() => true, () => false)) break
    await delay(50)
  }
  const state = createRedisState({ connection })
  return (section) => state.value(`made-up:${section}`, 60_000)
}

/** Until so many hosts hear of a section's changes: what is told before that reaches nobody. */
async function untilHeardBy(redis: TestRedis, section: string, hosts: number): Promise<void> {
  const connection = createRedisConnection({ url: redis.url })
  onTestFinished(() => connection.close())
  let heard = 0
  for (const startedMs = performance.now(); heard < hosts; await delay(5)) {
    if (performance.now() - startedMs > 30_000) throw new Error(`${heard} of ${hosts} hosts have subscribed`)
    const [channel] = (await connection.command('PUBSUB', 'CHANNELS', `*${section}:changed`).catch(() => [])) as string[]
    heard = channel === undefined ? 0 : Number(((await connection.command('PUBSUB', 'NUMSUB', channel)) as unknown[])[1])
  }
}

async function until(holds: () => boolean, limitMs = 30_000): Promise<void> {
  for (const startedMs = performance.now(); !holds(); await delay(5)) if (performance.now() - startedMs > limitMs) throw new Error('it did not come true')
}

test.runIf(installed)('a model that one host found exhausted is exhausted for every other at once, whatever their clocks say, and served again likewise', async () => {
  const redis = await openRedis()
  const at = Date.now()
  const quotas = await Promise.all([0, 5000, -5000, 2500].map(async (skewMs) => {
    const state = await openState(redis)
    return createQuota({ now: () => Date.now() + skewMs, persisted: state('quota'), probes: state('probes') })
  }))
  await Promise.all(quotas.map((quota) => quota.ready()))
  await untilHeardBy(redis, 'quota', quotas.length)
  quotas[0]!.observeExhausted({ model: 'gpt-5.5', resetsAtMs: at + 600_000 })
  await until(() => quotas.every((quota) => quota.inspect('gpt-5.5').exhaustedUntilMs === at + 600_000))
  quotas[2]!.observeServed('gpt-5.5', { startedAtMs: Date.now() + 10_000 })
  await until(() => quotas.every((quota) => quota.inspect('gpt-5.5').exhaustedUntilMs === undefined))
  await Promise.all(quotas.map((quota) => quota.flush()))
})

test.runIf(installed)('of hosts that write at the same time none loses what another learned, and a later one reads it all', async () => {
  const redis = await openRedis()
  const quotas = await Promise.all(Array.from({ length: 6 }, async () => createQuota({ persisted: (await openState(redis))('quota') })))
  await Promise.all(quotas.map((quota) => quota.ready()))
  quotas.forEach((quota, index) => quota.observeExhausted({ model: `model-${index}`, resetsAtMs: Date.now() + 600_000 }))
  await Promise.all(quotas.map((quota) => quota.flush()))
  const later = createQuota({ persisted: (await openState(redis))('quota') })
  await later.ready()
  expect(quotas.map((_quota, index) => later.inspect(`model-${index}`).exhaustedUntilMs !== undefined)).toEqual([true, true, true, true, true, true])
})

test.each(['file', ...(installed ? ['redis'] : [])])('after a reset one of all that share a %s asks, and where it leaves without an answer another may', async (kind) => {
  const redis = kind === 'redis' ? await openRedis() : undefined
  const file = createStateFile(join(await folder(), 'state.json'))
  const quotas = await Promise.all(Array.from({ length: 4 }, async () => createQuota({ probes: redis ? (await openState(redis))('probes') : file.persisted('account', 'probes') })))
  const claims = await Promise.all(quotas.map((quota) => quota.claimProbe('gpt-5.5')))
  expect(claims.filter(Boolean)).toHaveLength(1)
  quotas[claims.indexOf(true)]!.releaseProbe('gpt-5.5')
  const others = quotas.filter((_quota, index) => !claims[index])
  for (const startedMs = performance.now(); !(await others[0]!.claimProbe('gpt-5.5')); await delay(10)) expect(performance.now() - startedMs).toBeLessThan(5000)
  expect(await others[1]!.claimProbe('gpt-5.5')).toBe(false)
})

test.runIf(installed)('a model list that one host fetched serves the others, which ask for none', async () => {
  const redis = await openRedis()
  const entry = { slug: 'gpt-5.5', display_name: 'GPT-5.5', context_window: 272_000, supported_in_api: true, visibility: 'list', priority: 1 }
  let asked = 0
  const catalogs = await Promise.all(Array.from({ length: 3 }, async () => createCatalog({
    ttlMs: 60_000, persisted: (await openState(redis))('models'),
    fetchModels: async () => {
      asked++
      return { models: [entry], etag: 'made-up' }
    },
  })))
  await untilHeardBy(redis, 'models', catalogs.length)
  await catalogs[0]!.list()
  await until(() => catalogs.every((catalog) => catalog.fresh() !== undefined))
  expect((await Promise.all(catalogs.map((catalog) => catalog.list()))).map(({ source, models }) => [source, models[0]?.id])).toEqual(Array(3).fill(['live', 'gpt-5.5']))
  expect(asked).toBe(1)
  // The tag came with it: the answer of another host's call that carries the same says nothing new, one with another does.
  catalogs[1]!.observeEtag('made-up')
  await catalogs[1]!.list()
  expect(asked).toBe(1)
  catalogs[1]!.observeEtag('newer')
  await catalogs[1]!.list()
  await until(() => asked === 2)
})

test.runIf(installed)('a probe is one account-wide also where Redis is started anew and a process takes the place of one that died with the claim', async () => {
  const path = await folder()
  const port = await freePort()
  const words = ['--appendonly', 'yes', '--appendfsync', 'always']
  const first = await startRedis(path, port, words)
  onTestFinished(() => first.stop())
  const dead = createQuota({ probes: (await openState(first))('probes') })
  expect(await dead.claimProbe('gpt-5.5')).toBe(true)
  await first.stop()
  const second = await startRedis(path, port, words)
  onTestFinished(() => second.stop())
  const others = await Promise.all([0, 1].map(async () => createQuota({ probes: (await openState(second))('probes') })))
  expect(await Promise.all(others.map((quota) => quota.claimProbe('gpt-5.5')))).toEqual([false, false])
})
