/** Generated answers through the whole provider: a server of its own, real sockets, and what stream, hooks and response said held against each other. */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocketServer } from 'ws'
import { makeAnswer, summarize, summarizeResponse } from './generate-answers.mjs'
import { createRandom } from './seeded.mjs'

const MODEL = { slug: 'gpt-5.5', display_name: 'x', supported_in_api: true, visibility: 'list', priority: 1, context_window: 272_000, supported_reasoning_levels: [], default_reasoning_level: 'medium' }
const HOOKS = ['llm:request', 'llm:response', 'llm:stream_block_start', 'llm:stream_block_delta', 'llm:stream_block_end', 'llm:stream_aborted']
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Which answer a request asks for: the last user message says its number. */
const numberOf = (body) => Number(/answer (\d+)/.exec(JSON.stringify(body.input?.at(-1)))?.[1])

/** The bytes of an answer, cut into writes anywhere. */
function* cutIntoWrites(bytes, random) {
  for (let from = 0; from < bytes.length;) {
    const size = 1 + random.below(random.below(4) === 0 ? 16 : 4096)
    yield bytes.subarray(from, from + size)
    from += size
  }
}

/** Serves answers of `seed` over SSE and WebSocket; one without a terminal event ends with its connection. */
async function startServer(seed) {
  const server = createServer((request, response) => {
    const pieces = []
    request.on('data', (piece) => pieces.push(piece)).on('end', () => {
      if (!request.url.endsWith('/responses')) return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ models: [MODEL] }))
      const number = numberOf(JSON.parse(Buffer.concat(pieces)))
      const bytes = Buffer.from(makeAnswer(seed, number).map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''))
      response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': `req_${number}` })
      for (const piece of cutIntoWrites(bytes, createRandom(seed, `writes ${number}`))) response.write(piece)
      response.end()
    })
  })
  const sockets = new WebSocketServer({ server, perMessageDeflate: false })
  sockets.on('connection', (socket) => {
    socket.on('message', (data) => {
      const events = makeAnswer(seed, numberOf(JSON.parse(data)))
      for (const event of events) socket.send(JSON.stringify(event))
      if (!events.some(({ type }) => /^(?:error|response\.(?:completed|incomplete|failed))$/.test(type))) socket.close(1011)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The module on a host of its own, with a handler on every event of a call. */
async function mountOn({ createModule, createHost }, origin, transport) {
  const folder = await mkdtemp(join(tmpdir(), 'soak-answers-'))
  const token = `${encode({ alg: 'none' })}.${encode({ exp: 4_102_444_800, 'https://api.openai.com/auth': { chatgpt_account_id: `acct_${transport}` } })}.c2ln`
  const path = join(folder, 'token.json')
  await writeFile(path, JSON.stringify({ auth_mode: 'oauth', access_token: token, refresh_token: 'rt_made_up', id_token: null, account_id: `acct_${transport}`, expires_at: '2100-01-01T00:00:00Z' }), { mode: 0o600 })
  const module = createModule({ warn() {} })
  const config = { token_file_path: path, base_url: origin, issuer: origin, transport, max_retries: 0, max_continuations: 0, login_on_mount: false, models_cache_ttl: 36_000, concurrency_scope: 'process', usage_totals: false }
  const host = createHost({ config: { providers: [{ module: module.id, config }] }, modules: { [module.id]: module }, warn() {} })
  const pairs = { request: 0, response: 0 }
  const blocks = []
  for (const name of HOOKS) host.coordinator.hooks.register(name, (_name, data) => {
    if (name === 'llm:request') pairs.request++
    else if (name === 'llm:response') pairs.response++
    else blocks.push({ name, ...data })
  })
  await host.start()
  return {
    provider: host.coordinator.get('providers', 'openai-chatgpt'), pairs, blocks,
    async close() {
      await host.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Differences between what one call's stream, hooks and response said, in words. */
function compare({ events, outcome, hooks }) {
  const found = []
  const say = (what, one, other) => {
    if (JSON.stringify(one) !== JSON.stringify(other)) found.push(`${what}: ${JSON.stringify(one)} against ${JSON.stringify(other)}`)
  }
  say('numbers', events.map(({ seq }) => seq), events.map((_event, index) => index))
  const ends = events.filter(({ type }) => type === 'message.end' || type === 'error')
  say('ends of the stream', ends.map(({ type }) => type), [outcome.error ? 'error' : 'message.end'])
  if (outcome.error) say('error', ends[0]?.error?.message, outcome.error.message)
  const response = outcome.response ?? outcome.error?.partial
  const degradation = ends[0]?.degradations?.[0]?.reason ?? response?.degradation?.reason ?? ''
  const texts = new Map()
  for (const { name, block_type: kind, block_index: index, text } of hooks) {
    if (name === 'llm:stream_block_delta' && kind === 'text') texts.set(index, (texts.get(index) ?? '') + text)
  }
  const streamed = summarize({
    texts: [...texts.values()],
    calls: events.flatMap((event) => (event.type === 'tool_call.end' ? [{ id: event.id, name: event.name, arguments: event.arguments }] : [])),
    hosted: events.flatMap((event) => (event.type === 'hosted.end' && event.item ? [event.item] : [])),
  })
  const answered = summarizeResponse(response)
  say('text of stream and hooks', events.flatMap((event) => (event.type === 'text.delta' ? [event.text] : [])), hooks.flatMap((hook) => (hook.name === 'llm:stream_block_delta' && hook.block_type === 'text' ? [hook.text] : [])))
  // Shown text can't be taken back: where the server then reports another one done, the response says so.
  const differs = /is not what the server reported done/.test(degradation) || outcome.error
  if (!differs) say('texts', streamed.texts, answered.texts)
  if (!outcome.error) say('hosted items', streamed.hosted, answered.hosted)
  if (outcome.error) for (const call of answered.calls) if (!streamed.calls.includes(call)) found.push(`a call of the partial answer was never streamed: ${call}`)
  if (!outcome.error) say('calls', streamed.calls, answered.calls)
  return found
}

/**
 * Plays `count` answers of `seed` over one transport, one after the other.
 * @param parts createModule and createHost, built or from the sources
 * @returns the differences, each with the answer's number
 */
export async function playAnswers(parts, { seed, count, transport, from = 0 }) {
  const server = await startServer(seed)
  const mounted = await mountOn(parts, server.origin, transport)
  const differences = []
  for (let number = from; number < from + count; number++) {
    const stream = mounted.provider.stream({ messages: [{ role: 'user', content: `answer ${number}` }], conversation_id: 'c' })
    const events = []
    for await (const event of stream) events.push(event)
    const outcome = await stream.response().then((response) => ({ response }), (error) => ({ error }))
    const hooks = mounted.blocks.splice(0)
    for (const words of compare({ events, outcome, hooks })) differences.push(`${transport} answer ${number} (seed ${seed}): ${words}`)
  }
  if (mounted.pairs.request !== count || mounted.pairs.response !== count) differences.push(`${transport}: ${count} calls, ${JSON.stringify(mounted.pairs)}`)
  await mounted.close()
  await server.close()
  return differences
}
