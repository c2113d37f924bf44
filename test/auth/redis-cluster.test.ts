import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createConcurrencyLimiter, createFallbackLedger, createMemoryLedger, createRedisLedger } from '../../src/account/index.js'
import { createRedisConnection, createRedisState, createRedisStore } from '../../src/auth/index.js'
import { delay } from '../../src/lib/index.js'
import { freePort, startRedis, type TestRedis } from '../support/redis.js'

/** Whatever speaks the protocol: `REDIS_SERVER=valkey-server` runs the same against Valkey. */
const installed = spawnSync(process.env['REDIS_SERVER'] ?? 'redis-server', ['--version']).status === 0
if (!installed) process.stderr.write('skipped: a cluster of Redis, because no redis-server is installed\n')

interface ClusterNode extends TestRedis {
  id: string
  port: string
  say(...words: string[]): Promise<unknown>
}

const SLOTS = 16_384

/** Three nodes of their own, the slots shared out evenly. */
async function startCluster(): Promise<ClusterNode[]> {
  const nodes = await Promise.all([0, 1, 2].map(async (at): Promise<ClusterNode> => {
    const folder = await mkdtemp(join(tmpdir(), 'redis-cluster-'))
    const bus = String(await freePort())
    const redis = await startRedis(folder, undefined, ['--cluster-enabled', 'yes', '--cluster-port', bus, '--cluster-node-timeout', '2000'])
    onTestFinished(async () => {
      await redis.stop()
      await rm(folder, { recursive: true, force: true })
    })
    const plain = createRedisConnection({ url: redis.url })
    onTestFinished(() => plain.close())
    await plain.command('CLUSTER', 'ADDSLOTSRANGE', String(Math.floor((at * SLOTS) / 3)), String(Math.floor(((at + 1) * SLOTS) / 3) - 1))
    return { ...redis, port: new URL(redis.url).port, id: String(await plain.command('CLUSTER', 'MYID')), say: plain.command, stop: redis.stop, bus } as ClusterNode & { bus: string }
  }))
  for (const node of nodes.slice(1)) await nodes[0]!.say('CLUSTER', 'MEET', '127.0.0.1', node.port, (node as ClusterNode & { bus: string }).bus)
  await vi.waitFor(async () => {
    for (const node of nodes) expect(String(await node.say('CLUSTER', 'INFO'))).toMatch(/cluster_state:ok[\s\S]*cluster_known_nodes:3/)
  }, { timeout: 15_000, interval: 100 })
  return nodes
}

async function ownerOf(nodes: readonly ClusterNode[], key: string): Promise<{ slot: string; at: number }> {
  const slot = Number(await nodes[0]!.say('CLUSTER', 'KEYSLOT', key))
  return { slot: String(slot), at: nodes.findIndex((_node, at) => slot < Math.floor(((at + 1) * SLOTS) / 3)) }
}

/** As `redis-cli --cluster reshard` does it, with a stop in the middle, where the slot's keys are on both nodes. */
async function moveSlot(slot: string, from: ClusterNode, to: ClusterNode, halfway: () => Promise<void>): Promise<void> {
  await to.say('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id)
  await from.say('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id)
  await halfway()
  const keys = await from.say('CLUSTER', 'GETKEYSINSLOT', slot, '100')
  if (Array.isArray(keys) && keys.length > 0) await from.say('MIGRATE', '127.0.0.1', to.port, '', '0', '5000', 'KEYS', ...keys.map(String))
  for (const node of [to, from]) await node.say('CLUSTER', 'SETSLOT', slot, 'NODE', to.id)
}

test.runIf(installed)('sign-in, state and places work over any node of a cluster, and follow a slot that moves while calls run', async () => {
  const nodes = await startCluster()
  const { slot, at } = await ownerOf(nodes, 'amplifier-chatgpt:{one}:places')
  const [holder, target, stranger] = [nodes[at]!, nodes[(at + 1) % 3]!, nodes[(at + 2) % 3]!]
  const connect = (node: ClusterNode) => {
    const connection = createRedisConnection({ url: node.url })
    onTestFinished(() => connection.close())
    return connection
  }

  const store = createRedisStore({ connection: connect(stranger), lane: 'codex', encryptionKey: Buffer.alloc(32, 7).toString('base64') })
  // A node that has just heard that the cluster is whole may take a moment more.
  await vi.waitFor(() => store.save({ auth_mode: 'oauth', access_token: 'made-up', refresh_token: 'made-up-too' }), { timeout: 10_000, interval: 200 })
  const again = createRedisStore({ connection: connect(holder), lane: 'codex', encryptionKey: Buffer.alloc(32, 7).toString('base64') })
  expect(await again.load()).toMatchObject({ state: 'present', record: { refresh_token: 'made-up-too' } })
  const kept = createRedisState({ connection: connect(target) }).value('one:quota', 60_000)
  await kept.update(() => ({ used: 1 }))
  expect(await createRedisState({ connection: connect(stranger) }).value('one:quota', 60_000).load()).toEqual({ used: 1 })

  const warnings: string[] = []
  const limiters = [stranger, stranger, target, holder].map((node) => createConcurrencyLimiter({
    limit: 2, self: { machine: node.port, version: '0' },
    ledger: createFallbackLedger({ ledger: createRedisLedger({ connection: connect(node), account: 'one' }), local: createMemoryLedger(), shared: true, warn: (_share, cause) => warnings.push(cause instanceof Error ? `${cause.message}: ${String(cause.cause)}` : String(cause)) }),
  }))
  onTestFinished(async () => { await Promise.all(limiters.map((limiter) => limiter.close())) })
  let running = 0
  let most = 0
  let served = 0
  let over = false
  const work = async (limiter: (typeof limiters)[number], key: string) => {
    while (!over) {
      const release = await limiter.acquire({ key })
      most = Math.max(most, ++running)
      await delay(10)
      running--
      served++
      release()
    }
  }
  const works = limiters.flatMap((limiter, index) => ['a', 'b'].map((key) => work(limiter, `${index}${key}`)))
  const serveMore = async (count: number) => {
    const goal = served + count
    await vi.waitFor(() => expect(served).toBeGreaterThan(goal), { timeout: 10_000 })
  }
  await serveMore(40)
  await moveSlot(slot, holder, target, () => delay(300))
  await serveMore(40)
  await moveSlot(slot, target, stranger, () => delay(50))
  await serveMore(40)
  over = true
  await Promise.all(works)
  expect([most, warnings]).toEqual([2, []])
  expect(Number(await stranger.say('EXISTS', 'amplifier-chatgpt:{one}:places'))).toBe(1)
})
