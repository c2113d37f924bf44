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
import type { ProviderDeps, ProviderSettings } from './deps.js'
import { openPooledExchange } from './pooled-exchange.js'
import { TransportChoice, type Choice } from './transport-choice.js'
import { TURN_STATE } from './turn-state-store.js'
import { warmUpConnection } from './warm-up-connection.js'

const TOO_LARGE = 'the message is too large for a WebSocket'
/** What `auto` spends on an upgrade that nobody answers before it goes over HTTP. */
const AUTO_UPGRADE_MS = 2_000
const WEBSOCKET_BETA = 'responses_websockets=2026-02-06'

/** The exchanges of one mount, with its connections and its choice of transport. */
export class BackendClient {
  readonly #settings: ProviderSettings
  readonly #url: string
  readonly #pool: ConnectionPool
  readonly #choice: TransportChoice
  /** in the making: of two warm-ups at once one opens it */
  #spare: Promise<void> | undefined

  /** @param parts of the mount; the settings are those that it begins with */
  constructor(private readonly parts: Pick<ProviderDeps, 'transport' | 'credentials' | 'settings' | 'webSocketBlock' | 'userAgent' | 'now'>) {
    this.#settings = parts.settings
    this.#url = `${this.#settings.baseUrl}/responses`
    this.#pool = new ConnectionPool({ now: parts.now, lenient: this.#settings.continuation === 'lenient' })
    this.#choice = new TransportChoice(this.#settings.transport, parts.webSocketBlock)
  }

  /** @throws TransportFailure */
  open(request: ExchangeRequest): Promise<Exchange> {
    const { kind, reason } = request.httpOnly ? { kind: 'sse', reason: TOO_LARGE } : this.choice()
    return kind === 'sse' ? this.#openHttp(request, reason) : this.#openSocket(request, reason)
  }

  /**
   * Opens a connection before there is a request. With a `request` the server is given instructions and
   * tools at once, and its first turn sends its items alone; without one the connection serves whichever
   * conversation comes first. Does nothing where the next exchange would go over HTTP, and nothing for a
   * conversation that has a connection: what the server holds of it stays. @throws TransportFailure
   */
  async warmUp(credential: Credential, request?: ExchangeRequest, signal?: AbortSignal): Promise<void> {
    if (this.choice().kind === 'sse') return
    if (request && this.#pool.holds(request.conversation, credential.accessToken)) return
    let pooled: PooledConnection | undefined
    try {
      if (request) pooled = await this.#connectionFor(request)
      else if (!this.#pool.holds(SPARE, credential.accessToken)) await (this.#spare ??= this.#openSpare(credential, signal).finally(() => (this.#spare = undefined)))
    } catch (failure) {
      this.#blockedBy(failure)
    }
    if (pooled && request) await warmUpConnection(this.#pool, pooled, request)
  }

  /** What the next exchange would go over, and why. */
  choice(): Choice {
    return this.#choice.current()
  }

  /** A bare connection for those who speak themselves. @throws TransportFailure */
  connect(credential: Credential, conversation: string, signal?: AbortSignal): Promise<SocketConnection> {
    const { transport: mode, connectTimeoutMs } = this.#settings
    return this.parts.transport.connect({
      url: this.#url.replace(/^http/, 'ws'),
      headers: this.#headersFor(credential, conversation, { 'openai-beta': WEBSOCKET_BETA }),
      connectMs: mode === 'auto' ? Math.min(AUTO_UPGRADE_MS, connectTimeoutMs) : connectTimeoutMs,
      ...(signal && { signal }),
    })
  }

  close(): void {
    this.#pool.close()
  }

  async #openSocket(request: ExchangeRequest, reason: string): Promise<Exchange> {
    let pooled: PooledConnection
    try {
      pooled = await this.#connectionFor(request)
    } catch (failure) {
      return this.#openHttp(request, this.#blockedBy(failure))
    }
    return openPooledExchange(this.#pool, pooled, request, reason) ?? this.#openHttp(request, TOO_LARGE)
  }

  async #connectionFor({ credential, conversation, built, signal }: ExchangeRequest): Promise<PooledConnection> {
    const idle = this.#pool.take(conversation, credential.accessToken, built)
    if (idle) return idle
    const connection = await this.connect(credential, conversation, signal)
    this.#choice.opened()
    return this.#pool.add(conversation, credential.accessToken, connection)
  }

  async #openSpare(credential: Credential, signal?: AbortSignal): Promise<void> {
    const connection = await this.connect(credential, randomUUID(), signal)
    this.#pool.giveBack(this.#pool.add(SPARE, credential.accessToken, connection))
  }

  /** Why it goes over HTTP then, in words. @throws what says nothing of WebSockets, and everything where they are not a choice */
  #blockedBy(failure: unknown): string {
    if (!(failure instanceof TransportFailure) || this.#settings.transport !== 'auto' || !meansBlocked(failure)) throw failure
    return this.#choice.blocked(failure)
  }

  #openHttp(request: ExchangeRequest, reason: string): Promise<Exchange> {
    const { credential, conversation, turnState, built, signal, timeouts, mayLeave, onSent } = request
    return this.parts.transport.stream({
      method: 'POST',
      url: this.#url,
      headers: this.#headersFor(credential, conversation, {
        'content-type': 'application/json', accept: 'text/event-stream', ...(turnState !== undefined && { [TURN_STATE]: turnState }),
      }),
      body: serializeRequest(built),
      signal, timeouts, mayLeave, onSent,
      // On this machine's own loop it would only cost.
      compress: laneRow(credential.lane).compression && this.#url.startsWith('https:'),
    }).then((frames) => new BackendHttpExchange(reason, frames))
  }

  /** @param own of this kind of request; in front of what is spread, since to add them to a copy took Node 20 a microsecond each */
  #headersFor(credential: Credential, conversation: string, own: Record<string, string>): Record<string, string> {
    return { 'session-id': conversation, 'thread-id': conversation, ...own, ...clientHeaders(this.parts, credential) }
  }
}

/** Whether a failed upgrade says that WebSockets don't pass here, rather than something about the caller. */
function meansBlocked(failure: TransportFailure): boolean {
  if (failure.kind === 'refused') return failure.status !== 401 && failure.status !== 429
  return failure.kind !== 'aborted'
}
