/**
 * What `serve --http` costs, beside the least an endpoint can do: CPU a request and a delta in the endpoint's own process,
 * time to the first delta beyond what the backend takes, memory a stream. `node endpoint.mjs [WHO…] [--only cpu|streams]` after
 * `npm run build` prints its tables by itself, within five minutes; `npm run bench` prints them among the others. Server and
 * load have one core, the endpoint the other.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once, setMaxListeners } from 'node:events'
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
/** What has not begun by then is left out, and what runs then is cut: the whole ends within five minutes. */
const LONGEST_MS = 280_000
const pin = canPin ? ['taskset', '-c', '1'] : []

function commandOf(who, backend, home) {
  if (who === 'bare') return [path('endpoint-bare.mjs'), backend]
  return [
    fileURLToPath(new URL('cli/main.js', DIST)), 'serve', '--http', '--json', '--base-url', backend, '--token-file', writeTokenFile(),
    '--config', 'transport=sse', '--config', 'max_concurrency=10000', '--config', 'default_model=gpt-5.5', '--data', home,
  ]
}

/** An endpoint over a recipe of the backend while `work` asks it over `connections` (null: as many as it takes), and what its process has used. */
async function withEndpoint(who, { origin, running, signal }, { recipe, connections }, work) {
  const endpoint = await openEndpoint(who, origin, recipe, running)
  const dispatcher = new Agent({ connections, headersTimeout: 60_000, bodyTimeout: 60_000 })
  const { path: at, body, mark } = ENDPOINTS[who].dialect
  const target = { url: endpoint.base_url + at, key: endpoint.key, body, mark, model: endpoint.model, dispatcher, signal }
  try {
    return await work(target, endpoint)
  } finally {
    await dispatcher.destroy()
    await endpoint.close()
  }
}

async function openEndpoint(who, origin, recipe, running) {
  if (running) return { ...running, model: recipe, close: async () => undefined }
  const home = mkdtempSync(join(tmpdir(), 'endpoint-bench-'))
  const args = ['--expose-gc', '--import', pathToFileURL(path('endpoint-probe.mjs')).href, ...commandOf(who, `${origin}/${recipe}/codex`, home)]
  const [command, ...all] = [...pin, process.execPath, ...args]
  const child = spawn(command, all, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], env: { PATH: process.env.PATH, HOME: home } })
  const ended = once(child, 'exit').then(([code]) => { throw new Error(`${who} ended with ${code}`) })
  ended.catch(() => undefined)
  const hear = async (source, event) => (await Promise.race([once(source, event), ended]))[0]
  const ready = JSON.parse(String(await hear(child.stdout, 'data')))
  const tell = (word) => {
    child.send(word)
    return hear(child, 'message')
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
async function ask({ url, key, body, mark, model = 'gpt-5.5', dispatcher, signal }) {
  const startedAt = performance.now()
  const answer = await request(url, { method: 'POST', dispatcher, signal, headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` }, body: JSON.stringify({ model, stream: true, ...body }) })
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

/** Requests that a new process has answered before it is measured. */
const FRESH = 30

/** ms of CPU a request, eight at a time: `request` over the first few hundred of a process, when V8 still compiles; `warm` later. */
function measureRequests(who, bench, { requests: count }) {
  return withEndpoint(who, bench, { recipe: 'text-1', connections: 8 }, async (target, endpoint) => {
    const spend = async (times) => {
      const before = await endpoint.cpu()
      await Promise.all(Array.from({ length: 8 }, async () => {
        for (let n = 0; n < times / 8; n++) await ask(target)
      }))
      return ((await endpoint.cpu()) - before) / times
    }
    for (let n = 0; n < FRESH; n++) await ask(target)
    const request = await spend(count)
    if (who === 'litellm') return { request }
    await spend(2 * count)
    return { request, warm: await spend(2 * count) }
  })
}

/** µs of CPU a delta, 100 streams whose deltas come 20 ms apart; what a request costs is part of it. */
function measureDeltas(who, bench, { deltas: count }) {
  return withEndpoint(who, bench, { recipe: `trickle-${count}-20`, connections: null }, async (target, endpoint) => {
    const run = (streams) => Promise.all(Array.from({ length: streams }, () => ask(target)))
    await run(who === 'litellm' ? 10 : 100)
    const before = await endpoint.cpu()
    const answers = await run(100)
    const spent = (await endpoint.cpu()) - before
    return { delta: (spent * 1000) / answers.reduce((sum, { deltas }) => sum + deltas, 0) }
  })
}

/** Time to the first delta of `streams` at once, several rounds; memory while all of them run. */
async function measureStreams(who, bench, { streams, gapMs, rounds }) {
  const recipe = `trickle-3-${gapMs}`
  const work = async (target, endpoint) => {
    await Promise.all(Array.from({ length: Math.min(streams, 20) }, () => ask(target)))
    const firsts = []
    let memory
    for (let n = 0; n < rounds; n++) {
      const before = await endpoint?.memory()
      const all = Promise.all(Array.from({ length: streams }, () => ask(target)))
      all.catch(() => undefined)
      if (endpoint && streams === 1000 && n === rounds - 1) {
        await sleep(2 * gapMs + 200)
        const during = await endpoint.memory()
        memory = { rss_kb: (during.rss - before.rss) / 1024 / streams, live_kb: (during.live - before.live) / 1024 / streams }
      }
      firsts.push(...(await all).map(({ firstMs }) => firstMs))
    }
    return { p50: quantile(firsts, 0.5), p99: quantile(firsts, 0.99), ...memory }
  }
  if (who !== 'direct') return withEndpoint(who, bench, { recipe, connections: null }, work)
  const dispatcher = new Agent({ connections: null })
  return work({ url: `${bench.origin}/${recipe}/codex/responses`, key: 'x', body: {}, mark: RESPONSES.mark, dispatcher, signal: bench.signal }).finally(() => dispatcher.destroy())
}

const median = (values) => quantile(values, 0.5)
const LIMITS = { delta: 1.4, request: 1.6 }
const DELTAS = 100
const ROUNDS = 3
const TITLES = {
  delta: 'endpoint, 100 streams, deltas 20 ms apart: µs of CPU a delta',
  request: 'endpoint, the first 400 short answers of a process, 8 at a time: ms of CPU a request',
  warm: 'the same after 1,200 answers: ms of CPU a request',
}

async function takeCpu(bench, taken, { requests }) {
  for (const name of bench.who) {
    // It takes twenty times as long, and varies less.
    if (name === 'litellm' && taken.get(name).request.length > 0) continue
    for (const piece of [() => measureRequests(name, bench.part(name), { requests: name === 'litellm' ? requests / 4 : requests }), () => measureDeltas(name, bench.part(name), { deltas: DELTAS })]) {
      await bench.spend(async () => {
        for (const [kind, value] of Object.entries(await piece())) taken.get(name)[kind].push(value)
      })
    }
  }
}

function printCpu(bench, taken) {
  for (const [kind, title] of Object.entries(TITLES)) {
    const base = median(taken.get('bare')[kind])
    if (base === undefined) continue
    console.log(`\n| ${title} | | × bare | at most |\n| --- | ---: | ---: | ---: |`)
    for (const name of bench.who.filter((each) => taken.get(each)[kind].length > 0)) {
      const value = median(taken.get(name)[kind])
      const ratio = value / base
      const limit = name === 'chat' && LIMITS[kind] !== undefined ? `${LIMITS[kind]} ${ratio <= LIMITS[kind] ? 'kept' : 'MISSED'}` : ''
      console.log(`| ${ENDPOINTS[name].label} | ${round(value)} | ${ratio.toFixed(2)} | ${limit} |`)
    }
  }
}

const SIZES = [{ streams: 1, gapMs: 10, rounds: 60 }, { streams: 100, gapMs: 200, rounds: 4 }, { streams: 1000, gapMs: 1500, rounds: 2 }]

async function printStreams(bench) {
  console.log('\n| endpoint, time to the first delta beyond the backend\'s own, streams at once | 1: p50 ms | p99 | 100: p50 | p99 | 1,000: p50 | p99 | KB a stream of 1,000 | live |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |')
  const direct = []
  for (const size of SIZES) await bench.spend(async () => direct.push(await measureStreams('direct', bench.part('direct'), size)))
  for (const name of bench.who) {
    const cells = Array(8).fill('–')
    for (const [index, size] of SIZES.entries()) {
      await bench.spend(async () => {
        const taken = await measureStreams(name, bench.part(name), name === 'litellm' ? { ...size, rounds: Math.ceil(size.rounds / 4) } : size)
        for (const [at, part] of ['p50', 'p99'].entries()) cells[2 * index + at] = round(taken[part] - direct[index][part])
        for (const [at, value] of [taken.rss_kb, taken.live_kb].entries()) if (Number.isFinite(value)) cells[6 + at] = round(value)
      })
    }
    if (cells.some((cell) => cell !== '–')) console.log(`| ${ENDPOINTS[name].label} | ${cells.join(' | ')} |`)
  }
}

/** Prints the endpoint's tables over a backend at `origin`. */
export async function printEndpoints(origin, { quick = false, who = Object.keys(ENDPOINTS), only } = {}) {
  const startedAt = performance.now()
  const deadline = AbortSignal.timeout(LONGEST_MS)
  setMaxListeners(0, deadline)
  const litellm = who.includes('litellm') ? findLitellm() : undefined
  const home = mkdtempSync(join(tmpdir(), 'endpoint-bench-'))
  const running = {}
  if (litellm) {
    ENDPOINTS.litellm.label = `LiteLLM proxy ${litellm.version}`
    const recipes = ['text-1', `trickle-${DELTAS}-20`, ...SIZES.map(({ gapMs }) => `trickle-3-${gapMs}`)]
    running.litellm = await startLitellm(litellm, { origin, recipes, home, pin }).catch((error) => void console.log(`\n${error.message}: it is left out.`))
  } else if (who.includes('litellm')) console.log('\nLiteLLM is not installed: `LITELLM=COMMAND` names it.')
  const bench = {
    who: who.filter((name) => name !== 'litellm' || running.litellm),
    part: (name) => ({ origin, running: running[name], signal: deadline }),
    /** a piece of the measurement, while there is time */
    async spend(piece) {
      if (deadline.aborted) return
      await piece().catch((error) => {
        if (!deadline.aborted) throw error
      })
    },
  }
  const taken = new Map(bench.who.map((name) => [name, { request: [], warm: [], delta: [] }]))
  try {
    // Everything once, so that no table lacks a row; then again for the medians.
    if (only !== 'streams') await takeCpu(bench, taken, { requests: 400 })
    if (only !== 'cpu') await printStreams(bench)
    for (let n = 1; n < ROUNDS && only !== 'streams' && !quick && (performance.now() - startedAt) * 1.3 < LONGEST_MS; n++) await takeCpu(bench, taken, { requests: 400 })
    if (only !== 'streams') printCpu(bench, taken)
  } finally {
    await running.litellm?.close()
    rmSync(home, { recursive: true, force: true })
  }
  if (deadline.aborted) console.log(`\nThe endpoint's measures were cut after ${Math.round(LONGEST_MS / 1000)} s: what has no figure was not reached.`)
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
