/**
 * `npm run bench [-- --quick] [--no-peers] [--only WORD,…]`: every measure that the README quotes, side by side in one run, or those
 * of these words of measure.mjs alone (cpu, many, first, trickle, waiting). Server and
 * client have a core each where `taskset` and two cores exist; each number is the median of rounds in which the clients
 * take turns, and every ratio is against `bare` of the same run: times differ from machine to machine.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { printEndpoints } from './endpoint.mjs'
import { installPeer, PEERS } from './peers.mjs'
import { measureStartup } from './startup.mjs'

const quick = process.argv.includes('--quick')
const rounds = quick ? 1 : 3
const path = (name) => fileURLToPath(new URL(name, import.meta.url))
const canPin = availableParallelism() > 1 && spawnSync('taskset', ['-c', '0', 'true']).status === 0
const pinned = (core, args) => (canPin ? ['taskset', ['-c', String(core), process.execPath, ...args]] : [process.execPath, args])

function runJson(args) {
  const [command, all] = pinned(1, args)
  const { status, stdout, stderr } = spawnSync(command, all, { encoding: 'utf8', maxBuffer: 1 << 24, timeout: 300_000 })
  if (status === 0) return JSON.parse(stdout)
  throw new Error(stderr.split('\n').find((line) => /Error/.test(line)) ?? (stderr.slice(0, 200) || 'no answer within 300 s'))
}

const peers = process.argv.includes('--no-peers') ? {} : Object.fromEntries(Object.keys(PEERS).map((peer) => [peer, installPeer(peer)]))
const LABELS = {
  bare: 'bare (undici, eventsource-parser, JSON.parse)', 'bare-ws': 'bare WebSocket (ws, JSON.parse)',
  ours: 'ours, no handlers', 'ours-handlers': 'ours, handlers on every llm:* event', 'ours-ws': 'ours over WebSocket',
  ...Object.fromEntries(Object.entries(peers).map(([peer, { version }]) => [peer, `${PEERS[peer].label} ${version ?? ''}`.trim()])),
}
const OURS = ['bare', 'ours', 'ours-handlers']
const ALL = [...OURS, ...Object.keys(peers)]
const SLOW = 'pi took 13 s for one tool-4000, and 16 times that for four times the deltas'

/** title, word and recipe of measure.mjs, calls, who takes part, the number to compare, and our limit against bare */
const MEASURES = [
  { title: 'text, 5,000 deltas: µs of CPU a delta', word: 'cpu', recipe: 'text-5000', count: 25, who: ALL, key: 'us_per_delta', limits: { ours: 1.5, 'ours-handlers': 2 } },
  { title: 'tool arguments, 4,000 deltas: µs of CPU a delta', word: 'cpu', recipe: 'tool-4000', count: 25, who: ALL, key: 'us_per_delta', limits: { ours: 2, 'ours-handlers': 2 }, once: ['pi'] },
  { title: 'tool arguments, 16,000 deltas: µs of CPU a delta', word: 'cpu', recipe: 'tool-16000', count: 11, who: ALL, key: 'us_per_delta', limits: { ours: 2, 'ours-handlers': 2 }, never: { pi: SLOW } },
  { title: 'tool arguments, 1 MB in 1-character deltas: µs of CPU a delta', word: 'cpu', recipe: 'char-1048576', count: 1, who: ALL, key: 'us_per_delta', limits: { ours: 2, 'ours-handlers': 2 }, never: { pi: SLOW } },
  { title: '300 streams of 1,000 deltas at once: ms of CPU', word: 'many', recipe: 'text-1000', count: 300, who: ALL, key: 'cpu_ms', limits: { ours: 2, 'ours-handlers': 2 } },
  { title: 'the same: MB the process grew', word: 'many', recipe: 'text-1000', count: 300, who: ALL, key: 'growth_mb', limits: { ours: 1.5, 'ours-handlers': 1.5 } },
  { title: 'time to first delta, median of 200 calls: ms', word: 'first', recipe: 'text-20', count: 200, who: ALL, key: 'ms', limits: { ours: 1.3, 'ours-handlers': 1.3 } },
  ...[['bare', 'ours', '1,000 waiting streams over SSE'], ['bare-ws', 'ours-ws', '1,000 waiting streams over WebSocket']].flatMap(([bare, ours, title]) => [
    { title: `${title}, deltas one by one: µs of CPU a delta, opening and end in it`, word: 'trickle', recipe: 'trickle-20-400', count: 1_000, who: [bare, ours], key: 'us_per_delta', limits: { [ours]: 1.4 } },
    { title: `the same: µs of CPU to open a call, up to its first delta`, word: 'trickle', recipe: 'trickle-20-400', count: 1_000, who: [bare, ours], key: 'us_per_call_opened', limits: {} },
    { title: `the same: µs of CPU a delta while all wait`, word: 'trickle', recipe: 'trickle-20-400', count: 1_000, who: [bare, ours], key: 'us_per_delta_waiting', limits: { [ours]: 1.4 } },
    { title: `the same: KB the process grew for each`, word: 'trickle', recipe: 'trickle-20-400', count: 1_000, who: [bare, ours], key: 'kb_per_stream', limits: { [ours]: 1.4 } },
    { title: `the same: KB of live memory for each`, word: 'waiting', recipe: 'trickle-4-3000', count: 1_000, who: [bare, ours], key: 'live_kb_per_stream', limits: { [ours]: 1.4 } },
  ]),
  { title: 'text over WebSocket, 5,000 deltas: µs of CPU a delta', word: 'cpu', recipe: 'text-5000', count: 25, who: ['bare-ws', 'ours-ws'], key: 'us_per_delta', limits: { 'ours-ws': 2 } },
]

const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1]?.split(',') : undefined
const measures = MEASURES.filter(({ word }) => only?.includes(word) ?? true)

const median = (values) => values.sort((left, right) => left - right)[values.length >> 1]
const results = new Map()

async function startServer() {
  const [command, args] = pinned(0, [path('server.mjs')])
  const server = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const [port] = await once(server.stdout.setEncoding('utf8'), 'data')
  return { origin: `http://127.0.0.1:${port.trim()}`, stop: () => server.stdin.end() }
}

function measure(client, { word, recipe, count, once: onlyOnce }, origin) {
  const calls = onlyOnce?.includes(client) ? 1 : count
  const key = [word, client, recipe].join(' ')
  const taken = results.get(key) ?? []
  results.set(key, taken)
  if (taken.failure || (calls === 1 && count > 1 && taken.length > 0)) return
  try {
    taken.push(runJson(['--expose-gc', path('measure.mjs'), word, client, origin, recipe, String(calls)]))
  } catch (error) {
    taken.failure = error.message
  }
}

function printMeasure({ title, word, recipe, who, key, limits, never = {} }) {
  const valueOf = (client) => {
    const taken = results.get([word, client, recipe].join(' '))
    return taken?.length > 0 ? median(taken.map((result) => result[key])) : undefined
  }
  const base = valueOf(who[0])
  console.log(`\n| ${title} | | × bare | at most |\n| --- | ---: | ---: | ---: |`)
  for (const client of who) {
    const value = valueOf(client)
    const failure = peers[client]?.failure ?? never[client] ?? results.get([word, client, recipe].join(' '))?.failure
    const shown = value === undefined ? `none: ${failure}` : `${value}`
    const ratio = value === undefined ? '' : (value / base).toFixed(2)
    const limit = limits[client]
    console.log(`| ${LABELS[client]} | ${shown} | ${ratio} | ${limit === undefined ? '' : `${limit} ${value / base <= limit ? 'kept' : 'MISSED'}`} |`)
  }
}

function printRow(title, value, ratio, limit) {
  console.log(`| ${title} | ${value} | ${ratio.toFixed(2)} | ${limit === undefined ? '' : `${limit} ${ratio <= limit ? 'kept' : 'MISSED'}`} |`)
}

function printTurns() {
  const [socket, http] = ['websocket', 'sse'].map((transport) => runJson([path('turns.mjs'), transport]))
  console.log('\n| turn 200 of a tool loop, 4 KB results | | ratio | at most |\n| --- | ---: | ---: | ---: |')
  console.log(`| new items, tools and instructions, bytes | ${socket.needed_bytes} | 1.00 | |`)
  printRow('sent over WebSocket, bytes', socket.bytes, socket.bytes / socket.needed_bytes, 1.1)
  printRow('sent over HTTP (whole history), bytes', http.bytes, http.bytes / socket.needed_bytes)
  printRow('CPU of the turn over WebSocket against turn 20, ms', socket.cpu_ms_turn_200.toFixed(2), socket.cpu_ms_turn_200 / socket.cpu_ms_turn_20, 1.5)
  printRow('CPU of the turn over HTTP against turn 20, ms', http.cpu_ms_turn_200.toFixed(2), http.cpu_ms_turn_200 / http.cpu_ms_turn_20)
}

function printMemory(origin) {
  const events = quick ? 200_000 : 1_000_000
  const textMb = Array.from({ length: events }, (_, n) => ` token${n % 977}`.length).reduce((sum, length) => sum + length) / 1e6
  console.log(`\n| ${events.toLocaleString('en')} events, slow consumer, text of ${textMb.toFixed(1)} MB | MB | × text | at most |\n| --- | ---: | ---: | ---: |`)
  for (const client of ['bare', 'ours', 'ours-ws']) {
    const taken = runJson(['--expose-gc', path('measure.mjs'), 'memory', client, origin, `text-${events}`])
    const limit = client === 'bare' ? undefined : 3
    printRow(`${LABELS[client]}: live memory grew`, taken.live_growth_mb, taken.live_growth_mb / textMb, limit)
    printRow(`${LABELS[client]}: the process grew`, taken.rss_growth_mb, taken.rss_growth_mb / textMb)
    if (!quick) printRow(`${LABELS[client]}: the process grew after delta 200,000, to the last`, taken.settled_growth_mb, taken.settled_growth_mb / textMb, limit)
  }
}

async function printOthers() {
  printTurns()
  printMemory(origin)
  await printEndpoints(origin, { quick })
  const startup = measureStartup(quick ? 5 : 15)
  console.log('\n| start-up, fresh processes: ms | | × undici | at most |\n| --- | ---: | ---: | ---: |')
  printRow("import('undici')", startup.undici_ms.toFixed(1), 1)
  printRow('import plus mount', startup.mount_ms.toFixed(1), startup.ratio, 2)
}

console.log(`Node ${process.version}, ${canPin ? 'server and client pinned to a core each' : 'not pinned'}, ${rounds} round${rounds > 1 ? 's' : ''}`)
for (const [peer, { failure }] of Object.entries(peers)) if (failure) console.log(`${PEERS[peer].name} could not be installed: ${failure}`)
const { origin, stop } = await startServer()
for (let round = 0; round < rounds; round++) {
  const seen = new Set()
  for (const entry of measures) {
    for (const client of entry.who) {
      const key = [entry.word, client, entry.recipe].join(' ')
      if (seen.has(key) || peers[client]?.failure || entry.never?.[client]) continue
      seen.add(key)
      measure(client, entry, origin)
    }
  }
}
for (const entry of measures) printMeasure(entry)
if (!only) await printOthers()
stop()
