/**
 * What `serve --http` costs, beside the least an endpoint can do: CPU a request and a delta in the endpoint's own process,
 * time to the first delta beyond what the backend takes, memory a stream. `node endpoint.mjs [WHO…]` after `npm run build`
 * prints its tables by itself; `npm run bench` prints them among the others. Server and load have one core, the endpoint
 * the other.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { findLitellm, startLitellm } from './endpoint-litellm.mjs'
import { DIST, writeTokenFile } from './mount-ours.mjs'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))
const canPin = availableParallelism() > 1 && spawnSync('taskset', ['-c', '0', 'true']).status === 0

/** what is asked at its path, of its model, and what marks a delta of its stream */
const CHAT = { path: '/chat/completions', body: { messages: [{ role: 'user', content: 'hi' }] }, mark: /"content":" token/g }
const RESPONSES = { path: '/responses', body: { input: 'hi', store: false }, mark: /^data: \{"type":"response\.output_text\.delta"/gm }
export const ENDPOINTS = {
  bare: { label: 'bare (undici, eventsource-parser, JSON.parse)', dialect: CHAT },
  chat: { label: 'serve --http, chat completions', dialect: CHAT },
  responses: { label: 'serve --http, responses', dialect: RESPONSES },
  litellm: { label: 'LiteLLM proxy', dialect: { ...CHAT, mark: /"content":\s?" token/g } },
}
const LONGEST_MS = 300_000
const pin = canPin ? ['taskset', '-c', '1'] : []

function commandOf(who, backend, home) {
  if (who === 'bare') return [path('endpoint-bare.mjs'), backend]
  return [
    fileURLToPath(new URL('cli/main.js', DIST)), 'serve', '--http', '--json', '--base-url', backend, '--token-file', writeTokenFile(),
    '--config', 'transport=sse', '--config', 'max_concurrency=10000', '--config', 'default_model=gpt-5.5', '--data', home,
  ]
}

/** An endpoint over a recipe of the backend, and what its process has used. */
async function openEndpoint(who, origin, recipe, running) {
  if (running) return { ...running, model: recipe, close: async () => undefined }
  const home = mkdtempSync(join(tmpdir(), 'endpoint-bench-'))
  const args = ['--expose-gc', '--import', pathToFileURL(path('endpoint-probe.mjs')).href, ...commandOf(who, `${origin}/${recipe}/codex`, home)]
  const [command, ...all] = [...pin, process.execPath, ...args]
  const child = spawn(command, all, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], env: { PATH: process.env.PATH, HOME: home } })
  const ready = JSON.parse(String((await once(child.stdout, 'data'))[0]))
  const tell = async (word) => {
    child.send(word)
    return (await once(child, 'message'))[0]
  }
  return {
    ...ready,
    cpu: () => tell('cpu'),
    memory: () => tell('memory'),
    async close() {
      const gone = once(child, 'exit')
      child.kill('SIGINT')
      await gone
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** @returns when the first delta came, ms after the request, and how many there were */
async function ask({ url, key, body, mark, model = 'gpt-5.5' }, dispatcher) {
  const startedAt = performance.now()
  const answer = await request(url, { method: 'POST', dispatcher, headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` }, body: JSON.stringify({ model, stream: true, ...body }) })
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${(await answer.body.text()).slice(0, 200)}`)
  let firstMs
  let deltas = 0
  for await (const bytes of answer.body) {
    const found = bytes.toString('latin1').match(mark)?.length ?? 0
    if (found > 0) firstMs ??= performance.now() - startedAt
    deltas += found
  }
  return { firstMs, deltas }
}

const quantile = (values, part) => values.sort((left, right) => left - right)[Math.min(values.length - 1, Math.floor(values.length * part))]
const round = (value) => Math.round(value * 100) / 100

function targetOf(who, endpoint) {
  const { path: at, body, mark } = ENDPOINTS[who].dialect
  return { url: endpoint.base_url + at, key: endpoint.key, body, mark, model: endpoint.model }
}

const openAgent = (connections) => new Agent({ connections, headersTimeout: 60_000, bodyTimeout: 60_000 })

/** ms of CPU a request, eight at a time. */
async function measureRequests(who, { origin, running }, { requests: count }) {
  const endpoint = await openEndpoint(who, origin, 'text-1', running)
  const dispatcher = openAgent(8)
  const target = targetOf(who, endpoint)
  const run = (times) => Promise.all(Array.from({ length: 8 }, async () => {
    for (let n = 0; n < times / 8; n++) await ask(target, dispatcher)
  }))
  await run(count / 2)
  const before = await endpoint.cpu()
  await run(count)
  const spent = (await endpoint.cpu()) - before
  await dispatcher.close()
  await endpoint.close()
  return spent / count
}

/** µs of CPU a delta, 100 streams whose deltas come 20 ms apart; what a request costs is part of it. */
async function measureDeltas(who, { origin, running }, { deltas: count }) {
  const endpoint = await openEndpoint(who, origin, `trickle-${count}-20`, running)
  const dispatcher = openAgent(null)
  const target = targetOf(who, endpoint)
  const run = () => Promise.all(Array.from({ length: 100 }, () => ask(target, dispatcher)))
  await run()
  const before = await endpoint.cpu()
  const answers = await run()
  const spent = (await endpoint.cpu()) - before
  await dispatcher.close()
  await endpoint.close()
  return (spent * 1000) / answers.reduce((sum, { deltas }) => sum + deltas, 0)
}

/** Time to the first delta of `streams` at once, several rounds; memory while all of them run. */
async function measureStreams(who, { origin, running }, { streams, gapMs, rounds }) {
  const recipe = `trickle-3-${gapMs}`
  const endpoint = who === 'direct' ? undefined : await openEndpoint(who, origin, recipe, running)
  const dispatcher = openAgent(null)
  const target = endpoint ? targetOf(who, endpoint) : { url: `${origin}/${recipe}/codex/responses`, key: 'x', body: {}, mark: RESPONSES.mark }
  for (let n = 0; n < 2; n++) await Promise.all(Array.from({ length: Math.min(streams, 20) }, () => ask(target, dispatcher)))
  const firsts = []
  let memory
  for (let n = 0; n < rounds; n++) {
    const before = await endpoint?.memory()
    const all = Promise.all(Array.from({ length: streams }, () => ask(target, dispatcher)))
    if (endpoint && streams === 1000 && n === rounds - 1) {
      await sleep(2 * gapMs + 200)
      const during = await endpoint.memory()
      memory = { rss_kb: (during.rss - before.rss) / 1024 / streams, live_kb: (during.live - before.live) / 1024 / streams }
    }
    firsts.push(...(await all).map(({ firstMs }) => firstMs))
  }
  await dispatcher.close()
  await endpoint?.close()
  return { p50: quantile(firsts, 0.5), p99: quantile(firsts, 0.99), ...memory }
}

const median = (values) => quantile(values, 0.5)
const LIMITS = { delta: 1.4, request: 1.6 }
const DELTAS = 100

async function printCpu(bench, { rounds, requests }) {
  const taken = new Map(bench.who.map((name) => [name, { request: [], delta: [] }]))
  for (let n = 0; n < rounds; n++) {
    for (const name of bench.who) {
      // It takes twenty times as long, and varies less.
      if (name === 'litellm' && n > 0) continue
      const part = { origin: bench.origin, running: bench.running[name] }
      await bench.spend(async () => taken.get(name).request.push(await measureRequests(name, part, { requests: name === 'litellm' ? requests / 4 : requests })))
      await bench.spend(async () => taken.get(name).delta.push(await measureDeltas(name, part, { deltas: DELTAS })))
    }
  }
  for (const [kind, title] of [['delta', 'endpoint, 100 streams, deltas 20 ms apart: µs of CPU a delta'], ['request', 'endpoint, short answers, 8 at a time: ms of CPU a request']]) {
    console.log(`\n| ${title} | | × bare | at most |\n| --- | ---: | ---: | ---: |`)
    const base = median(taken.get('bare')[kind])
    for (const name of bench.who.filter((each) => taken.get(each)[kind].length > 0)) {
      const value = median(taken.get(name)[kind])
      const ratio = value / base
      const limit = name === 'chat' ? `${LIMITS[kind]} ${ratio <= LIMITS[kind] ? 'kept' : 'MISSED'}` : ''
      console.log(`| ${ENDPOINTS[name].label} | ${round(value)} | ${ratio.toFixed(2)} | ${limit} |`)
    }
  }
}

const SIZES = [{ streams: 1, gapMs: 10, rounds: 60 }, { streams: 100, gapMs: 200, rounds: 4 }, { streams: 1000, gapMs: 1500, rounds: 2 }]

async function printStreams(bench) {
  console.log('\n| endpoint, time to the first delta beyond the backend\'s own, streams at once | 1: p50 ms | p99 | 100: p50 | p99 | 1,000: p50 | p99 | KB a stream of 1,000 | live |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |')
  const direct = []
  for (const size of SIZES) direct.push(await measureStreams('direct', bench, size))
  for (const name of bench.who) {
    const cells = []
    let memory
    for (const [index, size] of SIZES.entries()) {
      await bench.spend(async () => {
        memory = await measureStreams(name, { origin: bench.origin, running: bench.running[name] }, name === 'litellm' ? { ...size, rounds: Math.ceil(size.rounds / 4) } : size)
        cells.push(...['p50', 'p99'].map((part) => round(memory[part] - direct[index][part])))
      })
    }
    const kilobytes = [memory?.rss_kb, memory?.live_kb].map((value) => (Number.isFinite(value) ? round(value) : '–'))
    if (cells.length > 0) console.log(`| ${ENDPOINTS[name].label} | ${[...cells, ...Array(6 - cells.length).fill('–'), ...kilobytes].join(' | ')} |`)
  }
}

/** Prints the endpoint's tables over a backend at `origin`. */
export async function printEndpoints(origin, { quick = false, who = Object.keys(ENDPOINTS), only } = {}) {
  const litellm = who.includes('litellm') ? findLitellm() : undefined
  const home = mkdtempSync(join(tmpdir(), 'endpoint-bench-'))
  const running = {}
  let late = false
  if (litellm) {
    ENDPOINTS.litellm.label = `LiteLLM proxy ${litellm.version}`
    const recipes = ['text-1', `trickle-${DELTAS}-20`, ...SIZES.map(({ gapMs }) => `trickle-3-${gapMs}`)]
    running.litellm = await startLitellm(litellm, { origin, recipes, home, pin }).catch((error) => void console.log(`\n${error.message}: it is left out.`))
  } else if (who.includes('litellm')) console.log('\nLiteLLM is not installed: `LITELLM=COMMAND` names it.')
  const startedAt = performance.now()
  const bench = {
    origin, running, who: who.filter((name) => name !== 'litellm' || running.litellm),
    /** a piece of the measurement, while there is time */
    async spend(piece) {
      if (performance.now() - startedAt > LONGEST_MS) late = true
      else await piece()
    },
  }
  try {
    if (only !== 'streams') await printCpu(bench, quick ? { rounds: 1, requests: 400 } : { rounds: 3, requests: 800 })
    if (only !== 'cpu') await printStreams(bench)
  } finally {
    await running.litellm?.close()
    rmSync(home, { recursive: true, force: true })
  }
  if (late) console.log(`\nThe endpoint's measures were ended after ${LONGEST_MS / 60_000} minutes: this machine has other work.`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [command, args] = canPin ? ['taskset', ['-c', '0', process.execPath, path('server.mjs')]] : [process.execPath, [path('server.mjs')]]
  const server = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const origin = `http://127.0.0.1:${String((await once(server.stdout, 'data'))[0]).trim()}`
  const words = process.argv.slice(2).filter((word) => word in ENDPOINTS)
  const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1] : undefined
  await printEndpoints(origin, { quick: process.argv.includes('--quick'), only, ...(words.length > 0 ? { who: ['bare', ...words.filter((word) => word !== 'bare')] } : {}) })
  server.stdin.end()
}
