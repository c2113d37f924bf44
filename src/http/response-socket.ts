import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { AbortError } from '../contract/index.js'
import { isRecord, parseJson, readString } from '../lib/index.js'
import { answerPings } from './answer-pings.js'
import { openWriter, readTurn, runTurn } from './answer-responses.js'
import { readClientNames } from './client-names.js'
import type { ClientNames, EndpointTimes, Exchange } from './endpoint.js'
import { HttpFailure, badRequest, toHttpFailure } from './http-failure.js'
import type { HttpKey } from './key-ring.js'
import { explainFailure } from './model-names.js'
import { servePlainly } from './plain-upgrade.js'
import { createRequestId } from './serving.js'
import { MAX_BODY_BYTES } from './read-body.js'
import type { ResponseRecord } from './response-record.js'

export interface ResponseSocketParts {
  /** @throws HttpFailure for who may not come in */
  admit(request: IncomingMessage): HttpKey
  /** whether the key that it was admitted by still stands */
  holdsKey(request: IncomingMessage): boolean
  /** whether an earlier request of its connection is still being answered */
  isBusy(request: IncomingMessage): boolean
  /** A turn begins; `end` is called once when it is over. */
  open(key: HttpKey, gone: AbortSignal): { exchange: Exchange; end(about: { method: string; path: string; status: number }): void }
  times: EndpointTimes
}

export interface ResponseSockets {
  /** No further turns: each connection ends when its turn has. */
  drain(): void
  close(): void
}

/** Frames that wait for their turn. */
const MAX_WAITING = 16

/** WebSockets on `/v1/responses`: one turn at a time, its history beside what the store keeps. */
export function openResponseSockets(server: Server, parts: ResponseSocketParts): ResponseSockets {
  const accept = new WebSocketServer({ noServer: true, maxPayload: MAX_BODY_BYTES, perMessageDeflate: false, autoPong: false })
  accept.on('headers', (headers) => headers.push(`x-request-id: ${createRequestId()}`))
  const open = new Set<Session>()
  let draining = false
  server.on('upgrade', (request, socket, head) => {
    if (!/^websocket$/i.test(request.headers.upgrade ?? '')) {
      if (parts.isBusy(request)) socket.destroy()
      else servePlainly(server, request, socket, head)
      return
    }
    try {
      if ((request.url ?? '').split('?')[0] !== '/v1/responses') throw new HttpFailure(404, 'WebSockets are served on /v1/responses.', { type: 'not_found_error', code: 'not_found' })
      const key = parts.admit(request)
      accept.handleUpgrade(request, socket, head, (webSocket) => {
        const session = serveSocket(webSocket, { request, key }, parts)
        open.add(session)
        webSocket.on('close', () => open.delete(session))
        if (draining) session.drain()
      })
    } catch (error) {
      refuseUpgrade(socket, toHttpFailure(error))
    }
  })
  return {
    drain() {
      draining = true
      for (const session of open) session.drain()
    },
    close() {
      for (const session of open) session.socket.terminate()
      accept.close()
    },
  }
}

function refuseUpgrade(socket: Duplex, failure: HttpFailure): void {
  const text = JSON.stringify(failure.body())
  socket.end(`HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status] ?? ''}\r\nx-request-id: ${createRequestId()}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`)
}

interface Session {
  socket: WebSocket
  drain(): void
}

interface SessionState {
  readonly socket: WebSocket
  /** that asked for the WebSocket */
  readonly request: IncomingMessage
  readonly key: HttpKey
  readonly client: ClientNames
  readonly parts: ResponseSocketParts
  readonly gone: AbortController
  /** the latest response alone, whatever its `store` says */
  readonly latest: Map<string, ResponseRecord>
  readonly waiting: string[]
  busy: boolean
  draining: boolean
}

function serveSocket(socket: WebSocket, { request, key }: { request: IncomingMessage; key: HttpKey }, parts: ResponseSocketParts): Session {
  const state: SessionState = { socket, request, key, client: readClientNames(request), parts, gone: new AbortController(), latest: new Map(), waiting: [], busy: false, draining: false }
  const ofAge = setTimeout(() => {
    send(state, envelope(new HttpFailure(400, 'This WebSocket has reached its age limit: connect anew and continue there.', { type: 'invalid_request_error', code: 'websocket_connection_limit_reached' })))
    drain(state)
  }, parts.times.socketLifeMs)
  const alive = setInterval(() => socket.ping(), parts.times.keepAliveMs)
  answerPings(socket)
  socket.on('message', (data, isBinary) => {
    if (isBinary) return send(state, envelope(badRequest('binary frames are not taken')))
    if (state.waiting.length >= MAX_WAITING) return send(state, envelope(new HttpFailure(429, `More than ${MAX_WAITING} frames wait for their turn.`, { type: 'rate_limit_error', code: 'too_many_frames' })))
    state.waiting.push(Buffer.isBuffer(data) ? data.toString('utf8') : Buffer.from(data as ArrayBuffer).toString('utf8'))
    void runWaiting(state)
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    clearTimeout(ofAge)
    clearInterval(alive)
    state.gone.abort(new AbortError('The client has gone.'))
    state.latest.clear()
  })
  return { socket, drain: () => drain(state) }
}

function drain(state: SessionState): void {
  state.draining = true
  state.waiting.length = 0
  if (!state.busy) state.socket.close(1001, 'the server is ending')
}

function send({ socket }: SessionState, value: unknown): void {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(value))
}

function envelope(failure: HttpFailure): unknown {
  return { type: 'error', status: failure.status, error: failure.describe() }
}

function revoke(state: SessionState): void {
  send(state, envelope(new HttpFailure(401, 'The key of this WebSocket was revoked.', { type: 'authentication_error', code: 'invalid_api_key' })))
  state.waiting.length = 0
  state.socket.close(1008, 'the key was revoked')
}

async function runWaiting(state: SessionState): Promise<void> {
  if (state.busy) return
  state.busy = true
  for (let text = state.waiting.shift(); text !== undefined; text = state.waiting.shift()) {
    if (state.parts.holdsKey(state.request)) await runFrame(state, text)
    else revoke(state)
  }
  state.busy = false
  if (state.draining) state.socket.close(1001, 'the server is ending')
}

async function runFrame(state: SessionState, text: string): Promise<void> {
  const { parts, latest, gone } = state
  const { exchange, end } = parts.open(state.key, gone.signal)
  exchange.client = state.client
  let status = 200
  let writer: ReturnType<typeof openWriter> | undefined
  let written = false
  try {
    const frame = parseJson(text)
    if (!isRecord(frame) || frame.type !== 'response.create') throw badRequest('a frame must be a JSON object of type response.create', 'type')
    const { type: _type, ...body } = frame
    const turn = await readTurn(exchange, body, latest)
    writer = openWriter(exchange, turn)
    const opened = writer
    const begin = () => {
      if (!written) for (const event of opened.begin()) send(state, event)
      written = true
    }
    const late = setTimeout(begin, parts.times.headAfterMs)
    try {
      const record = body.generate === false ? warmUp(exchange, turn, opened) : undefined
      const kept = record ?? (await runTurn(exchange, turn, opened, {
        write(events) {
          written ||= events.length > 0
          for (const event of events) send(state, event)
        },
        drained: () => waitForSocket(state),
      }))
      if (record) for (const event of record.events) send(state, event)
      latest.clear()
      latest.set(turn.id, kept)
    } finally {
      clearTimeout(late)
    }
  } catch (error) {
    const failure = await explainFailure(exchange, error)
    status = failure.status
    exchange.note.error = failure.fields.code ?? failure.fields.type
    // What a failed turn continued is not known to be whole any more: the client sends its history anew.
    latest.clear()
    if (written && writer) for (const event of writer.fail(failure.describe()).filter(({ type }) => type !== 'error')) send(state, event)
    else send(state, envelope(failure))
  }
  end({ method: 'FRAME', path: '/v1/responses', status })
}

/** `generate: false`: opens the connection for the turn that follows, which continues this one. */
function warmUp(exchange: Exchange, turn: Awaited<ReturnType<typeof readTurn>>, writer: ReturnType<typeof openWriter>) {
  const { provider, now } = exchange.endpoint
  const model = readString(turn.body, 'model')
  if (model !== undefined && !model.startsWith('role:')) void provider.warmUp?.({ ...turn.request, model })
  const usage = { input_tokens: 0, output_tokens: 0, total_tokens: 0 }
  const events = [...writer.begin(), ...writer.end({ content: [], usage, finish_reason: 'stop' }, { completedAt: Math.floor(now() / 1000) })]
  const last = events.at(-1)?.response
  return { events, response: isRecord(last) ? last : {}, input: turn.input, conversation: turn.request.conversation_id ?? turn.id }
}

/** Text that a client leaves unread, in bytes. */
const MAX_BUFFERED = 1024 * 1024

/** The library tells of no drain: what waits is looked at again. One that reads nothing for too long is let go. */
function waitForSocket({ socket, parts }: SessionState): Promise<void> | undefined {
  if (socket.bufferedAmount <= MAX_BUFFERED) return undefined
  const until = performance.now() + parts.times.stalledReaderMs
  return new Promise((resolve) => {
    const look = () => {
      if (performance.now() > until) socket.terminate()
      if (socket.readyState !== socket.OPEN || socket.bufferedAmount <= MAX_BUFFERED) resolve()
      else setTimeout(look, 20)
    }
    look()
  })
}
