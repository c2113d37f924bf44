/** Asks one question after the other of a backend that answers by accidents, over both transports, and holds each outcome against what must always be. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom } from '../soak/seeded.mjs'
import { findMarks, markOf } from './mutate.mjs'
import { startServer } from './server.mjs'

const TRANSPORTS = ['sse', 'websocket']
const IDLE_SECONDS = 2
/** A call that has not ended by then hangs; its own limit is a third of it. */
const HUNG_MS = 30_000
const ACCESS = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYWRlLXVwIn0.c2ln'

/**
 * @param rooms `mountOnHost`, `isLLMError` and `delay` of the sources or of a build
 * @param options.more whether another question is to be asked, given how many there were
 */
export async function fuzzStreams(rooms, { seed, more, only, concurrency = 128 }) {
  const wrong = []
  const outcomes = {}
  const pairs = { request: 0, response: 0 }
  const escaped = (error) => void wrong.push(`escaped every promise: ${error?.stack ?? error}`)
  process.on('uncaughtException', escaped)
  process.on('unhandledRejection', escaped)
  const server = await startServer({ seed })
  const folder = await mkdtemp(join(tmpdir(), 'fuzz-'))
  const token = join(folder, 'token.json')
  await writeFile(token, JSON.stringify({ auth_mode: 'oauth', access_token: ACCESS, refresh_token: 'rt-made-up', account_id: 'acc', expires_at: '2099-01-01T00:00:00' }), { mode: 0o600 })
  const random = createRandom(seed, 'clock')
  let skewMs = 0
  const parts = { now: () => Date.now() + skewMs, warn: () => undefined, delay: (ms, options) => rooms.delay(Math.min(ms, 5), options) }
  const config = { base_url: server.url, issuer: server.issuer, token_file_path: token, login_on_mount: false, timeout: IDLE_SECONDS, first_event_timeout: IDLE_SECONDS, total_timeout: HUNG_MS / 3000, max_retries: 2, max_continuations: 1, models_cache_ttl: 2, max_concurrency: concurrency }
  const mounts = await Promise.all(TRANSPORTS.map((transport) => rooms.mountOnHost({
    config: { ...config, transport }, parts,
    prepare({ hooks }) {
      hooks.register('llm:request', () => { pairs.request++ })
      hooks.register('llm:response', () => { pairs.response++ })
    },
  })))
  let asked = 0
  const worker = async () => {
    while (only === undefined ? more(asked) : asked < 1) {
      const n = only ?? asked
      asked++
      if (random.chance(0.01)) skewMs = Math.round((random.next() * 2 - 1) * 86_400_000)
      const transport = n % TRANSPORTS.length
      const complain = (text) => void wrong.push(`--seed ${seed} --only ${n} (${TRANSPORTS[transport]}): ${text}`)
      const kind = await askOnce(rooms, mounts[transport].provider, n, complain)
      outcomes[kind] = (outcomes[kind] ?? 0) + 1
      judgeAttempts(server.asked.get(String(n)) ?? [], kind, complain)
      server.asked.delete(String(n))
    }
  }
  await Promise.all(Array.from({ length: only === undefined ? concurrency : 1 }, worker))
  for (const mount of mounts) await mount.close()
  await server.close()
  await rm(folder, { recursive: true, force: true })
  if (pairs.request !== pairs.response) wrong.push(`${pairs.request} llm:request and ${pairs.response} llm:response`)
  await new Promise((resolve) => setImmediate(resolve))
  process.off('uncaughtException', escaped)
  process.off('unhandledRejection', escaped)
  return { asked, outcomes, wrong }
}

async function askOnce(rooms, provider, n, complain) {
  const stream = provider.stream({ messages: [{ role: 'user', content: `Q${n}# what?` }], tools: [{ name: 'read_file', parameters: { type: 'object' } }], conversation_id: `c${n % 100}` })
  const events = []
  const late = new Promise((resolve) => setTimeout(resolve, HUNG_MS, 'hung').unref())
  const outcome = await Promise.race([late, (async () => {
    for await (const event of stream) events.push(event)
    return stream.response().then((response) => ({ response }), (error) => ({ error }))
  })()]).catch((error) => ({ error, threw: true }))
  if (outcome === 'hung') {
    complain('hung')
    return 'hung'
  }
  if (outcome.threw) complain(`the stream itself threw ${outcome.error?.stack}`)
  checkEvents(events, outcome, complain)
  if (outcome.error) {
    if (!rooms.isLLMError(outcome.error) || outcome.error.name === 'LLMError') complain(`an untyped error: ${outcome.error?.stack}`)
    checkMarks(outcome.error.partial, n, complain)
    return outcome.error.code ? `${outcome.error.name} ${outcome.error.code}` : outcome.error.name
  }
  checkMarks(outcome.response, n, complain)
  checkMarks(events, n, complain)
  checkAgreement(events, outcome.response, complain)
  return outcome.response.degradation ? 'ok, degraded' : 'ok'
}

function checkEvents(events, outcome, complain) {
  if (events.some((event, index) => event.seq !== index)) complain('the events are not numbered without gaps')
  const ends = events.filter(({ type }) => type === 'message.end' || type === 'error').map(({ type }) => type)
  const expected = outcome.response ? 'message.end' : 'error'
  if (ends.length !== 1 || ends[0] !== expected || events.at(-1)?.type !== expected) complain(`ends ${ends.join(', ') || 'nowhere'}, expected one ${expected}`)
}

/** Whatever is said belongs to this question. */
function checkMarks(value, n, complain) {
  let text
  try {
    text = JSON.stringify(value) ?? ''
  } catch (error) {
    return complain(`what was answered has no JSON form: ${error}`)
  }
  for (const mark of findMarks(text)) if (mark !== markOf(n)) return complain(`heard ${mark}, which belongs to another answer`)
}

function checkAgreement(events, response, complain) {
  if (response.degradation) return
  const streamed = events.map((event) => (event.type === 'text.delta' ? event.text : '')).join('')
  const said = response.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  // A place in the output that an accident has changed puts the blocks in another order.
  if (streamed !== said && [...streamed].sort().join('') !== [...said].sort().join('')) complain(`streamed ${JSON.stringify(streamed.slice(-80))}, answered ${JSON.stringify(said.slice(-80))}`)
  const ended = events.filter(({ type }) => type === 'tool_call.end').map(({ id, name, arguments: input }) => JSON.stringify([id, name, input])).sort()
  const called = response.content.filter(({ type }) => type === 'tool_call').map(({ id, name, input }) => JSON.stringify([id, name, input])).sort()
  if (ended.join() !== called.join()) complain(`streamed the calls ${ended.join()}, answered ${called.join()}`)
}

function judgeAttempts(attempts, kind, complain) {
  const ran = attempts.findIndex(({ accepted }) => accepted)
  // A continuation is another request of the same call, and only a whole part is continued.
  if (ran !== -1 && ran < attempts.length - 1 && !attempts[ran].ended) complain(`sent ${attempts.length} times, although attempt ${ran + 1} had been accepted`)
  if (kind.startsWith('ok') && !attempts.some(({ ended }) => ended)) complain('succeeded without a terminal event')
}
