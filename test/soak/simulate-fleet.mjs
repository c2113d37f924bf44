/**
 * The limiter itself (its rule, and what each process does about it) over a ledger, a network and a clock that are made up:
 * what machines at hand can't hold. Prints one table with a row for each number of hosts; with --real also one of the same
 * four hosts as processes over a Redis, killed as often, for so many seconds of the wall clock.
 *
 *   node test/soak/simulate-fleet.mjs [--seconds 120] [--seed 1] [--hosts 4,10,100,1000] [--real 120]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { createRandom } from './seeded.mjs'
import { createWorld } from './virtual-time.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const given = (name, usual) => (process.argv.includes(`--${name}`) ? process.argv[process.argv.indexOf(`--${name}`) + 1] : usual)
const seconds = Number(given('seconds', 120))
const seed = Number(given('seed', 1))
const counts = String(given('hosts', '4,10,100,1000')).split(',').map(Number)
const realSeconds = Number(given('real', 0))
const CALL_MS = 1500
/** One way between a host and the ledger. */
const LATENCY_MS = [1, 8]
const KILL_EVERY_MS = 4000

function createServer(rule, world, random) {
  const state = rule.createPlaceState()
  const seen = new Map()
  const watchers = new Map()
  const late = (run) => world.after(LATENCY_MS[0] + random.next() * (LATENCY_MS[1] - LATENCY_MS[0]), run)
  const ask = (work) => new Promise((resolve) => late(() => {
    const answer = structuredClone(work())
    late(() => resolve(answer))
  }))
  const bury = () => {
    const dead = rule.listDead(seen, world.nowMs)
    for (const name of dead) seen.delete(name)
    return dead
  }
  const silent = () => [...seen].flatMap(([name, atMs]) => (world.nowMs - atMs > rule.SILENT_MS ? [name] : []))
  const tell = (grants, asking) => {
    for (const { owner, id } of grants) if (owner !== asking) late(() => watchers.get(owner)?.([id]))
  }
  return {
    state,
    open: (isAlive) => ({
      scope: 'account', immediate: false,
      step: (request) => ask(() => {
        if (!isAlive(request.name)) return undefined
        const outcome = rule.stepPlaces(state, request, world.nowMs, bury(), silent())
        if (!outcome.unknown) seen.set(request.name, world.nowMs)
        tell(outcome.grants, request.name)
        return outcome
      }),
      beat: ({ name }) => ask(() => {
        const dead = bury()
        if (dead.length > 0) tell(rule.dropOwners(state, dead, world.nowMs, silent()), '')
        const known = seen.has(name)
        if (known && isAlive(name)) seen.set(name, world.nowMs)
        return { known, granted: state.owners.find((owner) => owner.name === name)?.granted ?? [] }
      }),
      watch(owner, granted) {
        watchers.set(owner.name, granted)
        return () => void watchers.delete(owner.name)
      },
      close: async () => undefined,
    }),
  }
}

async function simulate(rooms, hosts) {
  const limit = hosts >= 1000 ? 60 : hosts >= 100 ? 20 : 6
  const agents = hosts <= 10 ? 100 / hosts : 3
  const random = createRandom(seed, `simulation ${hosts}`)
  const world = createWorld()
  const server = createServer(rooms, world, random)
  const fleet = []
  const waits = new Map()
  const seen = { running: 0, most: 0, usedMs: 0, liveMs: 0, lastMs: 0, calls: 0, kills: 0, slowestMs: 0 }
  let dead = []
  const warmMs = 10_000
  const alive = new Set()
  const account = (change) => {
    dead = dead.filter((one) => !one.back && world.nowMs - one.atMs < 5000)
    // What the ledger has given to processes that are dead, those that died in the queue too.
    const held = server.state.owners.reduce((sum, owner) => sum + (alive.has(owner.name) ? 0 : owner.running + owner.granted.length), 0)
    const live = Math.max(1, limit - held)
    if (world.nowMs > warmMs) {
      seen.usedMs += Math.min(seen.running, live) * (world.nowMs - seen.lastMs)
      seen.liveMs += live * (world.nowMs - seen.lastMs)
    }
    seen.lastMs = world.nowMs
    seen.running += change
    seen.most = Math.max(seen.most, seen.running)
    for (const one of dead) {
      if (seen.running < limit || one.back) continue
      one.back = true
      seen.slowestMs = Math.max(seen.slowestMs, world.nowMs - one.atMs)
    }
  }
  const start = (at) => {
    const host = { alive: true, running: 0 }
    fleet[at] = host
    const limiter = rooms.createConcurrencyLimiter({
      limit, self: { machine: `m${at}`, version: 'simulated' }, ledger: server.open((name) => { alive.add((host.name = name)); return host.alive }),
      schedule: (ms, run) => world.after(ms, () => host.alive && run()),
    })
    const work = async (agent) => {
      const session = `${at}.${agent}`
      const interactive = (agents > 12 ? agent % 12 === 0 : agent === 0 && at % 4 === 0)
      while (host.alive) {
        const sinceMs = world.nowMs
        const release = await limiter.acquire({ key: session, interactive })
        if (!host.alive) return
        host.running++
        account(1)
        seen.calls++
        if (sinceMs > warmMs) waits.set(session, [...(waits.get(session) ?? []), { interactive, ms: world.nowMs - sinceMs }])
        await new Promise((resolve) => world.after(CALL_MS * (0.5 + random.next()), resolve))
        if (!host.alive) return
        host.running--
        account(-1)
        release()
      }
    }
    for (let agent = 0; agent < agents; agent++) void work(agent)
  }
  const kill = () => {
    const at = random.below(hosts)
    const host = fleet[at]
    if (!host.alive) return void world.after(1000, kill)
    host.alive = false
    world.after(0, () => alive.delete(host.name))
    seen.kills++
    account(-host.running)
    if (host.running > 0) dead.push({ atMs: world.nowMs, places: host.running })
    world.after(1000, () => start(at))
    world.after(KILL_EVERY_MS * (0.5 + random.next()), kill)
  }
  for (let at = 0; at < hosts; at++) world.after(random.next() * 1000, () => start(at))
  world.after(warmMs, kill)
  await world.runUntil(seconds * 1000)
  const ratio = (interactive) => {
    const means = [...waits.values()].filter((list) => list.length >= 3 && list[0].interactive === interactive).map((list) => list.reduce((sum, { ms }) => sum + ms, 0) / list.length)
    const overall = means.reduce((sum, mean) => sum + mean, 0) / Math.max(1, means.length)
    return means.length === 0 ? '-' : (Math.max(...means) / overall).toFixed(2)
  }
  return {
    run: 'simulated', hosts, agents: hosts * agents, limit, calls: seen.calls, kills: seen.kills, 'used of live': percent(seen.usedMs / seen.liveMs),
    'most over limit': Math.max(0, seen.most - limit), 'slowest reclaim ms': Math.round(seen.slowestMs), 'worst/mean interactive': ratio(true), 'worst/mean background': ratio(false),
  }
}

const percent = (share) => `${(100 * share).toFixed(1)} %`

/** The same as processes: four hosts with one each. */
async function runReal() {
  const { runFleet } = await import('./run-fleet.mjs')
  const seen = await runFleet({ seconds: realSeconds, seed, hosts: 4, workers: 1, agents: 100, callMs: CALL_MS, faultEveryMs: KILL_EVERY_MS, weights: { kill: 1 } })
  const [interactive, background] = ['interactive', 'background'].map((name) => String(seen.fairness[name].ratio))
  return {
    run: 'real', hosts: 4, agents: 100, limit: seen.limit, calls: seen.calls, kills: seen.faults.kill ?? 0, 'used of live': percent(seen.utilisation),
    'most over limit': Math.max(0, ...seen.overLimit.map(({ fresh }) => fresh - seen.limit)), 'slowest reclaim ms': Math.round(Math.max(0, ...seen.reclaimMs)),
    'worst/mean interactive': interactive, 'worst/mean background': background,
  }
}

const folder = await mkdtemp(join(root, 'node_modules', '.simulate-'))
const outfile = join(folder, 'rooms.mjs')
await build({
  bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error', packages: 'external', outfile,
  stdin: { resolveDir: root, loader: 'ts', contents: "export * from './src/account/place-rule.js'\nexport * from './src/account/place-state.js'\nexport { listDead } from './src/account/place-ledger.js'\nexport { createConcurrencyLimiter } from './src/account/concurrency-limiter.js'" },
})
const rooms = await import(outfile)
console.log(`seed ${seed}, ${seconds} s of virtual time${realSeconds > 0 ? `, ${realSeconds} s of the wall clock` : ''}`)
const rows = []
const keep = (row) => {
  rows.push(row)
  console.log(JSON.stringify(row))
}
for (const count of counts) keep(await simulate(rooms, count))
if (realSeconds > 0) keep(await runReal())
console.table(rows)
await rm(folder, { recursive: true, force: true })
