/** One WebSocket: a turn at a time, and the one response it can continue. */
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { isRecord, parseJson } from '../lib/index.js'
import { afterLast } from './after-last.js'
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
  isAnswering(): boolean
}

export interface SocketSessionParts {
  socket: WebSocket
  raw: Duplex
  grant: Grant
  upgrade: TwinRequest
}

/** What the parts of one connection share. */
interface Line {
  context: TwinContext
  grant: Grant
  session: SocketSession
  signal: AbortSignal
  /** the frame that is being answered */
  current: TwinRequest | undefined
}

export function serveSocket(context: TwinContext, parts: SocketSessionParts): SocketSession {
  const { socket, raw, grant, upgrade } = parts
  const session: SocketSession = { socket, raw, state: undefined, openedAt: context.now(), isAnswering: () => line.current !== undefined }
  const gone = new AbortController()
  const line: Line = { context, grant, session, signal: AbortSignal.any([gone.signal, context.signal]), current: undefined }
  socket.on('message', (data, isBinary) => {
    const text = Buffer.isBuffer(data) ? data.toString('utf8') : Buffer.from(data as ArrayBuffer).toString('utf8')
    const { status: _status, ended: _ended, ...shared } = upgrade
    const entry = context.record({ ...shared, method: 'FRAME', body: parseJson(text) ?? text, bytes: Buffer.byteLength(text), at: context.now() })
    takeFrame(line, entry, isBinary)
  })
  socket.on('ping', (data) => {
    if (context.behaviour.answerPings && socket.readyState === socket.OPEN) socket.pong(data)
  })
  socket.on('error', () => undefined)
  socket.on('close', () => gone.abort())
  return session
}

function takeFrame(line: Line, entry: TwinRequest, isBinary: boolean): void {
  const { context, session } = line
  const problem = checkFrame(entry, isBinary) ?? (line.current ? refuseBusy() : undefined)
  if (problem) return refuse(line, entry, problem)
  if (context.now() - session.openedAt >= context.behaviour.socketLifetimeMs) {
    refuse(line, entry, refuseAge())
    return session.socket.close(1000, 'connection limit')
  }
  line.current = entry
  void run(line, entry).finally(() => {
    if (line.current === entry) line.current = undefined
  })
}

function sendJson({ context, session }: Line, value: object): void {
  const text = JSON.stringify(value)
  const { socket } = session
  if (socket.readyState === socket.OPEN) socket.send(context.behaviour.binaryFrames ? Buffer.from(text) : text)
}

/** An error frame; what could be continued is gone with it. */
function refuse(line: Line, entry: TwinRequest, refusal: Refusal, faults: TwinFaults = {}): void {
  const { context, grant, session } = line
  entry.status = refusal.status
  entry.ended = 'refused'
  session.state = undefined
  sendJson(line, buildErrorFrame(refusal, buildTurnHeaders(context, grant, undefined), faults.statusKey))
  if (faults.closeCode !== undefined) session.socket.close(faults.closeCode, faults.closeReason)
}

async function run(line: Line, entry: TwinRequest): Promise<void> {
  const { context, grant, session } = line
  const known = session.state
  const prepared = prepareTurn(context, {
    value: entry.body, grant, transport: 'websocket', entry,
    recall: (responseId) => (known?.responseId === responseId ? known.history : undefined),
  })
  session.state = undefined
  const { faults } = prepared
  const waited = faults.delayMs === undefined || (await pause(faults.delayMs, line.signal))
  try {
    if (!waited) entry.ended = 'client_gone'
    else if (prepared.kind === 'refused') answerRefused(line, prepared, entry)
    else await play(line, prepared, entry)
  } finally {
    if (prepared.kind === 'running') prepared.leave()
  }
}

function resetLine(line: Line, entry: TwinRequest): void {
  entry.ended = 'cut'
  cutRaw(line.session.raw, true)
}

function answerRefused(line: Line, turn: RefusedTurn, entry: TwinRequest): void {
  if (turn.faults.reset === true) return resetLine(line, entry)
  if (turn.lostResponseId === undefined) return refuse(line, entry, turn.refusal, turn.faults)
  entry.status = turn.refusal.status
  entry.ended = 'refused'
  sendJson(line, buildLostResponseFrame(turn.refusal, turn.lostResponseId, line.context.behaviour.previousResponseNotFoundShape))
}

async function play(line: Line, turn: RunningTurn, entry: TwinRequest): Promise<void> {
  const { context, grant, session, signal } = line
  const { faults } = turn
  const { socket, raw } = session
  if (faults.reset === true && faults.cutAfterEvents === undefined && faults.cutAfterBytes === undefined) return resetLine(line, entry)
  entry.status = 200
  const channel = createSocketChannel({ socket, raw, faults, binary: faults.binary ?? context.behaviour.binaryFrames, signal })
  const prelude = context.behaviour.extraEvents && !turn.recorded ? buildPrelude(context, grant, turn, entry) : []
  // the state stands before the client can have read the last event, and so before it asks for it
  const events = afterLast(turn.events, () => {
    if (turn.continues) session.state = { responseId: turn.responseId, history: turn.history }
    line.current = undefined
  })
  entry.ended = await playEvents({ prelude, events, faults, channel, signal })
  if (entry.ended !== 'completed') session.state = undefined
}

function checkFrame(entry: TwinRequest, isBinary: boolean): Refusal | undefined {
  if (isBinary) return errorRefusal(400, { message: 'Binary frames are not supported.', code: 'invalid_frame' })
  if (!isRecord(entry.body)) return errorRefusal(400, { message: 'We could not parse the JSON body of your message.', code: 'invalid_json' })
  if (entry.body['type'] === 'response.create') return undefined
  return errorRefusal(400, { message: `Invalid value: '${String(entry.body['type'])}'. Supported values are: 'response.create'.`, param: 'type', code: 'invalid_value' })
}

const refuseBusy = (): Refusal => errorRefusal(400, { message: 'A response is already in progress on this connection.', code: 'websocket_response_in_progress' })

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
