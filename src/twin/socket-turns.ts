/** One WebSocket: a turn at a time, and the one response it can continue. */
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { isRecord, parseJson } from '../lib/index.js'
import type { BakedEvent } from './build-events.js'
import type { TwinContext } from './context.js'
import { buildErrorFrame, buildLostResponseFrame } from './error-frame.js'
import { playEvents } from './play-events.js'
import { prepareTurn, type RefusedTurn, type RunningTurn } from './prepare-turn.js'
import { errorRefusal, type Refusal } from './refusal.js'
import { createSocketChannel, cutRaw } from './socket-channel.js'
import type { Grant } from './token-ledger.js'
import { buildTurnHeaders } from './turn-headers.js'
import type { TwinFaults, TwinRequest } from './types.js'
import { pause } from './wait.js'

export interface SocketSession {
  readonly socket: WebSocket
  readonly raw: Duplex
  /** the state that a previous_response_id can name: the latest response alone */
  state: { responseId: string; history: readonly Record<string, unknown>[] } | undefined
  openedAt: number
}

export interface SocketSessionParts {
  socket: WebSocket
  raw: Duplex
  grant: Grant
  upgrade: TwinRequest
}

const CREATED_IN_PROGRESS = 'websocket_response_in_progress'

export function serveSocket(context: TwinContext, parts: SocketSessionParts): SocketSession {
  const { socket, raw, grant, upgrade } = parts
  const session: SocketSession = { socket, raw, state: undefined, openedAt: context.now() }
  const gone = new AbortController()
  const signal = AbortSignal.any([gone.signal, context.signal])
  let current: TwinRequest | undefined
  const sendJson = (value: object) => {
    const text = JSON.stringify(value)
    if (socket.readyState === socket.OPEN) socket.send(context.behaviour.binaryFrames ? Buffer.from(text) : text)
  }
  const refuse = (entry: TwinRequest, refusal: Refusal, faults: TwinFaults = {}) => {
    entry.status = refusal.status
    entry.ended = 'refused'
    session.state = undefined
    const headers = buildTurnHeaders(context, grant, undefined)
    sendJson(buildErrorFrame(refusal, headers, faults.statusKey))
    if (faults.closeCode !== undefined) socket.close(faults.closeCode, faults.closeReason)
  }

  const run = async (entry: TwinRequest) => {
    const prepared = prepareTurn(context, {
      value: entry.body, grant, transport: 'websocket', entry,
      recall: (responseId) => (session.state?.responseId === responseId ? session.state.history : undefined),
    })
    const { faults } = prepared
    session.state = undefined
    const waited = faults.delayMs === undefined || (await pause(faults.delayMs, signal))
    if (prepared.kind === 'refused') {
      if (waited) answerRefused(prepared, entry)
      return
    }
    try {
      if (waited) await play(prepared, entry)
    } finally {
      prepared.leave()
    }
  }

  const answerRefused = (turn: RefusedTurn, entry: TwinRequest) => {
    if (turn.faults.reset === true) return cutRaw(raw, true)
    if (turn.lostResponseId === undefined) return refuse(entry, turn.refusal, turn.faults)
    entry.status = turn.refusal.status
    entry.ended = 'refused'
    sendJson(buildLostResponseFrame(turn.refusal, turn.lostResponseId, context.behaviour.previousResponseNotFoundShape))
  }

  const play = async (turn: RunningTurn, entry: TwinRequest) => {
    const { faults } = turn
    if (faults.reset === true && faults.cutAfterEvents === undefined && faults.cutAfterBytes === undefined) return cutRaw(raw, true)
    entry.status = 200
    const binary = faults.binary ?? context.behaviour.binaryFrames
    const channel = createSocketChannel({ socket, raw, faults, binary, signal })
    const prelude = context.behaviour.extraEvents && !turn.recorded ? buildPrelude(context, grant, turn, entry) : []
    // the state stands before the client can have read the last event, and so before it asks for it
    const events = afterLast(turn.events, () => {
      if (turn.continues) session.state = { responseId: turn.responseId, history: turn.history }
      if (current === entry) current = undefined
    })
    entry.ended = await playEvents({ prelude, events, faults, channel, signal })
    if (entry.ended !== 'completed') session.state = undefined
  }

  socket.on('message', (data, isBinary) => {
    const text = Buffer.isBuffer(data) ? data.toString('utf8') : Buffer.from(data as ArrayBuffer).toString('utf8')
    const entry = context.record({
      ...upgrade, method: 'FRAME', body: parseJson(text) ?? text, bytes: Buffer.byteLength(text), at: context.now(), transport: 'websocket',
    })
    delete entry.status
    delete entry.ended
    const problem = checkFrame(entry, isBinary) ?? (current ? refuseBusy() : undefined)
    if (problem) return refuse(entry, problem)
    if (context.now() - session.openedAt >= context.behaviour.socketLifetimeMs) {
      refuse(entry, refuseAge())
      return socket.close(1000, 'connection limit')
    }
    current = entry
    void run(entry).finally(() => {
      if (current === entry) current = undefined
    })
  })
  socket.on('ping', (data) => {
    if (context.behaviour.answerPings && socket.readyState === socket.OPEN) socket.pong(data)
  })
  socket.on('error', () => undefined)
  socket.on('close', () => gone.abort())
  return session
}

/** Calls `then` when the last event has been taken, before it is sent. */
function* afterLast(events: Iterable<BakedEvent>, then: () => void): Generator<BakedEvent> {
  let held: BakedEvent | undefined
  for (const event of events) {
    if (held) yield held
    held = event
  }
  then()
  if (held) yield held
}

function checkFrame(entry: TwinRequest, isBinary: boolean): Refusal | undefined {
  if (isBinary) return errorRefusal(400, { message: 'Binary frames are not supported.', code: 'invalid_frame' })
  if (!isRecord(entry.body)) return errorRefusal(400, { message: 'We could not parse the JSON body of your message.', code: 'invalid_json' })
  if (entry.body['type'] === 'response.create') return undefined
  return errorRefusal(400, { message: `Invalid value: '${String(entry.body['type'])}'. Supported values are: 'response.create'.`, param: 'type', code: 'invalid_value' })
}

const refuseBusy = (): Refusal => errorRefusal(400, { message: 'A response is already in progress on this connection.', code: CREATED_IN_PROGRESS })

const refuseAge = (): Refusal => errorRefusal(400, {
  message: 'Responses websocket connection limit reached (60 minutes). Create a new websocket connection to continue.',
  code: 'websocket_connection_limit_reached',
})

/** What a WebSocket carries in events because it has no response headers. */
function buildPrelude(context: TwinContext, grant: Grant, turn: RunningTurn, entry: TwinRequest): BakedEvent[] {
  const bake = (event: { type: string }): BakedEvent => ({ type: event.type, json: JSON.stringify(event) })
  const metadata = isRecord(entry.body) && isRecord(entry.body['client_metadata']) ? entry.body['client_metadata'] : {}
  const state = metadata['x-codex-turn-state']
  const headers = buildTurnHeaders(context, grant, typeof state === 'string' ? state : undefined)
  if (grant.lane !== 'codex') return []
  const { 'x-codex-turn-state': turnState, 'x-models-etag': etag, 'x-request-id': requestId } = headers
  return [
    bake({ ...context.quota.event(), type: 'codex.rate_limits' }),
    bake({ type: 'codex.response.metadata', ...{ headers: { 'x-models-etag': etag, 'x-request-id': requestId } } }),
    bake({ type: 'response.metadata', ...{ headers: { 'openai-model': turn.servedModel, 'x-codex-turn-state': turnState }, metadata: {} } }),
  ]
}
