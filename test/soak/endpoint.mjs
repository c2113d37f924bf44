/**
 * What clients do to an endpoint that is open to them: `node test/soak/endpoint.mjs [--requests 10000] [--seed N] [--only ATTACK]
 * [--patience SECONDS]` after `npm run build`, one row an attack. After each of them the endpoint must answer a client that behaves, in the same process, hold
 * no call of the account, and have let go of its sockets and memory. Ends with 1 where it did not.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { startTwin } from '../../dist/twin/index.js'
import { createRandom } from './seeded.mjs'

const flag = (name, fallback) => (process.argv.includes(`--${name}`) ? Number(process.argv[process.argv.indexOf(`--${name}`) + 1]) : fallback)
const requests = flag('requests', 10_000)
const seed = flag('seed', Math.floor(Math.random() * 2 ** 31))
const { next: random } = createRandom(seed, 'endpoint')
const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1] : undefined
const KEY = 'local-made-up-key'
/** A machine with thirty other programs on it took more than 10 s. */
const FREED_WITHIN_MS = 60_000
/** Far beyond what the slowest of 32 at a time waits on such a machine: who has no answer by then never gets one. */
const ANSWERED_WITHIN_MS = flag('patience', 120) * 1000

const twin = await startTwin()
const home = mkdtempSync(join(tmpdir(), 'endpoint-soak-'))
const tokenFile = join(home, 'tokens.json')
writeFileSync(tokenFile, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
const probe = pathToFileURL(fileURLToPath(new URL('../bench/endpoint-probe.mjs', import.meta.url))).href
const child = spawn(process.execPath, [
  '--expose-gc', '--import', probe, fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url)), 'serve', '--http', '--json', '--base-url', twin.baseUrl, '--issuer', twin.issuer,
  '--token-file', tokenFile, '--config', 'transport=sse', '--config', 'max_retries=0', '--config', 'max_concurrency=64', '--store', 'sqlite', '--data', join(home, 'data'),
], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], env: { PATH: process.env.PATH, HOME: home, AMPLIFIER_CHATGPT_HTTP_KEY: KEY } })
const { base_url: baseUrl } = JSON.parse(String((await once(child.stdout, 'data'))[0]))
const { port } = new URL(baseUrl)
child.once('exit', (code, signal) => {
  console.log(`the endpoint ended: ${code ?? signal}`)
  process.exit(1)
})

async function memory() {
  child.send('memory')
  const [{ rss, live }] = await once(child, 'message')
  const sockets = process.platform === 'linux' ? readdirSync(`/proc/${child.pid}/fd`).length : NaN
  return { rss: rss / 1e6, live: live / 1e6, files: sockets }
}

/** The calls that the endpoint itself believes to run, by the phase they have come to. */
async function runningCalls() {
  const state = await fetch(`http://127.0.0.1:${port}/page/state`, { headers: { authorization: `Bearer ${KEY}` }, signal: AbortSignal.timeout(20_000) }).then((answer) => answer.json())
  const phases = (state.board?.running ?? state.running ?? []).map((call) => call.phases?.at(-1)?.phase ?? 'begun')
  return phases.length === 0 ? 'none runs' : [...new Set(phases)].map((phase) => `${phases.filter((other) => other === phase).length} ${phase}`).join(', ')
}

const head = (path, more = '') => `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${KEY}\r\ncontent-type: application/json\r\n${more}`
const open = () => new Promise((resolve, reject) => {
  const socket = connect(Number(port), '127.0.0.1', () => resolve(socket))
  socket.on('error', reject).setMaxListeners(0)
})
const quiet = (socket) => socket.on('error', () => undefined).resume()
const PATHS = [['/v1/responses', { input: 'hello' }], ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hello' }] }], ['/v1/messages', { max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] }]]

/** One that behaves: how long it waits for its whole answer, ms. */
async function behave() {
  const startedAt = performance.now()
  const answer = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST', headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }, signal: AbortSignal.timeout(20_000),
    body: JSON.stringify({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'hello' }] }),
  })
  const body = await answer.json()
  if (body.choices?.[0]?.message?.content !== 'You said: hello') throw new Error(`a client that behaves was told ${answer.status} ${JSON.stringify(body).slice(0, 200)}`)
  return performance.now() - startedAt
}

/** 1,000 connections that never finish a request: half of them stop in the head, half in the body. */
async function unfinished() {
  const sockets = await Promise.all(Array.from({ length: 1000 }, open))
  for (const [index, socket] of sockets.entries()) quiet(socket).write(index % 2 === 0 ? head('/v1/responses').slice(0, 60) : `${head('/v1/responses', 'content-length: 5000\r\n')}\r\n{"model":`)
  await sleep(500)
  const waited = await behave()
  for (const socket of sockets) socket.destroy()
  return `a client that behaves waited ${waited.toFixed(0)} ms`
}

/** 100 MB bodies, told in their length or in chunks, eight at a time. */
async function large() {
  const piece = Buffer.alloc(1024 * 1024, 'x')
  const statuses = await Promise.all(Array.from({ length: 8 }, async (_each, index) => {
    const socket = await open()
    let text = ''
    socket.on('data', (bytes) => (text += bytes)).on('error', () => undefined)
    const gone = once(socket, 'close').catch(() => undefined)
    const chunked = index % 2 === 0
    socket.write(`${head('/v1/responses', chunked ? 'transfer-encoding: chunked\r\n' : `content-length: ${100 * piece.length}\r\n`)}\r\n`)
    for (let n = 0; n < 100 && socket.writable; n++) {
      const ready = chunked ? (socket.write(`${piece.length.toString(16)}\r\n`), socket.write(piece), socket.write('\r\n')) : socket.write(piece)
      if (!ready) await Promise.race([once(socket, 'drain').catch(() => undefined), gone])
    }
    if (socket.writable) socket.end(chunked ? '0\r\n\r\n' : undefined)
    await Promise.race([gone, sleep(10_000)])
    socket.destroy()
    return text.slice(9, 12)
  }))
  if (statuses.some((status) => status !== '413')) throw new Error(`100 MB were answered with ${statuses.join(' ')}`)
  return `8 × 413, a client that behaves waited ${(await behave()).toFixed(0)} ms`
}

/** Sockets whose client has closed its half: that looks like a client that has gone, so its call is cancelled. */
async function halfClosed() {
  const texts = await Promise.all(Array.from({ length: 100 }, async (_each, index) => {
    const socket = await open()
    let text = ''
    socket.on('data', (bytes) => (text += bytes)).on('error', () => undefined)
    const [path, body] = PATHS[index % PATHS.length]
    const json = JSON.stringify({ model: 'gpt-5.5', stream: index % 2 === 0, ...body })
    socket.end(`${head(path, `content-length: ${json.length}\r\n`)}\r\n${json}`)
    await Promise.race([once(socket, 'close').catch(() => undefined), sleep(20_000)])
    socket.destroy()
    return text
  }))
  const startedAt = performance.now()
  while (twin.activity().running > 0 && performance.now() - startedAt < FREED_WITHIN_MS) await sleep(20)
  if (twin.activity().running > 0) throw new Error(`${twin.activity().running} calls still run`)
  return `${texts.filter((text) => text.includes('You said')).length} of 100 were still answered, a client that behaves waited ${(await behave()).toFixed(0)} ms`
}

/** Clients that go in the middle of a stream that would take a minute. */
async function goneInStream() {
  const match = (_request, items) => JSON.stringify(items).includes('stall')
  twin.enqueue(...Array.from({ length: 200 }, () => ({ text: 'one two three four five six', deltaChars: 4, stallAfterEvents: 6, match })))
  await Promise.all(Array.from({ length: 200 }, async (_each, index) => {
    const socket = await open()
    socket.on('error', () => undefined)
    const [path, body] = PATHS[index % PATHS.length]
    const json = JSON.stringify({ model: 'gpt-5.5', stream: true, ...body }).replace('hello', 'stall')
    socket.write(`${head(path, `content-length: ${json.length}\r\n`)}\r\n${json}`)
    await Promise.race([once(socket, 'data').catch(() => undefined), sleep(20_000)])
    if (index % 2 === 0) socket.destroy()
    else socket.resetAndDestroy()
  }))
  const startedAt = performance.now()
  while (twin.activity().running > 0 && performance.now() - startedAt < FREED_WITHIN_MS) await sleep(20)
  const freed = performance.now() - startedAt
  if (twin.activity().running > 0) throw new Error(`${twin.activity().running} calls still run; ${twin.pendingReplies()} of 200 answers were not asked for; the endpoint says: ${await runningCalls()}`)
  return `all calls were cancelled upstream within ${freed.toFixed(0)} ms, a client that behaves waited ${(await behave()).toFixed(0)} ms`
}

/** Requests of which each one's client goes at a moment of its own, or never. */
async function randomKills() {
  let [answered, killed] = [0, 0]
  const unanswered = []
  const one = async () => {
    const startedAt = performance.now()
    const [path, body] = PATHS[Math.floor(random() * PATHS.length)]
    const json = JSON.stringify({ model: 'gpt-5.5', stream: random() < 0.5, ...body })
    const socket = await open()
    let text = ''
    socket.on('data', (bytes) => (text += bytes)).on('error', () => undefined)
    const gone = once(socket, 'close').catch(() => undefined)
    const kill = random() < 0.5
    if (kill) setTimeout(() => (random() < 0.5 ? socket.destroy() : socket.resetAndDestroy()), random() * 30)
    const bytes = `${head(path, `connection: close\r\ncontent-length: ${json.length}\r\n`)}\r\n${json}`
    socket.write(bytes.slice(0, kill ? Math.ceil(bytes.length * Math.min(1, random() * 2)) : undefined))
    const end = await Promise.race([gone.then(() => 'closed'), sleep(ANSWERED_WITHIN_MS, 'still open', { ref: false })])
    socket.destroy()
    if (text.includes('You said')) answered++
    else if (kill) killed++
    else unanswered.push(`${path}, ${Math.round(performance.now() - startedAt)} ms, ${end}: ${text === '' ? 'nothing came' : JSON.stringify(text.slice(0, 60) + (text.length > 360 ? ` … ${text.slice(-300)}` : text.slice(60)))}`)
  }
  const perWorker = Math.ceil(requests / 32)
  const waits = []
  let done = false
  const watching = (async () => {
    while (!done) {
      waits.push(await behave())
      await sleep(250)
    }
  })().then(() => undefined, (error) => error)
  await Promise.all(Array.from({ length: 32 }, async () => {
    for (let n = 0; n < perWorker; n++) await one()
  }))
  done = true
  const harmed = await watching
  if (harmed) throw harmed
  for (const line of unanswered.slice(0, 10)) console.error(line)
  if (unanswered.length > 0) throw new Error(`${unanswered.length} clients that stayed were not answered; the endpoint says: ${await runningCalls()}`)
  waits.sort((left, right) => left - right)
  return `${answered} answered, ${killed} gone before; one that behaves waited ${waits[waits.length >> 1].toFixed(0)} ms, at most ${waits.at(-1).toFixed(0)}`
}

/** What is left once the pools have let go of what is idle: within 30 s as much as before, but for a few connections. */
async function settle(before) {
  for (let n = 0; ; n++) {
    await sleep(1000)
    const after = await memory()
    const leaks = after.live > before.live + 25 || after.files > before.files + 20
    if (!leaks || n === 30) return { after, leaks }
  }
}

console.log(`seed ${seed}, ${requests} requests under a random kill`)
console.log('| attack | came to | live MB | resident MB | open files |\n| --- | --- | ---: | ---: | ---: |')
let failed = false
for (let n = 0; n < 50; n++) await behave()
const before = await memory()
console.log(`| none | | ${before.live.toFixed(0)} | ${before.rss.toFixed(0)} | ${before.files} |`)
for (const attack of [unfinished, large, halfClosed, goneInStream, randomKills]) {
  if (only !== undefined && attack.name !== only) continue
  const outcome = await attack().catch((error) => {
    failed = true
    return `FAILED: ${error.message}`
  })
  const { after, leaks } = await settle(before)
  failed ||= leaks
  console.log(`| ${attack.name} | ${outcome}${leaks ? ' LEAKS' : ''} | ${after.live.toFixed(0)} | ${after.rss.toFixed(0)} | ${after.files} |`)
}
child.removeAllListeners('exit')
child.kill('SIGTERM')
const [code] = await once(child, 'exit')
await twin.close()
rmSync(home, { recursive: true, force: true })
console.log(failed || code !== 0 ? `FAILED (exit ${code})` : 'held')
process.exit(failed || code !== 0 ? 1 : 0)
