/**
 * Turns with seeded random faults over both transports: every answer is right or a typed error, and at the
 * end no socket, timer or listener is open.
 *
 *   node test/soak/turns.mjs [--turns 3000] [--seed 1] [--parallel 4]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { option, percentile, table } from './auth-support.mjs'

const turns = option('turns', 3000)
const seed = option('seed', Math.floor(Date.now() % 1_000_000))
const parallel = option('parallel', 4)
const root = fileURLToPath(new URL('../..', import.meta.url))

function createRandom(start) {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** One turn in three goes wrong somehow. */
function pickFault(random) {
  const below = (count) => Math.floor(random() * count)
  const faults = [
    () => ({ cutAfterEvents: below(14), eventsPerWrite: 1 }),
    () => ({ cutAfterBytes: 1 + below(4000), reset: random() < 0.5 }),
    () => ({ closeCode: [1001, 1006, 1008, 1009, 1011, 1012, 1013, 4000][below(8)], cutAfterEvents: below(10) }),
    () => ({ malformedAfterEvents: below(8) }),
    () => ({ stallAfterEvents: below(8) }),
    () => ({ eventDelayMs: 1 + below(3) }),
    () => ({ bytesPerWrite: 50 + below(300) }),
    () => ({ lineEnding: ['\r\n', '\r'][below(2)], bom: true }),
    () => ({ refusal: { status: [429, 500, 503][below(3)], headers: { 'retry-after': '0.01' }, body: { error: { code: 'server_is_busy', message: 'busy' } } } }),
    () => ({ abort: true, eventDelayMs: 2 }),
    () => ({ leave: true, eventDelayMs: 1 }),
  ]
  return random() < 0.33 ? faults[below(faults.length)]() : {}
}

async function load() {
  const folder = await mkdtemp(join(root, 'node_modules', '.soak-'))
  await build({
    bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error', packages: 'external',
    outfile: join(folder, 'rooms.mjs'),
    stdin: {
      resolveDir: root, loader: 'ts',
      contents: "export { startTwin } from './src/twin/index.js'\nexport { createHost } from './src/host/index.js'\nexport { createModule } from './src/index.js'\n",
    },
  })
  const rooms = await import(join(folder, 'rooms.mjs'))
  await rm(folder, { recursive: true, force: true })
  return rooms
}

/** What keeps the process alive, counted by kind; standard streams aside. */
function countResources() {
  const counts = {}
  for (const name of process.getActiveResourcesInfo()) {
    if (!['TTYWrap', 'PipeWrap', 'FSReqPromise', 'FSReqCallback'].includes(name)) counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

const rooms = await load()
const before = countResources()
const countListeners = () => Object.fromEntries(process.eventNames().map((name) => [String(name), process.listenerCount(name)]))
const listenersBefore = countListeners()
console.log(`seed ${seed}, ${turns} turns, ${parallel} at once`)
const wrong = []
const rows = []

for (const transport of ['sse', 'websocket']) {
  const random = createRandom(seed + (transport === 'sse' ? 0 : 1))
  const twin = await rooms.startTwin({ keepRequests: 50 })
  const folder = await mkdtemp(join(tmpdir(), 'soak-turns-'))
  const tokenFile = join(folder, 'token.json')
  await writeFile(tokenFile, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
  const module = rooms.createModule({ warn: () => undefined })
  const config = {
    base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: tokenFile, login_on_mount: false,
    transport, timeout: 0.25, first_event_timeout: 0.25, max_concurrency: parallel,
  }
  const host = rooms.createHost({ config: { providers: [{ module: module.id, config }] }, modules: { [module.id]: module }, warn: () => undefined })
  const pairs = { request: 0, response: 0 }
  host.coordinator.hooks.register('llm:request', () => { pairs.request++ })
  host.coordinator.hooks.register('llm:response', () => { pairs.response++ })
  await host.start()
  const provider = host.coordinator.get('providers', 'openai-chatgpt')
  const counts = { ok: 0, failed: 0, aborted: 0 }
  const walls = []
  const errors = {}
  let next = 0
  const runTurn = async (turn) => {
    const { refusal, abort, leave, ...faults } = pickFault(random)
    const text = `turn ${turn} ${'x'.repeat(Math.floor(random() * 200))}`
    const match = ({ body }) => JSON.stringify(body).includes(`ask ${turn}.`)
    if (refusal) twin.enqueue({ ...refusal, match })
    twin.enqueue({ text, match, ...faults })
    const controller = new AbortController()
    const stream = provider.stream(
      { messages: [{ role: 'user', content: `ask ${turn}.` }], conversation_id: `c${turn % 40}` }, { signal: controller.signal })
    const startedMs = performance.now()
    let seen = ''
    let ends = 0
    for await (const event of stream) {
      if (event.type === 'text.delta') {
        seen += event.text
        if (abort) controller.abort()
        if (leave) break
      }
      if (event.type === 'message.end' || event.type === 'error') ends++
    }
    const outcome = await stream.response().then((response) => ({ response }), (error) => ({ error }))
    walls.push(performance.now() - startedMs)
    if (!leave && ends !== 1) wrong.push(`${transport} turn ${turn}: ${ends} terminal events`)
    if (outcome.response) {
      const whole = outcome.response.content.map((block) => block.type === 'text' ? block.text : '').join('')
      if (whole !== text || (!leave && seen !== text)) wrong.push(`${transport} turn ${turn}: ${whole === text ? 'the stream' : 'the response'} says ${JSON.stringify(whole === text ? seen : whole)}, sent was ${JSON.stringify(text)} with ${JSON.stringify({ abort, leave, ...faults })}`)
      counts.ok++
    } else if (outcome.error.name === 'AbortError' && (abort || leave)) counts.aborted++
    else {
      counts.failed++
      errors[outcome.error.name] = (errors[outcome.error.name] ?? 0) + 1
      // A server that closes with 1009 says that the message was too large, whenever it says so.
      const tooLarge = faults.closeCode === 1009 && outcome.error.name === 'InvalidRequestError'
      if (!tooLarge && !['StreamError', 'NetworkError', 'ProviderUnavailableError', 'RateLimitError', 'LLMTimeoutError'].includes(outcome.error.name)) {
        wrong.push(`${transport} turn ${turn}: ${outcome.error.name} ${outcome.error.message} after ${JSON.stringify(faults)}`)
      }
      if (!text.startsWith(seen)) wrong.push(`${transport} turn ${turn}: the partial text is not the beginning of the text`)
    }
  }
  const share = transport === 'sse' ? Math.ceil(turns / 2) : Math.floor(turns / 2)
  await Promise.all(Array.from({ length: parallel }, async () => {
    while (next < share) await runTurn(next++)
  }))
  await host.close()
  // The far side learns of a closed socket a round of the loop later.
  const closedBy = performance.now() + 1_000
  while (Object.values(twin.openConnections()).some((count) => count > 0) && performance.now() < closedBy) await new Promise((resolve) => setImmediate(resolve))
  const openSockets = twin.openConnections()
  const running = twin.activity().running
  await twin.close()
  await rm(folder, { recursive: true, force: true })
  if (openSockets.http + openSockets.websocket + running > 0) wrong.push(`${transport}: sockets or turns are open at the twin after close`)
  if (pairs.request !== share || pairs.response !== share) wrong.push(`${transport}: ${pairs.request} llm:request and ${pairs.response} llm:response for ${share} turns`)
  rows.push(
    [`${transport}: turns`, `${share}: ${counts.ok} ok, ${counts.failed} typed errors, ${counts.aborted} aborted`],
    [`${transport}: errors`, Object.entries(errors).map(([name, count]) => `${name} ${count}`).join(', ') || 'none'],
    [`${transport}: p50 / p95 / max`, [0.5, 0.95, 1].map((part) => `${Math.round(percentile(walls, part))} ms`).join(' / ')],
    [`${transport}: at the twin after close`, `${openSockets.http} http, ${openSockets.websocket} websocket, ${running} running`],
  )
}

// Sockets are closed by the loop's next rounds; what is still there after them stays.
const deadline = performance.now() + 3_000
const left = () => Object.entries(countResources()).filter(([name, count]) => count > (before[name] ?? 0))
while (left().length > 0 && performance.now() < deadline) await new Promise((resolve) => setImmediate(resolve))
// Libraries that clean up after a crash listen once a process, never once a turn.
const listeners = Object.entries(countListeners()).filter(([name, count]) => count > (listenersBefore[name] ?? 0))
if (left().length > 0) wrong.push(`left open: ${left().map(([name, count]) => `${count} ${name}`).join(', ')}`)
if (listeners.some(([name, count]) => count > (listenersBefore[name] ?? 0) + 1)) wrong.push('listeners of the process grew')
rows.push(
  ['left open', left().map(([name, count]) => `${count} ${name}`).join(', ') || 'nothing'],
  ['new process listeners', listeners.map(([name, count]) => `${name} ${listenersBefore[name] ?? 0} → ${count}`).join(', ') || 'none'],
  ['wrong', String(wrong.length)],
)
table(rows)
for (const line of wrong.slice(0, 20)) console.log(line)
process.exitCode = wrong.length === 0 ? 0 : 1
