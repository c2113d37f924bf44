/**
 * As many conversations at once over WebSocket as are told, each on a connection of its own: what stays open once they are
 * answered, which of them, and what a connection costs.
 *
 *   node --expose-gc test/soak/many-connections.mjs [--connections 1000]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocketServer } from 'ws'
import { loadRooms } from '../fuzz/load-rooms.mjs'
import { option, percentile, table } from './auth-support.mjs'
import { measureHeap } from './leftovers.mjs'

/** What the pool keeps. */
const MOST_IDLE = 32
const count = option('connections', 1000)
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Answers each question when `together` of them have come. */
async function startServer() {
  const waiting = []
  const seen = { upgrades: 0, most: 0, together: 1, asked: 0 }
  const server = createServer((_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({
    models: [{ slug: 'gpt-5.5', visibility: 'list', supported_in_api: true, priority: 1, context_window: 272_000 }],
  })))
  const sockets = new WebSocketServer({ server, perMessageDeflate: false })
  sockets.on('connection', (socket) => {
    seen.upgrades++
    seen.most = Math.max(seen.most, sockets.clients.size)
    socket.on('error', () => undefined)
    socket.on('message', (data) => {
      const text = /"(Q\d+)"/.exec(String(data))?.[1]
      const id = `resp_${++seen.asked}`
      waiting.push(() => {
        const item = { type: 'message', id: `msg_${id}`, role: 'assistant', content: [{ type: 'output_text', text: `You said: ${text}`, annotations: [] }] }
        for (const event of [
          { type: 'response.created', response: { id, status: 'in_progress' } },
          { type: 'response.output_item.done', output_index: 0, item },
          { type: 'response.completed', response: { id, status: 'completed', output: [], usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 } } },
        ]) socket.send(JSON.stringify(event))
      })
      if (waiting.length >= seen.together) for (const answer of waiting.splice(0)) answer()
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${server.address().port}`, seen, open: () => sockets.clients.size,
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const rooms = await loadRooms()
const server = await startServer()
const folder = await mkdtemp(join(tmpdir(), 'many-connections-'))
const token = join(folder, 'token.json')
await writeFile(token, JSON.stringify({
  auth_mode: 'oauth', access_token: `${encode({ alg: 'none' })}.${encode({ sub: 'made-up' })}.c2ln`, refresh_token: 'rt-made-up', account_id: 'made-up', expires_at: '2099-01-01T00:00:00',
}), { mode: 0o600 })
const mounted = await rooms.mountOnHost({
  config: { base_url: `${server.origin}/backend-api/codex`, issuer: server.origin, token_file_path: token, transport: 'websocket', max_concurrency: count, concurrency_scope: 'process', max_retries: 0, login_on_mount: false },
  parts: { warn: () => undefined },
})
const wrong = []
const walls = []
/** in the order in which their connections were given back */
const finished = []
const ask = async (n) => {
  const startedMs = performance.now()
  const { content } = await mounted.provider.complete({ messages: [{ role: 'user', content: `Q${n}` }], model: 'gpt-5.5', conversation_id: `c${n}` })
  walls.push(performance.now() - startedMs)
  finished.push(n)
  if (content[0]?.text !== `You said: Q${n}`) wrong.push(`Q${n} heard ${JSON.stringify(content)}`)
}
const settled = async (done) => {
  for (const untilMs = performance.now() + 10_000; !done() && performance.now() < untilMs;) await new Promise((resolve) => setTimeout(resolve, 10))
}
const numbers = Array.from({ length: count }, (_, index) => index + 1)

await ask(0)
const bare = await measureHeap()
const cpu = process.cpuUsage()
server.seen.together = count
const asked = numbers.map(ask)
await settled(() => server.open() > count)
await Promise.all(asked)
const { user, system } = process.cpuUsage(cpu)
const first = [...walls].slice(1)
await settled(() => server.open() <= MOST_IDLE)
const idle = server.open()
const after = await measureHeap()
if (idle !== Math.min(MOST_IDLE, count + 1)) wrong.push(`${idle} idle connections are open, ${MOST_IDLE} should be`)
server.seen.together = 1
const before = server.seen.upgrades
const [oldest] = finished.filter((n) => n > 0)
for (const n of finished.slice(-MOST_IDLE).reverse()) await ask(n)
const reused = Math.min(MOST_IDLE, count) - (server.seen.upgrades - before)
if (reused !== Math.min(MOST_IDLE, count)) wrong.push(`${reused} of the most recently used conversations found their connection`)
await ask(oldest)
if (count > MOST_IDLE && server.seen.upgrades !== before + 1) wrong.push('the least recently used conversation found a connection')
await mounted.close()
await settled(() => server.open() === 0)
if (server.open() > 0) wrong.push(`${server.open()} connections are open after the end`)
await server.close()
await rm(folder, { recursive: true, force: true })

table([
  ['connections at once', String(server.seen.most)],
  ['CPU of all until answered, both ends, ms', ((user + system) / 1000).toFixed(0)],
  ['p50 / p95 / max of a call, ms', [0.5, 0.95, 1].map((share) => percentile(first, share).toFixed(0)).join(' / ')],
  ['idle afterwards', String(idle)],
  ['of the newest, reused', String(reused)],
  ['heap, MB, before and with the idle ones', `${(bare / 1048576).toFixed(1)}, ${(after / 1048576).toFixed(1)}`],
  ['wrong', String(wrong.length)],
])
for (const line of wrong) console.log(line)
process.exitCode = wrong.length === 0 ? 0 : 1
