/** A backend that answers question N by the accidents of seed and N, over HTTP and WebSocket, and remembers what it did. */
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { WebSocketServer } from 'ws'
import { createRandom } from '../soak/seeded.mjs'
import { mutateEvents, mutateHeaders, mutateModels, mutateRefusal } from './mutate.mjs'

const ENDED = /"type":"response\.(?:completed|done|incomplete)"/
/** What ends an answer, well or badly: what stands behind it is not read any more. */
const LAST = new Set(['response.completed', 'response.done', 'response.incomplete', 'response.failed', 'response.cancelled', 'error'])
/** What says nothing of whether the backend runs the request. */
const ASIDE = new Set(['response.failed', 'response.metadata', 'error'])

/** @param options.tls certificate and key, for https and wss */
export async function startServer({ seed, tls, randomOf = (n, attempt) => createRandom(seed, `case ${n} ${attempt}`) }) {
  /** Question → what was done with each attempt at it. */
  const asked = new Map()
  let lists = 0
  let refreshes = 0
  const note = (n) => {
    const attempts = asked.get(n) ?? []
    asked.set(n, attempts)
    const attempt = { accepted: false, ended: false, refused: false }
    attempts.push(attempt)
    return { attempt, random: randomOf(n, attempts.length) }
  }
  const answer = (request, response) => {
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    if (request.method === 'GET') {
      const random = createRandom(seed, `list ${lists++}`)
      if (random.chance(0.1)) return void response.writeHead(500).end()
      return void response.writeHead(200, { 'content-type': 'application/json', ...mutateHeaders(random) }).end(mutateModels(random))
    }
    if (request.url.endsWith('/oauth/token')) {
      request.resume()
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ access_token: `access-${++refreshes}`, refresh_token: `rt-${refreshes}`, expires_in: 3600 }))
    }
    const pieces = []
    request.on('data', (piece) => pieces.push(piece))
    request.on('end', () => answerHttp(request, response, Buffer.concat(pieces).toString(), note))
  }
  const server = tls ? createTlsServer(tls, answer) : createServer(answer)
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: { zlibDeflateOptions: { level: 1, memLevel: 1 } } })
  sockets.on('headers', (headers) => headers.push('openai-model: gpt-5.5'))
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined)
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => undefined)
      ws.on('message', (data) => answerSocket(ws, socket, String(data), note))
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}`
  return {
    issuer: origin,
    codex: `${origin}/backend-api/codex`,
    api: `${origin}/v1`,
    asked,
    async close() {
      for (const ws of sockets.clients) ws.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Under TLS a connection only ends: Node has no reset for it. */
const reset = (socket) => void (socket.encrypted ? socket.destroy() : socket.resetAndDestroy())

const questionOf = (text) => /"Q(\d+)#/.exec(text)?.[1] ?? '0'

/** What an attempt came to with one more frame, as a reader of the protocol takes it. */
export function judge(attempt, text) {
  if (ENDED.test(text)) attempt.ended = true
  if (attempt.over) return
  const event = parse(text)
  const type = event?.type
  // A frame with no type of its own that holds an error is read as an error: seed 446236, question 225; seed 6, question 37.
  if (typeof type !== 'string') attempt.over = event === undefined || Boolean(event?.error)
  else {
    if (type.startsWith('response.') && !ASIDE.has(type)) attempt.accepted = true
    attempt.over = LAST.has(type)
  }
}

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function answerHttp(request, response, body, note) {
  const n = questionOf(body)
  const { attempt, random } = note(n)
  const way = random.weighted({ stream: 86, refuse: 6, reset: 2, silent: 0.3, odd_head: 3, no_stream: 2 })
  attempt.way = way
  if (way === 'reset') return void reset(request.socket)
  if (way === 'silent') return undefined
  if (way === 'refuse') {
    const { status, headers, body: text } = mutateRefusal(random)
    attempt.refused = true
    return void response.writeHead(status, { 'content-type': random.pick(['application/json', 'text/html', 'text/event-stream']), ...headers }).end(text)
  }
  if (way === 'odd_head') return void request.socket.end(random.pick(['HTTP/1.1 200\r\n\r\n', 'HTTP/9.9 200 OK\r\n\r\n', 'nonsense\r\n\r\n', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(200_000)}\r\n\r\n`, 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n', 'HTTP/1.1 204 No Content\r\n\r\n']))
  if (way === 'no_stream') return void response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"resp"}')
  const texts = mutateEvents(random, n)
  for (const text of texts) judge(attempt, text)
  const eol = random.pick(['\n', '\n', '\n', '\r\n', '\r'])
  let whole = random.chance(0.03) ? '\ufeff' : ''
  for (const text of texts) {
    if (random.chance(0.03)) whole += `: comment${eol}${eol}`
    if (random.chance(0.3)) whole += `event: ${random.pick(['message', 'x', 'response.completed'])}${eol}`
    whole += `data: ${text}${eol}${random.chance(0.01) ? '' : eol}`
  }
  if (random.chance(0.2)) whole += `data: [DONE]${eol}${eol}`
  let bytes = Buffer.from(whole)
  if (random.chance(0.04)) bytes = bytes.subarray(0, random.below(bytes.length))
  if (random.chance(0.02)) bytes[random.below(bytes.length)] = random.below(256)
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...mutateHeaders(random) })
  writePieces(random, bytes, (piece) => response.write(piece), () => {
    const end = random.weighted({ end: 96, reset: 3, stall: 0.5 })
    if (end === 'reset') reset(request.socket)
    if (end === 'end') response.end()
  })
}

function answerSocket(ws, socket, body, note) {
  const n = questionOf(body)
  const { attempt, random } = note(n)
  const texts = mutateEvents(random, n)
  const way = random.weighted({ stream: 92, reset: 2, close: 3, garbage: 2, silent: 0.3 })
  attempt.way = way
  if (way === 'reset') return void reset(socket)
  if (way === 'close') return void ws.close(random.pick([1000, 1001, 1008, 1011, 1012, 4000]))
  if (way === 'garbage') return void socket.write(Buffer.from(Array.from({ length: 1 + random.below(40) }, () => random.below(256))))
  if (way === 'silent') return undefined
  // A compressor for each frame cost more than all else: 6 of 16 seconds.
  const compress = random.chance(0.02)
  const until = random.chance(0.06) ? random.below(texts.length + 1) : texts.length
  // One write for all, mostly: a write for each frame is what an answer costs most.
  const together = random.chance(0.7)
  if (together) socket.cork()
  for (const text of texts.slice(0, until)) {
    judge(attempt, text)
    if (random.chance(0.01)) ws.ping()
    ws.send(text, { binary: random.chance(0.02), compress: compress && random.chance(0.5), fin: true })
  }
  // Behind its end: what belongs to nobody any more.
  if (until === texts.length && random.chance(0.05)) for (const text of texts.slice(-2)) ws.send(text)
  if (together) socket.uncork()
  if (until === texts.length) return
  if (random.chance(0.5)) reset(socket)
  else ws.close(1011)
}

function writePieces(random, bytes, write, done) {
  if (random.chance(0.8)) {
    write(bytes)
    return setImmediate(done)
  }
  let offset = 0
  const step = () => {
    if (offset >= bytes.length) return done()
    const size = 1 + random.below(300)
    write(bytes.subarray(offset, (offset += size)))
    setImmediate(step)
  }
  step()
}
