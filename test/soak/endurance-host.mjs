/**
 * One host program of the endurance run: three mounts and two endpoints on one sign-in, and agents that ask all of them,
 * leave, abort and read slowly. Tells its parent what every call came to. Its clock is stepped by the parent.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { measureHeap, watchLeftovers } from './leftovers.mjs'
import { createRandom } from './seeded.mjs'

const { rooms: bundle, seed, name, config, pauseMs, limitMs } = JSON.parse(process.argv[2])
const KEY = 'made-up-key-of-the-endurance-run'
/** What an error may be called: the contract's names. */
const TYPED = /^[A-Z]\w+Error$/

const rooms = await import(bundle)
const leftovers = watchLeftovers()
const random = createRandom(seed, name)
let skewMs = 0
let stopping = false
let asked = 0
const now = () => Date.now() + skewMs
const parts = { now, warn: () => undefined, delay: (ms, options) => rooms.delay(Math.min(ms, 200), options) }
const tell = (message) => process.send?.(message)

const mounts = await Promise.all(['sse', 'websocket', 'auto'].map((transport) => rooms.mountOnHost({ config: { ...config, transport }, parts })))
const http = await rooms.createHttpServer({ provider: mounts[2].provider, key: KEY, now })
const grpc = await rooms.createGrpcServer({ secret: KEY, config: { ...config, transport: 'sse' }, now })
const Service = (await rooms.loadServices()).ProviderService
const grpcClient = new Service(`127.0.0.1:${grpc.port}`, rooms.grpc.credentials.createInsecure())
const metadata = new rooms.grpc.Metadata()
metadata.set('x-amplifier-token', KEY)

const textOf = (content) => content.map((block) => (block.type === 'text' ? block.text : '')).join('')

/** Each answers the text that was heard, whole; throws an error by its name where the call failed. */
const DOORS = {
  sse: (text, way) => askMount(mounts[0].provider, text, way),
  websocket: (text, way) => askMount(mounts[1].provider, text, way),
  auto: (text, way) => askMount(mounts[2].provider, text, way),
  http: askHttp,
  grpc: askGrpc,
}

async function askMount(provider, text, { signal, leaveAt, slow, conversation }) {
  const stream = provider.stream({ messages: [{ role: 'user', content: text }], conversation_id: conversation }, { signal })
  let streamed = ''
  let events = 0
  let end
  for await (const event of stream) {
    if (event.seq !== events++) throw new Error(`event ${events} has the number ${event.seq}`)
    if (event.type === 'text.delta') streamed += event.text
    if (event.type === 'message.end' || event.type === 'error') {
      if (end) throw new Error(`a second end: ${event.type}`)
      end = event.type
    }
    if (slow && events % 7 === 0) await sleep(5)
    if (events === leaveAt) return undefined
  }
  const response = await stream.response()
  if (end !== 'message.end') throw new Error(`a response whose stream ended with ${end}`)
  const said = textOf(response.content)
  if (said !== streamed && response.degradation === undefined) throw new Error(`streamed ${JSON.stringify(streamed.slice(-60))}, answered ${JSON.stringify(said.slice(-60))}`)
  return said
}

async function askHttp(text, { signal, conversation }) {
  const reply = await fetch(`${http.baseUrl}/chat/completions`, {
    method: 'POST', signal, headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-5.5', stream: true, user: conversation, messages: [{ role: 'user', content: text }] }),
  })
  const body = await reply.text()
  if (reply.status !== 200) throw named(JSON.parse(body).error?.type ?? `status ${reply.status}`)
  const events = body.split('\n\n').filter((event) => event.startsWith('data: ')).map((event) => event.slice(6))
  const failure = events.find((event) => event !== '[DONE]' && JSON.parse(event).error)
  if (failure) throw named(JSON.parse(failure).error.type ?? 'an error event')
  if (events.at(-1) !== '[DONE]') throw new Error('the stream ended without [DONE] and without an error event')
  return events.slice(0, -1).map((event) => JSON.parse(event).choices?.[0]?.delta?.content ?? '').join('')
}

const named = (type) => Object.assign(new Error(type), { name: 'EndpointError' })

function askGrpc(text, { signal }) {
  return new Promise((resolve, reject) => {
    const call = grpcClient.Complete({ messages: [{ role: 2, text_content: text }], model: 'gpt-5.5' }, metadata, {}, (error, reply) => {
      if (error) reject(Object.assign(new Error(error.details), { name: 'EndpointError' }))
      else resolve(reply.content_blocks.map((block) => block.text_block?.text ?? '').join(''))
    })
    signal?.addEventListener('abort', () => call.cancel(), { once: true })
  })
}

async function turn(agent) {
  const door = random.pick(Object.keys(DOORS))
  const text = `${name}-${agent}-${++asked} ${random.words(20 + random.below(random.chance(0.05) ? 30_000 : 400))}`.trim()
  const aborting = random.chance(0.06) ? AbortSignal.timeout(random.below(300)) : undefined
  const way = { signal: aborting, leaveAt: random.chance(0.04) ? random.below(9) : undefined, slow: random.chance(0.05), conversation: `${name}-${agent}-${random.below(3)}` }
  const startedMs = performance.now()
  const late = new Promise((resolve) => setTimeout(resolve, limitMs, 'hung').unref())
  const outcome = await Promise.race([late, DOORS[door](text, way).then(
    (said) => (said === undefined ? 'left' : said === `You said: ${text}` ? 'ok' : `wrong: asked ${text.slice(0, 60)}, heard ${said.slice(0, 80)}`),
    (error) => {
      if (aborting?.aborted) return 'aborted'
      if (error.name === 'EndpointError') return `${door} error`
      return rooms.isLLMError(error) && TYPED.test(error.name) ? error.name : `wrong: ${error.stack}${error.cause ? `, because of ${error.cause.code ?? ''} ${error.cause.stack ?? error.cause}` : ''}`
    },
  )])
  const kind = outcome.startsWith('wrong') ? 'wrong' : outcome
  tell({ door, kind, ms: performance.now() - startedMs, ...(kind === 'wrong' || kind === 'hung' ? { words: `${door}: ${outcome} (${text.slice(0, 40)})` } : {}) })
}

async function agent(number) {
  while (!stopping) {
    await turn(number)
    await sleep(random.next() * 2 * pauseMs)
  }
}

process.on('uncaughtException', (error) => tell({ kind: 'wrong', words: `uncaught: ${error.stack}` }))
process.on('unhandledRejection', (error) => tell({ kind: 'wrong', words: `unhandled: ${error?.stack ?? error}` }))
process.on('disconnect', () => process.exit(1))
process.on('message', (message) => {
  if (message.stepMs !== undefined) skewMs = message.stepMs
  if (message.stop) stopping = true
})
const sampler = setInterval(() => void measureHeap().then((heap) => tell({ heap, resources: process.getActiveResourcesInfo().length })), 30_000)

tell({ ready: true })
await Promise.all(Array.from({ length: 9 }, (_, index) => agent(index)))
clearInterval(sampler)
grpcClient.close()
await grpc.close()
await http.close()
for (const mount of mounts) await mount.close()
process.removeAllListeners('message').removeAllListeners('disconnect').removeAllListeners('uncaughtException').removeAllListeners('unhandledRejection')
const left = await leftovers.read()
process.send?.({ left: [...left.resources, ...left.listeners] }, () => process.exit(0))
