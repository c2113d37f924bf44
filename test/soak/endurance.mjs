/**
 * Everything at once, for as long as it is told: two host programs, each with three mounts and two endpoints on one
 * sign-in, against a backend that fails at random, with clocks that are stepped; one of them is killed and started
 * again. Every answer is the one that was asked for or a typed error, nothing that may have run is sent again, nothing
 * hangs, and the memory of the one that lives stays flat.
 *
 *   node test/soak/endurance.mjs [--minutes 60] [--seed 1] [--pause 1500] [--kill-every 75]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { option, percentile, table } from './auth-support.mjs'
import { createRandom } from './seeded.mjs'

const minutes = option('minutes', 60)
const seed = option('seed', Math.floor(Date.now() % 1_000_000))
const pauseMs = option('pause', 1500)
/** Seconds between two kills, on the average. */
const killEveryMs = option('kill-every', 75) * 1000
const root = fileURLToPath(new URL('../..', import.meta.url))
/** A call that has not ended by then hangs; its own limits are a minute. */
const LIMIT_MS = 150_000
const HOUR_MS = 3_600_000
const random = createRandom(seed, 'backend')

const busy = (status, code, headers) => ({ status, headers, body: { error: { code, message: 'Come again.' } } })
/** What an attempt meets. `ran`: the backend may have run it, so it must not come again. */
const FAULTS = {
  none: { weight: 70, ran: true, plan: () => ({}) },
  slow: { weight: 3, ran: true, plan: () => ({ eventDelayMs: 1 + random.below(20) }) },
  small: { weight: 2, ran: true, plan: () => ({ bytesPerWrite: 40 + random.below(400) }) },
  cut: { weight: 3, ran: true, plan: () => ({ cutAfterEvents: random.below(12), eventsPerWrite: 1, endBody: random.chance(0.3), reset: random.chance(0.3) }) },
  half: { weight: 2, ran: true, plan: () => ({ cutAfterBytes: 1 + random.below(3000), reset: random.chance(0.5) }) },
  reset: { weight: 1, ran: true, plan: () => ({ reset: true }) },
  malformed: { weight: 1, ran: true, plan: () => ({ malformedAfterEvents: 1 + random.below(6) }) },
  stall: { weight: 0.7, ran: true, plan: () => ({ stallAfterEvents: random.below(8) }) },
  failed: { weight: 1, ran: true, plan: () => ({ failed: { code: 'server_error', message: 'It failed.' } }) },
  broke: { weight: 1, ran: true, plan: () => ({ ...busy(random.pick([500, 502, 504, 524, 599]), 'internal_error'), text: undefined }) },
  limited: { weight: 3, plan: () => ({ ...busy(429, 'rate_limit_exceeded', { 'retry-after': random.pick(['0', '1', '9999999999999', 'soon', '-1']) }), text: undefined }) },
  busy: { weight: 2, plan: () => ({ ...busy(random.pick([500, 502, 503]), 'server_is_overloaded'), text: undefined }) },
  unavailable: { weight: 1, plan: () => ({ ...busy(503, 'come_again'), text: undefined }) },
  refused: { weight: 1, plan: () => ({ status: 401, body: { detail: 'Unauthorized' }, text: undefined }) },
}
const weights = Object.fromEntries(Object.entries(FAULTS).map(([name, { weight }]) => [name, weight]))

async function bundleRooms() {
  const folder = await mkdtemp(join(root, 'node_modules', '.soak-'))
  const outfile = join(folder, 'rooms.mjs')
  await build({
    bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error', packages: 'external', outfile,
    stdin: {
      resolveDir: root, loader: 'ts',
      contents: [
        "export { startTwin } from './src/twin/index.js'", "export { mountOnHost } from './src/mount-on-host.js'", "export { createHttpServer } from './src/http/index.js'",
        "export { createGrpcServer } from './src/grpc/index.js'", "export { loadServices } from './test/support/open-grpc-server.js'", "export * as grpc from '@grpc/grpc-js'",
        "export { delay } from './src/lib/index.js'", "export { createFileStore } from './src/auth/index.js'", "export { isLLMError } from './src/contract/index.js'",
      ].join('\n'),
    },
  })
  return { folder, outfile }
}

const { folder: bundleFolder, outfile } = await bundleRooms()
const rooms = await import(outfile)
const twin = await rooms.startTwin({ keepRequests: 100, promptCache: { minTokens: Infinity, stepTokens: 128 } })
const home = await mkdtemp(join(tmpdir(), 'soak-endurance-'))
const token = join(home, 'token.json')
await writeFile(token, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
const store = rooms.createFileStore({ path: token, lane: 'codex' })
const config = { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: token, login_on_mount: false, timeout: 5, first_event_timeout: 5, total_timeout: 60, max_retries: 3, max_concurrency: 8 }

const tally = { outcomes: {}, faults: {}, happened: {}, walls: [], heaps: [], wrong: [], hung: 0, repeated: 0, attempts: 0, kills: 0, lost: 0, recovered: 0, unnamed: 0 }
const count = (counts, key) => { counts[key] = (counts[key] ?? 0) + 1 }
/** Question → whether an attempt at it may have run. The newest 20,000 are remembered. */
const seen = new Map()

/** Waits at the twin for the next attempt, notes it, and says what it meets. */
function lieInWait() {
  const reply = {
    match(_request, items) {
      const said = items.filter(({ role }) => role === 'user').at(-1)?.content
      const text = typeof said === 'string' ? said : (said ?? []).map((part) => part.text ?? '').join('')
      const question = /^\S+/.exec(text)?.[0] ?? ''
      const kind = random.weighted(weights)
      const { ran, plan } = FAULTS[kind]
      tally.attempts++
      count(tally.faults, kind)
      if (seen.get(question)) {
        tally.repeated++
        tally.wrong.push(`${question} was sent again after it may have run`)
      }
      seen.set(question, Boolean(ran))
      if (seen.size > 20_000) for (const oldest of seen.keys()) { seen.delete(oldest); break }
      Object.assign(reply, { text: `You said: ${text}` }, plan())
      if (reply.text === undefined) delete reply.text
      queueMicrotask(lieInWait)
      return true
    },
  }
  twin.enqueue(reply)
}
lieInWait()

const DISTURBANCES = {
  tokens_expire: () => twin.expireAccessTokens(),
  refresh_fails() {
    twin.enqueueRefresh(random.pick([{ status: 503 }, { reset: 'before' }, { delayBeforeMs: 200 }]))
    twin.expireAccessTokens()
  },
  connections_expire: () => twin.expireConnections(),
  responses_forgotten: () => twin.forgetResponses(),
  sockets_close: () => twin.closeSockets(random.pick([undefined, 1000, 1001, 1011, 4000]), '', { idle: random.chance(0.7) }),
  upgrades_refused: () => twin.enqueue({ upgrade: true, status: random.pick([403, 426, 502]), body: { detail: 'No.' } }),
  list_fails: () => twin.refuse('/backend-api/codex/models', random.pick([{ status: 500 }, { hang: true }, { reset: true }])),
  clock_steps: () => hosts.forEach((host) => host.child.send({ stepMs: Math.round((random.next() * 4 - 2) * HOUR_MS) })),
}

function startHost(name, host = { name, generation: 0 }) {
  host.generation++
  host.child = fork(join(root, 'test', 'soak', 'endurance-host.mjs'), [JSON.stringify({ rooms: outfile, seed, name: `${name}.${host.generation}`, config, pauseMs, limitMs: LIMIT_MS })], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  host.child.on('message', (message) => {
    if (message.ready) host.ready = true
    if (message.heap !== undefined && host.generation === 1 && name === 'steady') tally.heaps.push(message.heap)
    if (message.left) host.left = message.left
    if (message.kind === undefined) return
    if (message.door) count((tally.outcomes[message.door] ??= {}), message.kind)
    if (message.ms !== undefined) tally.walls.push(message.ms)
    if (tally.walls.length > 200_000) tally.walls.splice(0, 100_000)
    if (message.kind === 'hung') tally.hung++
    if (message.words) tally.wrong.push(message.words)
  })
  host.child.on('exit', (code, signal) => {
    if (!host.ending) tally.wrong.push(`${host.name}.${host.generation} ended by itself: ${signal ?? code}`)
  })
  return host
}

const reused = () => twin.refreshes.filter(({ outcome }) => outcome === 'refresh_token_reused').length

/**
 * After a kill: a token that was exchanged for an answer which the dead process never received is lost for good, as the
 * server takes each once, and somebody signs in again. What had been received must have been kept.
 */
async function signInAgainWhereLost({ pid }) {
  // What the dead one sent may still be read by the twin.
  await sleep(500)
  await store.withLock(async (lock) => {
    const { record } = await store.load()
    const last = twin.refreshes.filter(({ outcome }) => outcome !== 'refresh_token_reused').at(-1)
    if (record?.pending_refresh?.pid !== pid || !last?.committed) return
    if (await store.replyNote.find()) return void tally.recovered++
    tally.lost++
    tally.unnamed = 0 - reused()
    await store.save({ auth_mode: 'oauth', ...twin.issueTokens() }, { lock })
  })
}

const startedMs = performance.now()
const endMs = startedMs + minutes * 60_000
console.log(`seed ${seed}, ${minutes} minutes`)
const hosts = [startHost('steady'), startHost('killed')]
let killAt = performance.now() + killEveryMs
let tellAt = performance.now() + 300_000
while (performance.now() < endMs) {
  await sleep(1000 + random.below(6000))
  const what = random.pick(Object.keys(DISTURBANCES))
  count(tally.happened, what)
  DISTURBANCES[what]()
  if (performance.now() > killAt) {
    killAt = performance.now() + killEveryMs * (0.4 + random.next() * 1.2)
    const [, victim] = hosts
    victim.ending = true
    victim.child.kill('SIGKILL')
    await once(victim.child, 'exit')
    victim.ending = false
    tally.kills++
    await signInAgainWhereLost(victim.child)
    startHost('killed', victim)
  }
  if (performance.now() > tellAt) {
    tellAt += 300_000
    console.log(`${Math.round((performance.now() - startedMs) / 60_000)} min: ${tally.attempts} attempts, ${tally.wrong.length} wrong, ${tally.hung} hung, heap ${tally.heaps.map((bytes) => (bytes / 1048576).toFixed(0)).slice(-10).join(' ')} MB`)
  }
}
for (const host of hosts) {
  host.ending = true
  host.child.send({ stop: true })
}
await Promise.all(hosts.map(async ({ child, name }) => {
  const late = setTimeout(() => {
    tally.wrong.push(`${name} did not end`)
    child.kill('SIGKILL')
  }, LIMIT_MS + 30_000)
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  clearTimeout(late)
}))
for (const { name, left } of hosts) if (left === undefined || left.length > 0) tally.wrong.push(`${name}: left open: ${left?.join(', ') ?? 'it did not say'}`)
// The first minutes fill what is remembered and compile what runs.
const settled = tally.heaps.slice(Math.min(6, Math.floor(tally.heaps.length / 4)))
const quarter = Math.max(1, Math.floor(settled.length / 4))
const early = percentile(settled.slice(0, quarter), 0.5)
const late = percentile(settled.slice(-quarter), 0.5)
if (settled.length >= 8 && late > early * 1.1 + 6 * 1048576) tally.wrong.push(`the heap has grown from ${early} to ${late} bytes`)
if (reused() + tally.unnamed > 0) tally.wrong.push(`${reused() + tally.unnamed} refreshes sent a token that was spent, which no kill explains`)
await twin.close()
await rm(home, { recursive: true, force: true })
await rm(bundleFolder, { recursive: true, force: true })

const listing = (counts) => Object.entries(counts).sort(([, one], [, other]) => other - one).map(([key, times]) => `${key} ${times}`).join(', ') || 'none'
table([
  ['minutes', ((performance.now() - startedMs) / 60_000).toFixed(1)],
  ...Object.entries(tally.outcomes).map(([door, counts]) => [`calls over ${door}`, listing(counts)]),
  ['attempts met', listing(tally.faults)],
  ['happened', listing(tally.happened)],
  ['killed and started again', String(tally.kills)],
  ['refreshes', listing(twin.refreshes.reduce((sums, { outcome }) => ({ ...sums, [outcome]: (sums[outcome] ?? 0) + 1 }), {}))],
  ['answers of refreshes that died on the way', String(tally.lost)],
  ['answers found by the next process', String(tally.recovered)],
  ['p50 / p95 / max, ms', [0.5, 0.95, 1].map((share) => percentile(tally.walls, share).toFixed(0)).join(' / ')],
  ['heap, MB, early and late', `${(early / 1048576).toFixed(1)}, ${(late / 1048576).toFixed(1)}`],
  ['sent again without proof', String(tally.repeated)],
  ['hung', String(tally.hung)],
  ['wrong', String(tally.wrong.length)],
])
for (const line of tally.wrong.slice(0, 40)) console.log(line)
process.exitCode = tally.wrong.length === 0 ? 0 : 1
