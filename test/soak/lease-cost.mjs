/**
 * What a place costs a call, in processes that share them: a line for each number of processes and each kind of ledger.
 * Places are never short, so that what is measured is the asking and not the waiting. Processor time is that of the whole loop:
 * what a ledger costs is the difference to the row of memory. Signs of life are renewals: 1.3 a second for each process, whatever it asks.
 *
 *   node test/soak/lease-cost.mjs [--processes 1,8,50] [--calls 300] [--gap 20]
 */
import { fork } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { option, percentile, startRedis } from './auth-support.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const self = fileURLToPath(import.meta.url)

/** A process: asks for a place, holds it for a moment, gives it back. Tells how long the asking kept it, and its first one apart. */
async function work({ rooms: bundle, kind, url, folder, calls, gapMs }) {
  const rooms = await import(bundle)
  const connection = kind === 'redis' ? rooms.createRedisConnection({ url }) : undefined
  const ledger = { redis: () => rooms.createRedisLedger({ connection, account: 'cost' }), file: () => rooms.createFileLedger({ folder, account: 'cost' }), memory: () => rooms.createMemoryLedger() }[kind]()
  const asked = { steps: 0, beats: 0 }
  const counting = Object.assign(Object.create(ledger), {
    step(request) {
      asked.steps++
      return ledger.step(request)
    },
    async beat(owner) {
      asked.beats++
      return (await ledger.beat?.(owner)) ?? { known: true, granted: [] }
    },
  })
  const limiter = rooms.createConcurrencyLimiter({ limit: 1000, ledger: counting })
  const take = async () => {
    const beganMs = performance.now()
    const release = limiter.tryAcquire() ?? (await limiter.acquire({ key: 'cost' }))
    const tookMs = performance.now() - beganMs
    return { release, tookMs }
  }
  limiter.open()
  await sleep(300)
  const first = await take()
  first.release()
  process.send({ ready: first.tookMs })
  await new Promise((resolve) => process.once('message', resolve))
  Object.assign(asked, { steps: 0, beats: 0 })
  const cpu = process.cpuUsage()
  const times = []
  for (let call = 0; call < calls; call++) {
    const { release, tookMs } = await take()
    times.push(tookMs)
    await sleep(gapMs * (0.5 + Math.random()))
    const beganMs = performance.now()
    release()
    times[times.length - 1] += performance.now() - beganMs
    await sleep(gapMs * (0.5 + Math.random()))
  }
  const { user, system } = process.cpuUsage(cpu)
  process.send({ times, cpuMicros: user + system, ...asked }, () => process.exit(0))
}

async function measure({ kind, processes, calls, gapMs, rooms }) {
  const folder = await mkdtemp(join(tmpdir(), 'lease-cost-'))
  const redis = kind === 'redis' ? await startRedis(folder) : undefined
  const children = Array.from({ length: processes }, () => fork(self, ['--work', JSON.stringify({ rooms, kind, url: redis?.url, folder, calls, gapMs })], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }))
  const heard = (child) => new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', () => reject(new Error('a process ended early')))
  })
  const ready = await Promise.all(children.map(heard))
  for (const child of children) child.send('go')
  const ended = await Promise.all(children.map(heard))
  const times = ended.flatMap((message) => message.times)
  const each = (name) => ended.reduce((sum, message) => sum + message[name], 0) / times.length
  const row = {
    kind, processes, calls: times.length, 'p50 ms': percentile(times, 0.5).toFixed(3), 'p99 ms': percentile(times, 0.99).toFixed(3),
    'first ms': percentile(ready.map((message) => message.ready), 0.5).toFixed(3), 'processor µs a call': Math.round(each('cpuMicros')),
    'operations a call': each('steps').toFixed(2), 'signs of life a call': each('beats').toFixed(3),
  }
  redis?.stop()
  await rm(folder, { recursive: true, force: true })
  return row
}

async function run() {
  const folder = await mkdtemp(join(root, 'node_modules', '.lease-cost-'))
  const rooms = join(folder, 'rooms.mjs')
  await build({
    bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error', packages: 'external', outfile: rooms,
    stdin: { resolveDir: root, loader: 'ts', contents: "export * from './src/account/index.js'\nexport { createRedisConnection } from './src/auth/index.js'" },
  })
  const counts = String(option('processes', '1,8,50')).split(',').map(Number)
  const rows = []
  for (const kind of ['memory', 'file', 'redis']) {
    for (const processes of kind === 'memory' ? [1] : counts) {
      rows.push(await measure({ kind, processes, calls: option('calls', 300), gapMs: option('gap', 20), rooms }))
      console.log(JSON.stringify(rows.at(-1)))
    }
  }
  console.table(rows)
  await rm(folder, { recursive: true, force: true })
}

const at = process.argv.indexOf('--work')
await (at > 0 ? work(JSON.parse(process.argv[at + 1])) : run())
