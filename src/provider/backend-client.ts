/**
 * Opens one exchange with the backend, over a pooled WebSocket of the conversation or over HTTP, and
 * says which and why.
 */
import { randomUUID } from 'node:crypto'
import { clientHeaders } from '../account/index.js'
import type { Credential, CredentialSource } from '../auth/credential-source.js'
import { laneRow, type JsonObject } from '../contract/index.js'
import { parseJson } from '../lib/index.js'
import { createAnswerGuard, goesOn, serializeRequest, type AnswerGuard, type BuiltRequest, type ChainPlan } from '../responses/index.js'
import { TransportFailure, type Timeouts, type FrameStream, type SocketConnection, type Transport } from '../transport/transport.js'
import { createConnectionPool, type PooledConnection, type ConnectionPool } from './connection-pool.js'
import { createTransportChoice, type Choice } from './transport-choice.js'
import { TURN_STATE } from './turn-state-store.js'
import { warmUpConnection } from './warm-up-connection.js'

/** A message of 16 MiB or more closes the connection with 1009; what comes near goes over HTTP. */
const MAX_SOCKET_MESSAGE_BYTES = 15.5 * 1024 * 1024
const TOO_LARGE = 'the message is too large for a WebSocket'
/** What `auto` spends on an upgrade that nobody answers before it goes over HTTP. */
const AUTO_UPGRADE_MS = 2_000
const WEBSOCKET_BETA = 'responses_websockets=2026-02-06'

export interface ExchangeRequest {
  built: BuiltRequest
  credential: Credential
  /** names the conversation: prompt cache key, session header and the owner of its connections */
  conversation: string
  signal: AbortSignal
  timeouts: Timeouts
  httpOnly: boolean
  /** the backend's word for this turn, where it gave one */
  turnState?: string | undefined
  /** called once when the request has left, if it does */
  onSent?: () => void
}

export interface Exchange extends Choice {
  frames: FrameStream
  /** what came in front of the answer; an upgrade's headers speak of its first exchange only */
  headers: Readonly<Record<string, string>>
  /** tells this answer's events from those of others */
  guard: AnswerGuard
  /** The answer is complete: its connection may serve the next turn, unless `behind` its end something went on. */
  finish(answer: { responseId?: string; doneItems: readonly JsonObject[]; behind: readonly string[] }): void
  /** The answer is given up: the connection is ended, what the server held is forgotten. Twice without harm. */
  abandon(): void
}

export interface BackendClient {
  /** @throws TransportFailure */
  open(request: ExchangeRequest): Promise<Exchange>
  /**
   * Opens a connection before there is a request. With a `request` the server is given instructions and
   * tools at once, and its first turn sends its items alone; without one the connection serves whichever
   * conversation comes first. Does nothing where the next exchange would go over HTTP, and nothing for a
   * conversation that has a connection: what the server holds of it stays. @throws TransportFailure
   */
  warmUp(credential: Credential, request?: ExchangeRequest, signal?: AbortSignal): Promise<void>
  /** What the next exchange would go over, and why. */
  choice(): Choice
  /** A bare connection for those who speak themselves. @throws TransportFailure */
  connect(credential: Credential, conversation: string, signal?: AbortSignal): Promise<SocketConnection>
  close(): void
}

export interface BackendClientOptions {
  transport: Transport
  credentials: CredentialSource
  baseUrl: string
  mode: 'auto' | 'sse' | 'websocket'
  userAgent: string
  connectTimeoutMs: number
  /** see createResponseChain; default false */
  lenient?: boolean
  now: () => number
}

/** The exchanges of one mount, with its connections and its choice of transport. */
export function createBackendClient(options: BackendClientOptions): BackendClient {
  const pool = createConnectionPool({ now: options.now, lenient: options.lenient ?? false })
  const choice = createTransportChoice(options.mode, options.now)
  const url = `${options.baseUrl}/responses`
  const http = (request: ExchangeRequest, reason: string) => openHttpExchange(options, url, request, reason)
  const connect: BackendClient['connect'] = (credential, conversation, signal) => openConnection(options, credential, conversation, signal)
  /** in the making: of two warm-ups at once one opens it */
  let spare: Promise<void> | undefined
  const openSpare = async (credential: Credential, signal?: AbortSignal): Promise<void> =>
    pool.addSpare(credential.accessToken, await connect(credential, randomUUID(), signal))
  const connectionFor = async (request: ExchangeRequest): Promise<PooledConnection> => {
    const { credential, conversation, built, signal } = request
    const idle = pool.take(conversation, credential.accessToken, built)
    if (idle) return idle
    const connection = await connect(credential, conversation, signal)
    choice.opened()
    return pool.add(conversation, credential.accessToken, connection)
  }
  const openSocketExchange = async (request: ExchangeRequest, reason: string): Promise<Exchange> => {
    let pooled: PooledConnection
    try {
      pooled = await connectionFor(request)
    } catch (failure) {
      if (!(failure instanceof TransportFailure) || options.mode !== 'auto' || !meansBlocked(failure)) throw failure
      return http(request, choice.blocked(failure))
    }
    return openPooledExchange(pool, pooled, request, reason) ?? http(request, TOO_LARGE)
  }
  return {
    open(request) {
      const { kind, reason } = request.httpOnly ? { kind: 'sse', reason: TOO_LARGE } : choice.current()
      return kind === 'sse' ? http(request, reason) : openSocketExchange(request, reason)
    },
    async warmUp(credential, request, signal) {
      if (choice.current().kind === 'sse') return
      if (request && pool.holds(request.conversation, credential.accessToken)) return
      let pooled: PooledConnection | undefined
      try {
        if (request) pooled = await connectionFor(request)
        else if (!pool.holdsSpare(credential.accessToken)) await (spare ??= openSpare(credential, signal).finally(() => (spare = undefined)))
      } catch (failure) {
        if (!(failure instanceof TransportFailure) || options.mode !== 'auto' || !meansBlocked(failure)) throw failure
        choice.blocked(failure)
      }
      if (pooled && request) await warmUpConnection(pool, pooled, request)
    },
    choice: () => choice.current(),
    connect,
    close: () => pool.close(),
  }
}

function headersFor(options: BackendClientOptions, credential: Credential, conversation: string): Record<string, string> {
  return Object.assign(clientHeaders(options, credential), { 'session-id': conversation, 'thread-id': conversation })
}

function openConnection(
  options: BackendClientOptions, credential: Credential, conversation: string, signal?: AbortSignal,
): Promise<SocketConnection> {
  const { mode, connectTimeoutMs } = options
  return options.transport.connect({
    url: `${options.baseUrl.replace(/^http/, 'ws')}/responses`,
    headers: { ...headersFor(options, credential, conversation), 'openai-beta': WEBSOCKET_BETA },
    connectMs: mode === 'auto' ? Math.min(AUTO_UPGRADE_MS, connectTimeoutMs) : connectTimeoutMs,
    ...(signal && { signal }),
  })
}

function openHttpExchange(options: BackendClientOptions, url: string, request: ExchangeRequest, reason: string): Promise<Exchange> {
  const headers = headersFor(options, request.credential, request.conversation)
  headers['content-type'] = 'application/json'
  headers['accept'] = 'text/event-stream'
  if (request.turnState !== undefined) headers[TURN_STATE] = request.turnState
  return options.transport.stream({
    method: 'POST',
    url,
    headers,
    body: serializeRequest(request.built),
    signal: request.signal,
    timeouts: request.timeouts,
    onSent: request.onSent,
    // On this machine's own loop it would only cost.
    compress: laneRow(request.credential.lane).compression && url.startsWith('https:'),
  }).then((frames) => new BackendHttpExchange(reason, frames))
}

/** A class, since thousands may wait: four functions for each took 300 bytes more. */
class BackendHttpExchange implements Exchange {
  readonly kind = 'sse'
  readonly guard = createAnswerGuard()

  constructor(readonly reason: string, readonly frames: FrameStream) {}

  get headers(): Exchange['headers'] {
    return this.frames.headers
  }

  finish(): void {
    this.frames.release()
  }

  abandon(): void {
    this.frames.close()
  }
}

/** A connection that no exchange was opened on is free again. */
function openPooledExchange(pool: ConnectionPool, pooled: PooledConnection, request: ExchangeRequest, reason: string): Exchange | undefined {
  try {
    return beginPooledExchange(pool, pooled, request, reason)
  } catch (failure) {
    // Aborted in the tick it was taken in, or closed meanwhile.
    pool.giveBack(pooled)
    throw failure
  }
}

/** Undefined where the message is too large for a WebSocket; the connection is free again then. */
function beginPooledExchange(pool: ConnectionPool, pooled: PooledConnection, request: ExchangeRequest, reason: string): Exchange | undefined {
  const { built, signal, timeouts } = request
  const plan = pooled.chain.plan(built)
  const increment = plan.mode === 'delta' ? { previous_response_id: plan.previousResponseId, fromItem: plan.fromItem } : {}
  const message = serializeRequest(built, { type: 'response.create', ...increment, ...turnMetadata(request) })
  // A UTF-16 unit is at most 3 bytes of UTF-8: only what comes near the limit is measured.
  if (message.length * 3 >= MAX_SOCKET_MESSAGE_BYTES && Buffer.byteLength(message) >= MAX_SOCKET_MESSAGE_BYTES) {
    pool.giveBack(pooled)
    return undefined
  }
  const frames = pooled.socket.exchange(message, { signal, timeouts })
  request.onSent?.()
  let running = true
  const guard = createAnswerGuard(pooled.memory)
  const droppedBefore = pooled.memory.dropped
  return {
    kind: 'websocket',
    reason: `${reason}; ${describePlan(plan, built.items.length)}`,
    frames,
    headers: takeUpgradeHeaders(pooled),
    guard,
    finish({ responseId, doneItems, behind }) {
      if (!running) return
      running = false
      const wentOn = [...behind, ...(frames.arrived() ?? [])].some((frame) => goesOn(parseJson(frame)))
      frames.release()
      guard.ended()
      // Answers without an id, and those behind whose end something came, can't be told from the next one's.
      if (wentOn || pooled.memory.dropped > droppedBefore || pooled.memory.responses.size === 0) return pool.drop(pooled)
      if (responseId === undefined) pooled.chain.reset('no_previous_response_id')
      else pooled.chain.completed(built, responseId, doneItems)
      pool.giveBack(pooled)
    },
    abandon() {
      if (!running) return
      running = false
      frames.close()
      pool.drop(pooled)
    },
  }
}

/** What of the history is sent, and what decided: the receipt of every turn says it. */
function describePlan(plan: ChainPlan, count: number): string {
  if (plan.mode === 'full') return `${count} items sent whole (${plan.reason}${plan.at === undefined ? '' : `: ${plan.at}`})`
  const beside = plan.beside === undefined ? '' : `; the server also sees ${plan.beside} temporary ${plan.beside === 1 ? 'message' : 'messages'} of the turn before`
  return `${count - plan.fromItem} new of ${count} items sent${beside}`
}

/** Model and turn state are those of an answer; on a connection of many they come as events. */
function takeUpgradeHeaders(pooled: PooledConnection): Readonly<Record<string, string>> {
  if (pooled.headersRead) return {}
  pooled.headersRead = true
  const { 'openai-model': _model, [TURN_STATE]: _state, ...headers } = pooled.socket.headers
  return headers
}

function turnMetadata({ turnState }: ExchangeRequest): { client_metadata?: Record<string, string> } {
  return turnState === undefined ? {} : { client_metadata: { [TURN_STATE]: turnState } }
}

/** Whether a failed upgrade says that WebSockets don't pass here, rather than something about the caller. */
function meansBlocked(failure: TransportFailure): boolean {
  if (failure.kind === 'refused') return failure.status !== 401 && failure.status !== 429
  return failure.kind !== 'aborted'
}
