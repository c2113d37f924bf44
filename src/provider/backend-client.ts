/**
 * Opens one exchange with the backend, over a pooled WebSocket of the conversation or over HTTP, and
 * says which and why.
 */
import { randomUUID } from 'node:crypto'
import { clientHeaders } from '../account/index.js'
import type { Credential } from '../auth/credential-source.js'
import { laneRow } from '../contract/index.js'
import { serializeRequest } from '../responses/index.js'
import { TransportFailure, type SocketConnection } from '../transport/transport.js'
import { BackendHttpExchange, type Exchange, type ExchangeRequest } from './backend-exchange.js'
import { ConnectionPool, SPARE, type PooledConnection } from './connection-pool.js'
import type { ProviderDeps } from './deps.js'
import { openPooledExchange } from './pooled-exchange.js'
import { TransportChoice, type Choice } from './transport-choice.js'
import { TURN_STATE } from './turn-state-store.js'
import { warmUpConnection } from './warm-up-connection.js'

const TOO_LARGE = 'the message is too large for a WebSocket'
/** What `auto` spends on an upgrade that nobody answers before it goes over HTTP. */
const AUTO_UPGRADE_MS = 2_000
const WEBSOCKET_BETA = 'responses_websockets=2026-02-06'

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

/** The parts of a mount that its exchanges are made of, with the settings that it began with. */
type BackendClientOptions = Pick<ProviderDeps, 'transport' | 'credentials' | 'settings' | 'webSocketBlock' | 'userAgent' | 'now'>

/** The exchanges of one mount, with its connections and its choice of transport. */
export function createBackendClient({ transport, credentials, settings, webSocketBlock, userAgent, now }: BackendClientOptions): BackendClient {
  const options: BackendClientOptions = { transport, credentials, settings, webSocketBlock, userAgent, now }
  const pool = new ConnectionPool({ now, lenient: settings.continuation === 'lenient' })
  const choice = new TransportChoice(settings.transport, webSocketBlock)
  const url = `${settings.baseUrl}/responses`
  const http = (request: ExchangeRequest, reason: string) => openHttpExchange(options, url, request, reason)
  const connect: BackendClient['connect'] = (credential, conversation, signal) => openConnection(options, credential, conversation, signal)
  /** in the making: of two warm-ups at once one opens it */
  let spare: Promise<void> | undefined
  const openSpare = async (credential: Credential, signal?: AbortSignal): Promise<void> =>
    pool.giveBack(pool.add(SPARE, credential.accessToken, await connect(credential, randomUUID(), signal)))
  const connectionFor = async (request: ExchangeRequest): Promise<PooledConnection> => {
    const { credential, conversation, built, signal } = request
    const idle = pool.take(conversation, credential.accessToken, built)
    if (idle) return idle
    const connection = await connect(credential, conversation, signal)
    choice.opened()
    return pool.add(conversation, credential.accessToken, connection)
  }
  /** Why it goes over HTTP then, in words. @throws what says nothing of WebSockets, and everything where they are not a choice */
  const blockedBy = (failure: unknown): string => {
    if (!(failure instanceof TransportFailure) || settings.transport !== 'auto' || !meansBlocked(failure)) throw failure
    return choice.blocked(failure)
  }
  const openSocketExchange = async (request: ExchangeRequest, reason: string): Promise<Exchange> => {
    let pooled: PooledConnection
    try {
      pooled = await connectionFor(request)
    } catch (failure) {
      return http(request, blockedBy(failure))
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
        else if (!pool.holds(SPARE, credential.accessToken)) await (spare ??= openSpare(credential, signal).finally(() => (spare = undefined)))
      } catch (failure) {
        blockedBy(failure)
      }
      if (pooled && request) await warmUpConnection(pool, pooled, request)
    },
    choice: () => choice.current(),
    connect,
    close: () => pool.close(),
  }
}

/** @param own of this kind of request; in front of what is spread, since to add them to a copy took Node 20 a microsecond each */
function headersFor(options: BackendClientOptions, credential: Credential, conversation: string, own: Record<string, string>): Record<string, string> {
  return { 'session-id': conversation, 'thread-id': conversation, ...own, ...clientHeaders(options, credential) }
}

function openConnection(
  options: BackendClientOptions, credential: Credential, conversation: string, signal?: AbortSignal,
): Promise<SocketConnection> {
  const { baseUrl, transport: mode, connectTimeoutMs } = options.settings
  return options.transport.connect({
    url: `${baseUrl.replace(/^http/, 'ws')}/responses`,
    headers: headersFor(options, credential, conversation, { 'openai-beta': WEBSOCKET_BETA }),
    connectMs: mode === 'auto' ? Math.min(AUTO_UPGRADE_MS, connectTimeoutMs) : connectTimeoutMs,
    ...(signal && { signal }),
  })
}

function openHttpExchange(options: BackendClientOptions, url: string, request: ExchangeRequest, reason: string): Promise<Exchange> {
  const { turnState } = request
  return options.transport.stream({
    method: 'POST',
    url,
    headers: headersFor(options, request.credential, request.conversation, {
      'content-type': 'application/json', accept: 'text/event-stream', ...(turnState !== undefined && { [TURN_STATE]: turnState }),
    }),
    body: serializeRequest(request.built),
    signal: request.signal,
    timeouts: request.timeouts,
    mayLeave: request.mayLeave,
    onSent: request.onSent,
    // On this machine's own loop it would only cost.
    compress: laneRow(request.credential.lane).compression && url.startsWith('https:'),
  }).then((frames) => new BackendHttpExchange(reason, frames))
}

/** Whether a failed upgrade says that WebSockets don't pass here, rather than something about the caller. */
function meansBlocked(failure: TransportFailure): boolean {
  if (failure.kind === 'refused') return failure.status !== 401 && failure.status !== 429
  return failure.kind !== 'aborted'
}
