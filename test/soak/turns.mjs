/**
 * Agents at work over SSE, over WebSocket and over whichever goes, while everything breaks that can: each a growing
 * tool loop, several at once on each mount, with seeded random faults. Every answer is right or a typed error, what
 * the model is sent is the conversation, and at the end nothing is open and memory has not grown.
 *
 *   node test/soak/turns.mjs [--turns 3000] [--seed 1] [--agents 6] [--json]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { createAgent } from './agent.mjs'
import { option, percentile, table } from './auth-support.mjs'
import { createDisturber } from './disturb.mjs'
import { measureHeap, watchLeftovers } from './leftovers.mjs'
import { createRandom } from './seeded.mjs'

const turns = option('turns', 3000)
const seed = option('seed', Math.floor(Date.now() % 1_000_000))
const agentsPerDoor = option('agents', 6)
const json = option('json', false)
const root = fileURLToPath(new URL('../..', import.meta.url))

const DOORS = ['sse', 'websocket', 'auto']
const MAX_CONCURRENCY = 4
/** long enough that a busy machine is no silence, short enough that real silences don't fill the run */
const IDLE_MS = 1_000
/** A third of the turns each; between two of them nothing runs. */
const LEGS = 3
/** What the heap may have more at the end than after the first third. */
const HEAP_GROWTH = { share: 0.1, bytes: 4 * 1024 * 1024 }
/** Turns of a third from which on everything that is remembered has come to its bounds, and code is compiled. */
const SETTLED_TURNS = 500

async function loadRooms() {
  const folder = await mkdtemp(join(root, 'node_modules', '.soak-'))
  try {
    await build({
      bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error', packages: 'external',
      outfile: join(folder, 'rooms.mjs'),
      stdin: {
        resolveDir: root, loader: 'ts',
        contents: "export { startTwin } from './src/twin/index.js'\nexport { createHost } from './src/host/index.js'\nexport { createModule } from './src/index.js'\nexport { delay } from './src/lib/index.js'\n",
      },
    })
    return await import(join(folder, 'rooms.mjs'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** One mount with a twin, a clock and a home of its own. */
async function openDoor(rooms, name) {
  const door = { name, skewMs: 0, turns: new Set(), maxConcurrency: MAX_CONCURRENCY, pairs: { request: 0, response: 0 } }
  const now = () => Date.now() + door.skewMs
  door.now = now
  const twin = await rooms.startTwin({ now, keepRequests: 50, promptCache: { minTokens: Infinity, stepTokens: 128 } })
  const folder = await mkdtemp(join(tmpdir(), 'soak-turns-'))
  const tokenFile = join(folder, 'token.json')
  await writeFile(tokenFile, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
  // Waits between attempts are real but short: what a server says of them is tested elsewhere.
  const delay = (ms, options) => rooms.delay(Math.min(ms, 20), options)
  const module = rooms.createModule({ now, delay, warn: () => undefined })
  const config = {
    base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: tokenFile, login_on_mount: false, warm_up: true,
    transport: name, timeout: IDLE_MS / 1000, first_event_timeout: IDLE_MS / 1000, max_concurrency: MAX_CONCURRENCY,
  }
  const host = rooms.createHost({ config: { providers: [{ module: module.id, config }] }, modules: { [module.id]: module }, warn: () => undefined })
  host.coordinator.hooks.register('llm:request', () => { door.pairs.request++ })
  host.coordinator.hooks.register('llm:response', () => { door.pairs.response++ })
  await host.start()
  Object.assign(door, { twin, provider: host.coordinator.get('providers', 'openai-chatgpt'), disturber: undefined })
  door.disturber = createDisturber(door)
  door.close = async () => {
    await host.close()
    // The far side learns of a closed socket a round of the loop later.
    const deadline = performance.now() + 1_000
    const open = () => ({ ...twin.openConnections(), running: twin.activity().running, replies: twin.pendingReplies() })
    while (Object.values(open()).some((count) => count > 0) && performance.now() < deadline) await new Promise((resolve) => setImmediate(resolve))
    const left = open()
    await twin.close()
    await rm(folder, { recursive: true, force: true })
    return left
  }
  return door
}

/** Ten minutes later the lines of conversations that have ended are given up; the next call finds them. The twin's log is its own. */
async function settle(door) {
  door.skewMs += 10 * 60_000
  await door.provider.complete({ messages: [{ role: 'user', content: 'Is anybody there?' }], conversation_id: 'settle' })
  door.twin.requests.length = 0
}

function createTally() {
  const tally = { wrong: [], peak: 0, socketTurns: 0, deltas: 0, quietTurns: 0, walls: [], quickWalls: [], outcomes: {}, faults: {}, done: 0 }
  const add = (counts, key) => { counts[key] = (counts[key] ?? 0) + 1 }
  tally.count = (door, kind, outcome, ms) => {
    tally.done++
    tally.walls.push(ms)
    if (kind === 'none') tally.quickWalls.push(ms)
    add((tally.outcomes[door] ??= {}), outcome)
    add((tally.faults[kind] ??= {}), outcome)
    if (process.stderr.isTTY) process.stderr.write(`\r${tally.done} of ${turns} turns, ${tally.wrong.length} wrong `)
  }
  return tally
}

const listing = (counts) => Object.entries(counts).sort(([, one], [, other]) => other - one).map(([name, count]) => `${name} ${count}`).join(', ') || 'none'

const rooms = await loadRooms()
const leftovers = watchLeftovers()
if (!json) console.log(`seed ${seed}, ${turns} turns, ${agentsPerDoor} agents on each of ${DOORS.length} mounts, ${MAX_CONCURRENCY} at once`)
const startedMs = performance.now()
const tally = createTally()
const doors = await Promise.all(DOORS.map((name) => openDoor(rooms, name)))
const agents = doors.flatMap((door) => Array.from({ length: agentsPerDoor }, (_, index) => {
  const name = `${door.name}-${index}`
  return createAgent({ door, name, random: createRandom(seed, name), tally, idleMs: IDLE_MS })
}))
const heaps = []
for (let leg = 0; leg < LEGS; leg++) {
  await Promise.all(agents.map(async (agent, index) => {
    const share = Math.floor((turns + agents.length * LEGS - 1 - (index + leg * agents.length)) / (agents.length * LEGS))
    for (let turn = 0; turn < share; turn++) await agent.turn()
    agent.end()
  }))
  await Promise.all(doors.map(settle))
  heaps.push(await measureHeap())
}
const refreshes = doors.flatMap(({ twin }) => twin.refreshes.map(({ outcome }) => outcome))
const disturbances = doors.map(({ disturber }) => disturber.counts)
const pairs = doors.map(({ name, pairs: { request, response } }) => ({ name, request, response }))
const left = Object.fromEntries(await Promise.all(doors.map(async (door) => [door.name, await door.close()])))
const held = await leftovers.read()

const { wrong } = tally
for (const [name, counts] of Object.entries(left)) {
  if (Object.values(counts).some((count) => count > 0)) wrong.push(`${name}: left at the twin after close: ${listing(counts)}`)
}
for (const { name, request, response } of pairs) if (request !== response) wrong.push(`${name}: ${request} llm:request and ${response} llm:response`)
if (held.resources.length > 0) wrong.push(`left open: ${held.resources.join(', ')}`)
if (held.listeners.length > 0) wrong.push(`listeners of the process: ${held.listeners.join(', ')}`)
const [first = 0] = heaps
const last = heaps.at(-1) ?? 0
if (turns / LEGS >= SETTLED_TURNS && last > first * (1 + HEAP_GROWTH.share) + HEAP_GROWTH.bytes) wrong.push('the heap has grown')
if (tally.done !== turns) wrong.push(`${tally.done} turns of ${turns} were made`)

const counts = (name) => Object.fromEntries(Object.keys(disturbances[0] ?? {}).filter((key) => key !== name).map((key) => [key, disturbances.reduce((sum, each) => sum + each[key], 0)]))
const outcomes = refreshes.reduce((sums, outcome) => ({ ...sums, [outcome]: (sums[outcome] ?? 0) + 1 }), {})
const times = (walls) => ({ p50: percentile(walls, 0.5), p95: percentile(walls, 0.95), max: percentile(walls, 1) })
const result = {
  seed, turns, seconds: (performance.now() - startedMs) / 1000, outcomes: tally.outcomes, faults: tally.faults, disturbances: counts('nothing'),
  incremental: { share: tally.deltas / tally.socketTurns, of: tally.socketTurns, undisturbed: tally.quietTurns }, refreshes: outcomes, peak: tally.peak,
  ms: { all: times(tally.walls), without_fault: times(tally.quickWalls) }, heap: heaps, left: { twin: left, ...held }, wrong,
}
if (json) console.log(JSON.stringify(result, null, 2))
else report(result)
process.exitCode = wrong.length === 0 ? 0 : 1

function report({ seconds, incremental, ms, heap }) {
  if (process.stderr.isTTY) process.stderr.write('\n')
  const inMs = ({ p50, p95, max }) => `${p50.toFixed(1)} / ${p95.toFixed(1)} / ${max.toFixed(1)}`
  table([
    ...Object.entries(tally.outcomes).map(([name, each]) => [`turns over ${name}`, listing(each)]),
    ...Object.entries(tally.faults).sort().map(([name, each]) => [`  ${name}`, listing(each)]),
    ['happened to a mount', listing(result.disturbances)],
    ['sent as new items alone', `${(100 * incremental.share).toFixed(1)} % of ${incremental.of} requests over WebSocket; all of ${incremental.undisturbed} on a line that nothing had touched`],
    ['refreshes', listing(result.refreshes)],
    ['most turns at once', `${tally.peak} of ${MAX_CONCURRENCY} allowed on a mount`],
    ['p50 / p95 / max, ms', inMs(ms.all)],
    ['  turns without a fault', inMs(ms.without_fault)],
    ['heap after each third, MB', heap.map((bytes) => (bytes / 1024 / 1024).toFixed(1)).join(', ')],
    ['left open', [...held.resources, ...held.listeners].join(', ') || 'nothing'],
    ['seconds', seconds.toFixed(0)],
    ['wrong', String(wrong.length)],
  ])
  for (const line of wrong.slice(0, 20)) console.log(line)
}
