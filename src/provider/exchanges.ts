/**
 * Opens one exchange with the backend, over a WebSocket line of the conversation or over HTTP, and
 * says which and why.
 */
import type { Credential, CredentialSource } from '../auth/credential-source.js'
import type { JsonObject } from '../contract/index.js'
import { serializeRequest, type BuiltRequest } from '../responses/index.js'
import { TransportFailure, type Clocks, type FrameStream, type SocketConnection, type Transport } from '../transport/transport.js'
import { createLinePool, type Line } from './line-pool.js'
import { createTransportChoice, type Choice } from './transport-choice.js'

/** A message of 16 MiB or more closes the connection with 1009; what comes near goes over HTTP. */
const MAX_SOCKET_MESSAGE_BYTES = 15.5 * 1024 * 1024
/** What `auto` spends on an upgrade that nobody answers before it goes over HTTP. */
const AUTO_UPGRADE_MS = 2_000
const WEBSOCKET_BETA = 'responses_websockets=2026-02-06'

export interface ExchangeRequest {
  built: BuiltRequest
  credential: Credential
  /** names the conversation: prompt cache key, session header and the owner of its lines */
  conversation: string
  signal: AbortSignal
  clocks: Clocks
  httpOnly: boolean
}

export interface Exchange extends Choice {
  frames: FrameStream
  /** how many items went out, and whether the server held the rest */
  sentItems: number
  incremental: boolean
  /** The answer is complete: its connection may serve the next turn. */
  finish(answer: { responseId?: string; doneItems: readonly JsonObject[] }): void
  /** The answer is given up: the connection is ended, what the server held is forgotten. Twice without harm. */
  abandon(): void
}

export interface Exchanges {
  /** @throws TransportFailure */
  open(request: ExchangeRequest): Promise<Exchange>
  /** What the next exchange would go over, and why. */
  choice(): Choice
  /** A bare connection for those who speak themselves. @throws TransportFailure */
  connect(credential: Credential, conversation: string, signal?: AbortSignal): Promise<SocketConnection>
  close(): void
}

export interface ExchangesOptions {
  transport: Transport
  credentials: CredentialSource
  baseUrl: string
  mode: 'auto' | 'sse' | 'websocket'
  userAgent: string
  connectTimeoutMs: number
  now: () => number
}

export function createExchanges(options: ExchangesOptions): Exchanges {
  const pool = createLinePool({ now: options.now })
  const choice = createTransportChoice(options.mode, options.now)
  const url = `${options.baseUrl}/responses`

  const headersFor = (credential: Credential, conversation: string): Record<string, string> => ({
    ...options.credentials.headers(credential),
    originator: 'amplifier',
    'user-agent': options.userAgent,
    'session-id': conversation,
    'thread-id': conversation,
  })

  const connect = (credential: Credential, conversation: string, signal?: AbortSignal): Promise<SocketConnection> =>
    options.transport.connect({
      url: url.replace(/^http/, 'ws'),
      headers: { ...headersFor(credential, conversation), 'openai-beta': WEBSOCKET_BETA },
      signal,
      connectMs: options.mode === 'auto' ? Math.min(AUTO_UPGRADE_MS, options.connectTimeoutMs) : options.connectTimeoutMs,
    })

  const overHttp = async (request: ExchangeRequest, reason: string): Promise<Exchange> => {
    const frames = await options.transport.stream({
      method: 'POST',
      url,
      headers: {
        ...headersFor(request.credential, request.conversation),
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: serializeRequest(request.built),
      signal: request.signal,
      clocks: request.clocks,
      compress: request.credential.lane === 'codex' && new URL(url).protocol === 'https:',
    })
    return {
      kind: 'sse',
      reason,
      frames,
      sentItems: request.built.items.length,
      incremental: false,
      finish: () => frames.release(),
      abandon: () => frames.close(),
    }
  }

  const lineFor = async (request: ExchangeRequest): Promise<Line> => {
    const { credential, conversation, built, signal } = request
    const idle = pool.take(conversation, credential.accessToken, built)
    if (idle) return idle
    const connection = await connect(credential, conversation, signal)
    choice.opened()
    return pool.add(conversation, credential.accessToken, connection)
  }

  const overLine = (line: Line, request: ExchangeRequest, reason: string, message: string, fromItem: number): Exchange => {
    const frames = line.connection.exchange(message, { signal: request.signal, clocks: request.clocks })
    let open = true
    const abandon = (): void => {
      if (!open) return
      open = false
      frames.close()
      pool.drop(line)
    }
    return {
      kind: 'websocket',
      reason,
      frames,
      sentItems: request.built.items.length - fromItem,
      incremental: fromItem > 0,
      finish({ responseId, doneItems }) {
        if (!open) return
        open = false
        frames.release()
        if (responseId === undefined) line.chain.reset('no_previous_response_id')
        else line.chain.completed(request.built, responseId, doneItems)
        pool.giveBack(line)
      },
      abandon,
    }
  }

  const overWebSocket = async (request: ExchangeRequest, reason: string): Promise<Exchange | 'too_large'> => {
    const line = await lineFor(request)
    const plan = line.chain.plan(request.built)
    const fromItem = plan.mode === 'delta' ? plan.fromItem : 0
    const message = serializeRequest(request.built, {
      type: 'response.create',
      ...(plan.mode === 'delta' ? { previous_response_id: plan.previousResponseId, fromItem } : {}),
    })
    // A UTF-16 unit is at most 3 bytes of UTF-8: only what comes near the limit is measured.
    if (message.length * 3 >= MAX_SOCKET_MESSAGE_BYTES && Buffer.byteLength(message) >= MAX_SOCKET_MESSAGE_BYTES) {
      pool.giveBack(line)
      return 'too_large'
    }
    return overLine(line, request, reason, message, fromItem)
  }

  return {
    async open(request) {
      const { kind, reason } = request.httpOnly ? { kind: 'sse', reason: 'the message is too large for a WebSocket' } : choice.current()
      if (kind === 'sse') return overHttp(request, reason)
      try {
        const exchange = await overWebSocket(request, reason)
        return exchange === 'too_large' ? await overHttp(request, 'the message is too large for a WebSocket') : exchange
      } catch (failure) {
        if (!(failure instanceof TransportFailure) || options.mode !== 'auto' || !meansBlocked(failure)) throw failure
        return overHttp(request, choice.blocked(failure))
      }
    },
    choice: () => choice.current(),
    connect,
    close: () => pool.close(),
  }
}

/** Whether a failed upgrade says that WebSockets don't pass here, rather than something about the caller. */
function meansBlocked(failure: TransportFailure): boolean {
  if (failure.kind === 'refused') return failure.status !== 401 && failure.status !== 429
  return failure.kind === 'connect' || failure.kind === 'timeout' || failure.kind === 'cut' || failure.kind === 'closed' || failure.kind === 'content'
}
