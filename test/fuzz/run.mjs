/**
 * Mutated answers over both transports, all lanes, the AI SDK and the HTTP endpoints, and mutated refresh replies, for as long as it is told. What goes wrong is named
 * by its seed and number, which show it again.
 *
 *   npm run fuzz -- [--seed 1] [--minutes 5] [--streams 200000] [--refreshes 2000] [--only N | --refresh N] [--cells 3] [--tls 1]
 */
import { option, table } from '../soak/auth-support.mjs'
import { measureHeap, watchLeftovers } from '../soak/leftovers.mjs'
import { loadRooms } from './load-rooms.mjs'
import { fuzzRefreshes } from './refreshes.mjs'
import { fuzzStreams } from './streams.mjs'

const seed = option('seed', Math.floor(Date.now() % 1_000_000))
const minutes = option('minutes', 5)
const streams = option('streams', 200_000)
const refreshes = option('refreshes', 2000)
const only = option('only', -1)
const refresh = option('refresh', -1)
const cells = option('cells', 3)
/** 1: over TLS and through a proxy */
const tls = option('tls', 0) > 0
/** Questions after which code is compiled and what is remembered has come to its bounds. */
const SETTLED = 2000

const rooms = await loadRooms()
let deadline = Infinity
// Ends with its table; a second time at once.
process.once('SIGINT', () => { deadline = performance.now() })
const leftovers = watchLeftovers()
const startedMs = performance.now()
deadline = startedMs + minutes * 60_000
let early
let tellAtMs = startedMs + 60_000
const sampled = (count) => {
  if (count === SETTLED) void measureHeap().then((bytes) => { early = bytes })
  if (performance.now() > tellAtMs) {
    tellAtMs = performance.now() + 60_000
    console.log(`${Math.round((performance.now() - startedMs) / 60_000)} min: ${count} streams`)
  }
  return count < streams && performance.now() < deadline
}
console.log(`seed ${seed}`)
const none = { asked: 0, outcomes: {}, wrong: [] }
const replies = only >= 0 ? none : await fuzzRefreshes(rooms, { seed, more: (count) => count < refreshes && performance.now() < deadline, ...(refresh >= 0 ? { only: refresh } : {}) })
const cpuBefore = process.cpuUsage()
const answers = refresh >= 0 ? none : await fuzzStreams(rooms, { seed, cells, tls, more: sampled, tell: console.log, ...(only >= 0 ? { only } : {}) })
const cpu = process.cpuUsage(cpuBefore)
const heap = await measureHeap()
const held = await leftovers.read()
const wrong = [...replies.wrong, ...answers.wrong, ...[...held.resources, ...held.listeners].map((what) => `left open: ${what}`)]
if (early !== undefined && heap > early * 1.15 + 8 * 1048576) wrong.push(`the heap has grown from ${early} to ${heap} bytes`)

const listing = (counts) => Object.entries(counts).sort(([, one], [, other]) => other - one).map(([name, count]) => `${name} ${count}`).join(', ') || 'none'
table([
  ['refresh replies', `${replies.asked}: ${listing(replies.outcomes)}`],
  ['streams', `${answers.reached ?? 0} of ${answers.asked} questions reached the backend: ${listing(answers.outcomes)}`],
  ['by door', listing(answers.byDoor ?? {})],
  ...(answers.network ? [['proxy', listing(answers.network)]] : []),
  ['heap, MB', `${early === undefined ? '-' : (early / 1048576).toFixed(1)} after ${SETTLED}, ${(heap / 1048576).toFixed(1)} at the end`],
  ['CPU, ms a question', (((cpu.user + cpu.system) / 1000) / Math.max(1, answers.asked)).toFixed(2)],
  ['seconds', ((performance.now() - startedMs) / 1000).toFixed(0)],
  ['wrong', String(wrong.length)],
])
for (const line of wrong.slice(0, 30)) console.log(line)
process.exitCode = wrong.length === 0 ? 0 : 1
