/** The ways in which a question reaches the backend. Each is a mount of its own on an account of its own, and answers what became of a question. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateText, streamText } from 'ai'
import { checkAgreement, checkEvents, checkMarks } from './judge.mjs'

const KEY = 'made-up-key-of-the-fuzz-run'
/** A JWT in form, with nothing in it. */
const ACCESS = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYWRlLXVwIn0.c2ln'
const QUESTION = (n) => `Q${n}# what?`
const TOOL = { name: 'read_file', parameters: { type: 'object' } }

/**
 * A door by its kind. `ask` answers a short word for what a question came to, beginning with `ok` where it succeeded,
 * and tells `complain` whatever must never be.
 */
export const DOORS = {
  sse: (rooms, terms) => openMount(rooms, terms, { transport: 'sse' }),
  websocket: (rooms, terms) => openMount(rooms, terms, { transport: 'websocket' }),
  plan: (rooms, terms) => openMount(rooms, terms, { transport: 'auto', lane: 'plan' }),
  api_key: (rooms, terms) => openMount(rooms, terms, { transport: 'auto', lane: 'api_key' }),
  ai_sdk: openAiSdk,
  chat: (rooms, terms) => openEndpoint(rooms, terms, CHAT),
  responses: (rooms, terms) => openEndpoint(rooms, terms, RESPONSES),
  messages: (rooms, terms) => openEndpoint(rooms, terms, MESSAGES),
  grpc: openGrpc,
}

/** The config of a mount with a sign-in of its own. */
async function signIn({ config, folder, name, urls }, { lane = 'codex', ...own }) {
  // A folder each: mounts whose token files lie side by side share a file of state, and its lock.
  const place = join(folder, name)
  await mkdir(place)
  const token = join(place, 'token.json')
  const base_url = lane === 'codex' ? urls.codex : urls.api
  const expires_at = '2099-01-01T00:00:00'
  if (lane === 'codex') await writeFile(token, JSON.stringify({ auth_mode: 'oauth', access_token: ACCESS, refresh_token: 'rt-made-up', account_id: name, expires_at }), { mode: 0o600 })
  if (lane === 'plan') await writeFile(token, JSON.stringify({ lane, access_token: ACCESS, refresh_token: 'rt-made-up', client_id: 'oaiapp_made_up', scopes: ['openid', 'chatgpt.tokens.use.direct'], account_id: name, subject: name, expires_at: 4_070_908_800, issuer: urls.issuer, base_url: new URL(urls.api).origin }), { mode: 0o600 })
  return { ...config, ...own, lane, base_url, issuer: urls.issuer, token_file_path: token, ...(lane === 'api_key' ? { api_key: `sk-made-up-${name}-000000000000` } : {}) }
}

async function mount(rooms, terms, own) {
  return rooms.mountOnHost({
    config: await signIn(terms, own), parts: terms.parts,
    prepare({ hooks }) {
      hooks.register('llm:request', () => { terms.pairs.request++ })
      hooks.register('llm:response', () => { terms.pairs.response++ })
    },
  })
}

const wordOf = (error) => (error.code ? `${error.name} ${error.code}` : error.name)

async function openMount(rooms, terms, own) {
  const mounted = await mount(rooms, terms, own)
  return {
    close: () => mounted.close(),
    async ask(n, complain) {
      const stream = mounted.provider.stream({ messages: [{ role: 'user', content: QUESTION(n) }], tools: [TOOL], conversation_id: `c${n % 40}` })
      const events = []
      const outcome = await (async () => {
        for await (const event of stream) events.push(event)
        return stream.response().then((response) => ({ response }), (error) => ({ error }))
      })().catch((error) => ({ error, threw: true }))
      if (outcome.threw) complain(`the stream itself threw ${outcome.error?.stack}`)
      checkEvents(events, outcome, complain)
      checkMarks(events, n, complain)
      if (outcome.error) {
        if (!rooms.isLLMError(outcome.error) || outcome.error.name === 'LLMError') complain(`an untyped error: ${outcome.error?.stack}`)
        checkMarks(outcome.error.partial, n, complain)
        return wordOf(outcome.error)
      }
      checkMarks(outcome.response, n, complain)
      checkAgreement(events, outcome.response, complain)
      return outcome.response.degradation ? 'ok, degraded' : 'ok'
    },
  }
}

async function openAiSdk(rooms, terms) {
  const chatgpt = rooms.createChatGPT({ config: await signIn(terms, { transport: 'auto' }), now: terms.parts.now, warn: () => undefined })
  const model = chatgpt('gpt-5.5')
  const run = async (n) => {
    if (n % 16 < 8) return (await generateText({ model, prompt: QUESTION(n), maxRetries: 1 })).text
    let failure
    const { textStream } = streamText({ model, prompt: QUESTION(n), maxRetries: 1, onError: ({ error }) => { failure = error } })
    let text = ''
    for await (const piece of textStream) text += piece
    if (failure) throw failure
    return text
  }
  return {
    close: () => chatgpt.close(),
    ask: (n, complain) => run(n).then(
      (text) => {
        checkMarks(text, n, complain)
        return 'ok'
      },
      (error) => {
        const last = error.lastError ?? error
        const own = rooms.isLLMError(last) ? last : last.cause
        if (!rooms.isLLMError(own) && !/^AI_NoOutput|^AI_NoContent/.test(last.name)) complain(`an untyped error: ${error?.stack}`)
        return last.name
      }),
  }
}

/** What says that nobody foresaw the failure: UNKNOWN and INTERNAL. */
const UNTYPED = new Set([2, 13])

async function openGrpc(rooms, terms) {
  const server = await rooms.createGrpcServer({ secret: KEY, config: await signIn(terms, { transport: 'auto' }) })
  const { ProviderService } = await rooms.loadServices()
  const client = new ProviderService(server.address, rooms.grpc.credentials.createInsecure())
  const metadata = new rooms.grpc.Metadata()
  metadata.set('x-amplifier-token', KEY)
  const textOf = ({ content_blocks: blocks }) => blocks.map((block) => block.text_block?.text ?? '').join('')
  const request = (n) => ({ messages: [{ role: 2, text_content: QUESTION(n) }], model: 'gpt-5.5', tools: [{ name: TOOL.name, parameters_json: JSON.stringify(TOOL.parameters) }] })
  const whole = (n) => new Promise((resolve) => client.Complete(request(n), metadata, {}, (error, reply) => resolve({ error, replies: reply ? [reply] : [] })))
  const streamed = (n) => new Promise((resolve) => {
    const replies = []
    client.CompleteStreaming(request(n), metadata).on('data', (reply) => replies.push(reply)).on('error', (error) => resolve({ error, replies })).on('end', () => resolve({ replies }))
  })
  return {
    async ask(n, complain) {
      const { error, replies } = await (n % 18 < 9 ? streamed(n) : whole(n))
      checkMarks(replies, n, complain)
      if (error) {
        if (UNTYPED.has(error.code)) complain(`an untyped status: ${error.details}`)
        return `grpc ${error.code}`
      }
      const last = replies.at(-1)
      if (!last || last.finish_reason === '') complain(`ended well without a whole answer: ${JSON.stringify(last)?.slice(0, 200)}`)
      else if (replies.length > 1 && !last.degradation) {
        const told = replies.slice(0, -1).map(textOf).join('')
        if ([...told].sort().join('') !== [...textOf(last)].sort().join('')) complain(`streamed ${JSON.stringify(told.slice(-80))}, answered ${JSON.stringify(textOf(last).slice(-80))}`)
      }
      return 'ok'
    },
    async close() {
      client.close()
      await server.close()
    },
  }
}

const tools = [{ type: 'function', function: TOOL }]
/** How each endpoint is asked, and how its streams end: well, or by an error event. */
const CHAT = {
  path: '/chat/completions',
  body: (n) => ({ model: 'gpt-5.5', messages: [{ role: 'user', content: QUESTION(n) }], tools }),
  failure: (events) => events.find((event) => event?.error),
  ended: (events) => events.at(-1) === undefined,
}
const RESPONSES = {
  path: '/responses',
  body: (n) => ({ model: 'gpt-5.5', input: QUESTION(n), tools: [{ type: 'function', ...TOOL }] }),
  failure: (events) => events.find((event) => event?.type === 'response.failed' || event?.type === 'error'),
  ended: (events) => events.some((event) => event?.type === 'response.completed' || event?.type === 'response.incomplete'),
}
const MESSAGES = {
  path: '/messages',
  body: (n) => ({ model: 'gpt-5.5', max_tokens: 100, messages: [{ role: 'user', content: QUESTION(n) }], tools: [{ name: TOOL.name, input_schema: TOOL.parameters }] }),
  failure: (events) => events.find((event) => event?.type === 'error'),
  ended: (events) => events.at(-1)?.type === 'message_stop',
}

async function openEndpoint(rooms, terms, dialect) {
  const mounted = await mount(rooms, terms, { transport: 'auto' })
  const server = await rooms.createHttpServer({ provider: mounted.provider, key: KEY, now: terms.parts.now })
  const ask = async (n, complain) => {
    const stream = n % 16 < 8
    const reply = await fetch(`${server.baseUrl}${dialect.path}`, {
      method: 'POST', headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }, body: JSON.stringify({ ...dialect.body(n), stream }),
    })
    const text = await reply.text()
    checkMarks(text, n, complain)
    if (!stream || reply.status !== 200) {
      const body = JSON.parse(text)
      if (reply.status === 200) return body.status === 'failed' ? 'response failed' : 'ok'
      if (typeof body.error?.type !== 'string') complain(`status ${reply.status} without a typed error: ${text.slice(0, 200)}`)
      return `${reply.status} ${body.error?.code ?? body.error?.type}`
    }
    const events = text.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice('data: '.length)).map((data) => (data === '[DONE]' ? undefined : JSON.parse(data)))
    if (dialect.path === '/responses' && events.at(-1) === undefined) events.pop()
    const failure = dialect.failure(events)
    if (failure) {
      const error = failure.error ?? failure.response?.error
      if (!error || typeof (error.code ?? error.type) !== 'string') complain(`an error event that names no error: ${JSON.stringify(failure).slice(0, 300)}`)
      return `event ${error?.code ?? error?.type}`
    }
    if (!dialect.ended(events)) complain(`a stream that ends neither well nor by an error: ${text.slice(-200)}`)
    return 'ok'
  }
  return {
    ask: (n, complain) => ask(n, complain).catch((error) => {
      complain(`the request itself failed: ${error.stack}, because of ${error.cause?.stack ?? error.cause}`)
      return 'failed'
    }),
    async close() {
      await server.close()
      await mounted.close()
    },
  }
}
