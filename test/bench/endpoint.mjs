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
}

function commandOf(who, backend, home) {
  if (who === 'bare') return [path('endpoint-bare.mjs'), backend]
  return [
    fileURLToPath(new URL('cli/main.js', DIST)), 'serve', '--http', '--json', '--base-url', backend, '--token-file', writeTokenFile(),
    '--config', 'transport=sse', '--config', 'max_concurrency=10000', '--config', 'default_model=gpt-5.5', '--data', home,
  ]
}

/** An endpoint over a recipe of the backend, and what its process has used. */
async function openEndpoint(who, origin, recipe) {
  const home = mkdtempSync(join(tmpdir(), 'endpoint-bench-'))
  const args = ['--expose-gc', '--import', pathToFileURL(path('endpoint-probe.mjs')).href, ...commandOf(who, `${origin}/${recipe}/codex`, home)]
  const [command, all] = canPin ? ['taskset', ['-c', '1', process.execPath, ...args]] : [process.execPath, args]
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
async function ask({ url, key, body, mark }, dispatcher) {
  const startedAt = performance.now()
  const answer = await request(url, { method: 'POST', dispatcher, headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` }, body: JSON.stringify({ model: 'gpt-5.5', stream: true, ...body }) })
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
  return { url: endpoint.base_url + at, key: endpoint.key, body, mark }
}

/** ms of CPU a request, eight at a time. */
async function measureRequests(who, origin, count) {
  const endpoint = await openEndpoint(who, origin, 'text-1')
  const dispatcher = new Agent({ connections: 8 })
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
async function measureDeltas(who, origin, count) {
  const endpoint = await openEndpoint(who, origin, `trickle-${count}-20`)
  const dispatcher = new Agent({ connections: null })
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
async function measureStreams(who, origin, { streams, gapMs, rounds }) {
  const recipe = `trickle-3-${gapMs}`
  const endpoint = who === 'direct' ? undefined : await openEndpoint(who, origin, recipe)
  const dispatcher = new Agent({ connections: null })
  const target = endpoint ? targetOf(who, endpoint) : { url: `${origin}/${recipe}/codex/responses`, key: 'x', body: {}, mark: RESPONSES.mark }
  for (let n = 0; n < 3; n++) await Promise.all(Array.from({ length: Math.min(streams, 20) }, () => ask(target, dispatcher)))
  const firsts = []
  let memory
  for (let n = 0; n < rounds; n++) {
    const before = await endpoint?.memory()
    const running = Promise.all(Array.from({ length: streams }, () => ask(target, dispatcher)))
    if (endpoint && streams === 1000 && n === rounds - 1) {
      await sleep(2 * gapMs + 200)
      const during = await endpoint.memory()
      memory = { rss_kb: (during.rss - before.rss) / 1024 / streams, live_kb: (during.live - before.live) / 1024 / streams }
    }
    firsts.push(...(await running).map(({ firstMs }) => firstMs))
  }
  await dispatcher.close()
  await endpoint?.close()
  return { p50: quantile(firsts, 0.5), p99: quantile(firsts, 0.99), ...memory }
}

const median = (values) => quantile(values, 0.5)
const LIMITS = { delta: 1.4, request: 1.6 }

async function printCpu(origin, who, { rounds, requests, deltas }) {
  const taken = new Map(who.map((name) => [name, { request: [], delta: [] }]))
  for (let n = 0; n < rounds; n++) {
    for (const name of who) {
      taken.get(name).request.push(await measureRequests(name, origin, requests))
      taken.get(name).delta.push(await measureDeltas(name, origin, deltas))
    }
  }
  const base = { request: median(taken.get('bare').request), delta: median(taken.get('bare').delta) }
  for (const [kind, title] of [['delta', 'endpoint, 100 streams, deltas 20 ms apart: µs of CPU a delta'], ['request', 'endpoint, short answers, 8 at a time: ms of CPU a request']]) {
    console.log(`\n| ${title} | | × bare | at most |\n| --- | ---: | ---: | ---: |`)
    for (const name of who) {
      const value = median(taken.get(name)[kind])
      const ratio = value / base[kind]
      const limit = name === 'chat' ? `${LIMITS[kind]} ${ratio <= LIMITS[kind] ? 'kept' : 'MISSED'}` : ''
      console.log(`| ${ENDPOINTS[name].label} | ${round(value)} | ${ratio.toFixed(2)} | ${limit} |`)
    }
  }
}

async function printStreams(origin, who, { rounds }) {
  console.log('\n| endpoint, time to the first delta beyond the backend\'s own, streams at once | 1: p50 ms | p99 | 100: p50 | p99 | 1,000: p50 | p99 | KB a stream of 1,000 | live |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |')
  const sizes = [{ streams: 1, gapMs: 10, rounds: 100 * rounds }, { streams: 100, gapMs: 200, rounds: 4 * rounds }, { streams: 1000, gapMs: 1500, rounds: 2 * rounds }]
  const direct = []
  for (const size of sizes) direct.push(await measureStreams('direct', origin, size))
  for (const name of who) {
    const cells = []
    let memory
    for (const [index, size] of sizes.entries()) {
      memory = await measureStreams(name, origin, size)
      cells.push(...['p50', 'p99'].map((part) => round(memory[part] - direct[index][part])))
    }
    console.log(`| ${ENDPOINTS[name].label} | ${cells.join(' | ')} | ${round(memory.rss_kb)} | ${round(memory.live_kb)} |`)
  }
}

/** Prints the endpoint's tables over a backend at `origin`. */
export async function printEndpoints(origin, { quick = false, who = Object.keys(ENDPOINTS) } = {}) {
  await printCpu(origin, who, quick ? { rounds: 1, requests: 400, deltas: 50 } : { rounds: 3, requests: 800, deltas: 150 })
  await printStreams(origin, who, { rounds: quick ? 1 : 2 })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [command, args] = canPin ? ['taskset', ['-c', '0', process.execPath, path('server.mjs')]] : [process.execPath, [path('server.mjs')]]
  const server = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const origin = `http://127.0.0.1:${String((await once(server.stdout, 'data'))[0]).trim()}`
  const words = process.argv.slice(2).filter((word) => word in ENDPOINTS)
  await printEndpoints(origin, { quick: process.argv.includes('--quick'), ...(words.length > 0 ? { who: ['bare', ...words.filter((word) => word !== 'bare')] } : {}) })
  server.stdin.end()
}
