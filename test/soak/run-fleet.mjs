/**
 * Hosts on one subscription over one Redis, with faults: each host has processes, a state folder, a clock and a way to Redis
 * of its own. Answers what was measured, and what broke a promise.
 */
import { fork, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { createDiary } from './fleet-diary.mjs'
import { startFront, startProxy } from './fleet-places.mjs'
import { createRandom } from './seeded.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const STORE_KEY = Buffer.alloc(32, 7).toString('base64')
const SKEWS_MS = [0, 5000, -5000, 2500]
/** From the word that a place is given to the call's arrival. */
const ON_ITS_WAY_MS = 500
/** A host that reaches Redis again finds that out and comes back. */
const COMES_BACK_MS = 4000
/** How long the ledger is asked whether it still counts a process that is gone; a place is to be back after 5 s. */
const RECLAIM_MS = 10_000
/** A process that was given no time for so long, and was not stopped by the rig, may have been taken for dead. */
const STARVED_MS = 1500
/** A call that such a process still runs may be counted that much later. */
const STARVED_AFTER_MS = 8000

async function bundleRooms() {
  const folder = await mkdtemp(join(root, 'node_modules', '.fleet-'))
  const outfile = join(folder, 'rooms.mjs')
  await build({
    bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error', packages: 'external', outfile,
    stdin: {
      resolveDir: root, loader: 'ts',
      contents: ["export { startTwin } from './src/twin/index.js'", "export { mountOnHost } from './src/mount-on-host.js'", "export { createRedisConnection, createRedisStore } from './src/auth/index.js'"].join('\n'),
    },
  })
  return { outfile, remove: () => rm(folder, { recursive: true, force: true }) }
}

async function freePort() {
  const probe = createServer()
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return port
}

async function startRedis(port, folder) {
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''], { stdio: ['ignore', 'pipe', 'ignore'] })
  await new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => { if (String(chunk).includes('Ready to accept')) resolve() })
    child.once('exit', () => reject(new Error('redis-server ended')))
  })
  return child
}

/** @param options `{ seconds, seed, hosts, workers (a host), agents (all), limit, callMs, faultEveryMs, weights (of each fault), log }` */
export async function runFleet({ seconds, seed, hosts = 4, workers = 2, agents = 100, limit = 6, callMs = 1500, faultEveryMs = 4000, weights = { kill: 10, stop: 4, cut: 3, slow: 3, restart: 1 }, log = () => undefined }) {
  const random = createRandom(seed, 'faults')
  const rooms = await bundleRooms()
  const { startTwin, createRedisConnection, createRedisStore } = await import(rooms.outfile)
  const folder = await mkdtemp(join(tmpdir(), 'fleet-'))
  const twin = await startTwin({})
  const redisPort = await freePort()
  let redis = await startRedis(redisPort, folder)
  const diary = createDiary()
  diary.watch(redisPort)
  const share = Math.max(1, Math.floor(limit / hosts))

  const seen = { most: 0, mostFresh: 0, overLimit: [], calls: 0, failed: {}, warnings: {}, faults: {}, reclaimMs: [], authErrors: 0, starved: [] }
  const waits = []
  /** processes that took their machine's share by themselves */
  const left = []
  const outages = []
  /** since when the host has no Redis, and since when it is to be left out of fairness */
  const away = new Map()
  /** hosts whose way to Redis is shut: each keeps to its share */
  const cutOff = new Set()
  /** workers that stand still */
  const stopped = new Set()
  let beganMs = performance.now()
  let usedMs = 0
  let liveMs = 0
  /** of the live places, what the ledger had given while we looked, and how often that was */
  const given = { places: 0, live: 0 }
  let lastMs = performance.now()
  let unfitUntilMs = performance.now() + 5000
  const dead = []

  const front = await startFront(twin, {
    callMs, random: createRandom(seed, 'calls'),
    changed(entry) {
      // Its place was given before, and it was on its way.
      if (entry && (stopped.has(entry.worker) || performance.now() - (away.get(entry.host) ?? -Infinity) < ON_ITS_WAY_MS)) entry.inherited = true
      if (entry && stopped.has(entry.worker)) entry.stopped = true
      if (entry) entry.pid = fleet.find(({ name }) => name === entry.host)?.workers.find(({ name }) => name === entry.worker)?.child.pid
      look(entry)
    },
  })
  const connection = createRedisConnection({ url: `redis://127.0.0.1:${redisPort}` })
  const store = createRedisStore({ connection, lane: 'codex', encryptionKey: STORE_KEY })
  await store.save({ auth_mode: 'oauth', ...twin.issueTokens() })
  const fleet = []
  for (let at = 0; at < hosts; at++) {
    const home = join(folder, `host-${at}`)
    await mkdir(home)
    fleet.push({ name: `h${at}`, home, proxy: await startProxy(redisPort), skewMs: SKEWS_MS[at % SKEWS_MS.length], workers: [] })
  }

  /** Whatever changes who may run is accounted for up to now, under the rule that held. */
  function look(entry) {
    const nowMs = performance.now()
    const all = [...front.running]
    const reachable = all.filter((one) => !one.inherited && !away.has(one.host))
    const lost = dead.reduce((sum, one) => sum + one.places, 0)
    const live = Math.max(1, limit - lost)
    if (isFit()) {
      usedMs += Math.min(live, lastRunning) * (nowMs - lastMs)
      liveMs += live * (nowMs - lastMs)
    }
    lastMs = nowMs
    lastRunning = all.filter((one) => !one.stopped).length
    seen.most = Math.max(seen.most, all.length)
    seen.mostFresh = Math.max(seen.mostFresh, reachable.length)
    if (!entry) return
    const atSeconds = Number(((nowMs - beganMs) / 1000).toFixed(2))
    const describeRunning = () => all.map((one) => `${one.text} for ${Math.round(nowMs - one.beganMs)} ms${one.inherited ? ', inherited' : ''}${one.stopped ? ', stopped' : ''}${away.has(one.host) ? ', away' : ''}`)
    if (reachable.length > limit) seen.overLimit.push({ atMs: nowMs, atSeconds, fresh: reachable.length, all: all.length, calls: reachable.map((one) => ({ ...one })), running: describeRunning() })
    for (const name of cutOff) {
      const fresh = all.filter((one) => one.host === name && !one.inherited).length
      if (fresh > share) seen.overLimit.push({ atMs: nowMs, atSeconds, host: name, fresh, share, running: describeRunning() })
    }
  }
  let lastRunning = 0
  let restarts = 0
  /** Asks the ledger how many places it still counts for a process that is gone, those that it was given since too. */
  async function watchReturn(worker, places, { judged }) {
    const one = { atMs: performance.now(), places }
    const at = restarts
    dead.push(one)
    while (performance.now() - one.atMs < RECLAIM_MS && restarts === at && !(worker.back && !judged)) {
      await sleep(50)
      const held = await countHeld(worker.child.pid)
      if (held === undefined) continue
      look()
      one.places = held
      if (held === 0) break
    }
    look()
    dead.splice(dead.indexOf(one), 1)
    if (judged && restarts === at) seen.reclaimMs.push(performance.now() - one.atMs)
  }
  async function readOwners() {
    try {
      const keys = await connection.command('KEYS', 'amplifier-chatgpt:{*}:places')
      const states = await Promise.all(keys.map((key) => connection.command('GET', key)))
      return states.flatMap((text) => [JSON.parse(text)?.owners ?? []].flatMap((list) => (Array.isArray(list) ? list : [])))
    } catch {
      return undefined
    }
  }
  const placesOf = (owners) => owners.reduce((sum, owner) => sum + owner.running + (owner.granted.length ?? 0), 0)
  const isFit = () => away.size === 0 && performance.now() > unfitUntilMs && seen.calls > 10
  async function countHeld(pid) {
    const owners = await readOwners()
    return owners && placesOf(owners.filter((owner) => owner.pid === pid))
  }
  /** A place that is given and not used is on its way between the ledger, a process and the backend. */
  async function watchGiven() {
    while (!ended) {
      await sleep(100)
      const owners = await readOwners()
      if (!owners || !isFit() || dead.length > 0 || stopped.size > 0) continue
      given.places += Math.min(limit, placesOf(owners))
      given.live += limit
    }
  }
  let ended = false
  const inherit = (choose) => {
    for (const entry of front.running) if (choose(entry)) entry.inherited = true
  }

  async function start(host, at, round) {
    const name = `${host.name}w${at}`
    const count = Math.floor(agents / hosts / workers)
    const config = {
      base_url: front.baseUrl, issuer: twin.issuer, transport: 'sse', token_store: 'redis', redis_url: `redis://127.0.0.1:${host.proxy.port}`,
      login_on_mount: false, max_concurrency: limit, timeout: 60, matrix: 'openai-chatgpt',
    }
    const child = fork(join(root, 'test/soak/fleet-worker.mjs'), [JSON.stringify({ rooms: rooms.outfile, name, agents: count, config, skewMs: host.skewMs, round })], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: { ...process.env, NODE_OPTIONS: '', HOME: host.home, AMPLIFIER_CHATGPT_STORE_KEY: STORE_KEY },
    })
    const worker = { name, host, at, round, child, count }
    host.workers[at] = worker
    child.on('message', (message) => {
      if (message.kind === 'call') {
        seen.calls++
        waits.push({ ...message, host: host.name })
      } else if (message.kind === 'failed') {
        seen.failed[message.error] = (seen.failed[message.error] ?? 0) + 1
        if (message.error === 'AuthenticationError') seen.authErrors++
        log(`failed: ${message.error} ${message.message}`)
      } else if (message.kind === 'stood') {
        // What the rig itself stopped is no surprise.
        if (!(worker.wokenMs > performance.now() - message.forMs - 2000)) seen.starved.push({ worker: name, atMs: performance.now(), forMs: message.forMs })
      } else if (message.kind === 'warning') {
        seen.warnings[message.message] = (seen.warnings[message.message] ?? 0) + 1
        // Redis answered too late for it, though nothing cut it off: it runs its machine's share until the ledger hears of it again.
        if (/does not count/.test(message.message) && !away.has(host.name)) left.push({ pid: child.pid, atMs: performance.now() })
      }
    })
    await new Promise((resolve) => child.once('message', resolve))
  }

  const note = (kind, host = '') => {
    seen.faults[kind] = (seen.faults[kind] ?? 0) + 1
    log(`${((performance.now() - beganMs) / 1000).toFixed(1)} s: ${kind} ${host}, ${front.running.size} running`)
  }
  const outage = (host) => {
    const entry = { host, fromMs: performance.timeOrigin + performance.now(), toMs: Infinity }
    outages.push(entry)
    return () => void (entry.toMs = performance.timeOrigin + performance.now() + 6000)
  }
  const FAULTS = {
    async kill(host) {
      const worker = random.pick(host.workers)
      const places = [...front.running].filter((entry) => entry.worker === worker.name).length
      note('kill', worker.name)
      const gone = new Promise((resolve) => worker.child.once('exit', resolve))
      worker.child.kill('SIGKILL')
      await gone
      look()
      void watchReturn(worker, places, { judged: true })
      await sleep(500)
      await start(host, worker.at, worker.round + 1)
    },
    async stop(host) {
      const worker = random.pick(host.workers)
      note('stop', worker.name)
      const back = outage(host.name)
      look()
      const places = [...front.running].filter((entry) => entry.worker === worker.name).length
      inherit((entry) => entry.worker === worker.name)
      for (const entry of front.running) if (entry.worker === worker.name) entry.stopped = true
      worker.back = false
      worker.child.kill('SIGSTOP')
      void watchReturn(worker, places, { judged: false })
      stopped.add(worker.name)
      await sleep(4000 + random.below(3000))
      stopped.delete(worker.name)
      worker.child.kill('SIGCONT')
      worker.back = true
      worker.wokenMs = performance.now()
      inherit((entry) => entry.worker === worker.name)
      unfitUntilMs = Math.max(unfitUntilMs, performance.now() + 3000)
      back()
    },
    async cut(host, mode = random.chance(0.5) ? 'cut' : 'silent') {
      note(mode, host.name)
      const back = outage(host.name)
      away.set(host.name, performance.now())
      inherit((entry) => entry.host === host.name)
      host.proxy.set(mode)
      cutOff.add(host.name)
      await sleep(3000 + random.below(5000))
      inherit((entry) => entry.host === host.name)
      cutOff.delete(host.name)
      host.proxy.set('open')
      // It comes back by itself, when it tries the next time; until then it keeps to its share.
      await sleep(COMES_BACK_MS)
      inherit((entry) => entry.host === host.name)
      away.delete(host.name)
      unfitUntilMs = performance.now() + 3000
      back()
    },
    async slow(host) {
      note('slow', host.name)
      const back = outage(host.name)
      host.proxy.set(20 + random.below(150))
      await sleep(4000)
      host.proxy.set('open')
      unfitUntilMs = Math.max(unfitUntilMs, performance.now() + 1000)
      back()
    },
    async restart() {
      note('redis restart')
      restarts++
      const back = fleet.map((host) => outage(host.name))
      for (const host of fleet) away.set(host.name, performance.now())
      inherit(() => true)
      for (const host of fleet) cutOff.add(host.name)
      const gone = new Promise((resolve) => redis.once('exit', resolve))
      redis.kill('SIGKILL')
      await gone
      await sleep(500 + random.below(3000))
      cutOff.clear()
      redis = await startRedis(redisPort, folder)
      diary.watch(redisPort)
      await sleep(COMES_BACK_MS)
      inherit(() => true)
      for (const host of fleet) away.delete(host.name)
      unfitUntilMs = performance.now() + 4000
      for (const end of back) end()
    },
  }

  await Promise.all(fleet.flatMap((host) => Array.from({ length: workers }, (_, at) => start(host, at, 0))))
  beganMs = performance.now()
  unfitUntilMs = beganMs + 3000
  void watchGiven()
  const busy = new Map()
  let tickedMs = performance.now()
  const ticker = setInterval(() => {
    const nowMs = performance.now()
    if (nowMs - tickedMs > STARVED_MS) seen.starved.push({ worker: 'the rig', atMs: nowMs, forMs: nowMs - tickedMs })
    tickedMs = nowMs
    look()
  }, 25)
  while (performance.now() - beganMs < seconds * 1000) {
    await sleep(faultEveryMs * (0.5 + random.next()))
    const kind = random.weighted(weights)
    const host = random.pick(fleet)
    // One fault a host at a time, and none beside an outage of all.
    if (busy.has('all') || (kind === 'restart' ? busy.size > 0 : busy.has(host.name))) continue
    const key = kind === 'restart' ? 'all' : host.name
    busy.set(key, FAULTS[kind](host).catch((error) => log(`fault ${kind}: ${error.message}`)).finally(() => busy.delete(key)))
  }
  await Promise.all(busy.values())
  clearInterval(ticker)
  ended = true
  for (const host of fleet) for (const { child } of host.workers) child.kill('SIGKILL')
  redis.kill('SIGKILL')
  await connection.close()
  diary.close()
  const texts = twin.requests.flatMap(({ body }) => /fleet:[\w.]+/.exec(JSON.stringify(body ?? ''))?.[0] ?? [])
  const isStarved = ({ atMs }) => seen.starved.some((one) => atMs > one.atMs - one.forMs - 1000 && atMs < one.atMs + STARVED_AFTER_MS)
  const isByItself = (call, atMs) => left.some((one) => one.pid === call.pid && one.atMs < atMs && !diary.counts(call.pid, one.atMs, atMs))
  /** Of the calls beyond the limit: what the ledger's own account says of them; of a host that is cut off the ledger knows nothing. */
  const isAllowed = ({ atMs, calls }) => calls.filter((call) => !diary.lostSight(call, atMs) && !isByItself(call, atMs)).length <= limit
  const isExcused = (one) => (one.calls ? isAllowed(one) : isStarved(one))
  const result = {
    ...seen, limit, overLimit: seen.overLimit.filter((one) => !isExcused(one)), overWhileStarved: seen.overLimit.filter(isExcused).length, left: left.length, share, seed,
    utilisation: liveMs === 0 ? undefined : usedMs / liveMs, judgedMs: liveMs / limit, given: given.places / Math.max(1, given.live),
    sentTwice: texts.length - new Set(texts).size,
    refreshTrouble: twin.refreshes.filter(({ outcome, error }) => String(outcome ?? error ?? '').includes('reused')).length,
    fairness: judgeFairness(waits, outages),
  }
  for (const host of fleet) host.proxy.close()
  front.close()
  await twin.close()
  await rm(folder, { recursive: true, force: true }).catch(() => undefined)
  await rooms.remove()
  return result
}

/** By class: the mean wait of all, and of the session that waited most; what an outage of its host touched is left out. */
function judgeFairness(waits, outages) {
  const clean = waits.filter(({ host, beganMs, waitedMs }) => !outages.some((one) => one.host === host && beganMs < one.toMs && beganMs + waitedMs > one.fromMs))
  return Object.fromEntries([['interactive', true], ['background', false]].map(([name, interactive]) => {
    const sessions = new Map()
    for (const wait of clean) if (wait.interactive === interactive) sessions.set(wait.session, [...(sessions.get(wait.session) ?? []), wait.waitedMs])
    const mean = (list) => (list.length === 0 ? 0 : list.reduce((sum, ms) => sum + ms, 0) / list.length)
    const overall = mean([...sessions.values()].flat())
    const worst = Math.max(0, ...[...sessions.values()].filter((list) => list.length >= 3).map(mean))
    return [name, { sessions: sessions.size, calls: [...sessions.values()].flat().length, meanMs: Math.round(overall), worstMs: Math.round(worst), ratio: overall === 0 ? 0 : Number((worst / overall).toFixed(2)) }]
  }))
}
