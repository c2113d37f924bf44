/**
 * The transport's interface, and the one seam where tests may put a double.
 *
 * transport/ owns bytes over a connection: HTTP, server-sent events, WebSocket, proxies, certificates,
 * timeouts, back-pressure. It refuses to know what the bytes mean: no vendor, no credential, no hook.
 */

/** Lower-cased names. */
export type Headers = Readonly<Record<string, string>>

/** How far an exchange had come when it failed; only `unsent` proves that nothing ran. */
export type Phase =
  /** the request's last byte had not left */
  | 'unsent'
  /** sent, and nothing had come back */
  | 'sent'
  /** the peer had begun to answer */
  | 'answering'

export type TransportFailureKind =
  /** the peer answered with a status that is no success; `status`, `headers` and `body` say which */
  | 'refused'
  /** no connection: refused, unreachable, name not found, TLS */
  | 'connect'
  /** the connection ended or was reset in the middle */
  | 'cut'
  /** a WebSocket close frame; `closeCode` says which */
  | 'closed'
  /** one of the timeouts ran out; `clock` says which */
  | 'timeout'
  /** the caller's signal */
  | 'aborted'
  /** a success status whose body is no event stream, or a frame over the size limit */
  | 'content'

export interface TransportFailureFields {
  kind: TransportFailureKind
  phase: Phase
  status?: number
  headers?: Headers
  /** at most 64 KiB; not enumerable, so no log prints it */
  body?: string
  closeCode?: number
  closeReason?: string
  clock?: 'connect' | 'first_frame' | 'idle' | 'total'
  /** the system's own word, such as ECONNRESET */
  systemCode?: string
  /** host and port of the proxy on the way, without its password */
  proxy?: string
  cause?: unknown
}

/** Words for a setting of ours: refused before anything was sent, and any other attempt meets the same. */
const SETTING_CODES: ReadonlySet<string> = new Set(['ERR_PLAIN_TEXT', 'ERR_INVALID_URL', 'ERR_CA_FILE', 'ERR_PROXY_SETTING', 'ERR_PROXY_AUTH'])

export class TransportFailure extends Error {
  override readonly name = 'TransportFailure'
  readonly kind: TransportFailureKind
  readonly phase: Phase
  readonly status?: number
  readonly headers?: Headers
  declare readonly body?: string
  readonly closeCode?: number
  readonly closeReason?: string
  readonly clock?: TransportFailureFields['clock']
  readonly systemCode?: string
  readonly proxy?: string

  constructor(message: string, fields: TransportFailureFields) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause })
    this.kind = fields.kind
    this.phase = fields.phase
    if (fields.status !== undefined) this.status = fields.status
    if (fields.closeCode !== undefined) this.closeCode = fields.closeCode
    if (fields.closeReason !== undefined) this.closeReason = fields.closeReason
    if (fields.clock !== undefined) this.clock = fields.clock
    if (fields.systemCode !== undefined) this.systemCode = fields.systemCode
    if (fields.proxy !== undefined) this.proxy = fields.proxy
    for (const key of ['headers', 'body'] as const) {
      if (fields[key] !== undefined) Object.defineProperty(this, key, { value: fields[key], enumerable: false, configurable: true })
    }
  }

  /** A setting keeps the connection from being made: no other attempt will mend it. */
  get misconfigured(): boolean {
    return this.kind === 'connect' && SETTING_CODES.has(this.systemCode ?? '')
  }
}

/** Every wait has its own clock. Milliseconds; absent means off. */
export interface Timeouts {
  connectMs?: number
  /** from the last byte sent to the first byte of the answer's body (SSE) or the first message (WebSocket) */
  firstFrameMs?: number
  /** silence on the wire; any byte counts as life, SSE comments and WebSocket pings and pongs included */
  idleMs?: number
  /** the whole exchange */
  totalMs?: number
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'DELETE'
  /** http or https */
  url: string
  headers: Record<string, string>
  body?: string
  signal?: AbortSignal
  timeouts?: Timeouts
  /** compress the body with zstd where this Node can; default false */
  compress?: boolean
  /** Asked when there is a connection, right before the request leaves; where it answers false, nothing is sent and the exchange fails `unsent`. */
  mayLeave?: (() => boolean) | undefined
  /** Called once when the request has left, if it does: for what need not come before, while the peer thinks. */
  onSent?: (() => void) | undefined
}

export interface HttpReply {
  status: number
  headers: Headers
  body: string
}

/** The frames of one answer: each is the text of one SSE event's data or of one WebSocket message. */
export interface FrameStream {
  readonly status: number
  readonly headers: Headers
  /**
   * The frames that have arrived, at least one; waits for the next where there is none. `undefined`
   * when the peer ended the body cleanly. Reading paces the socket: what nobody asks for is not read.
   * @throws TransportFailure
   */
  next(): Promise<readonly string[] | undefined>
  /** What `next()` would answer without a wait; undefined where it would wait, answer the end or throw. */
  arrived(): readonly string[] | undefined
  /** Resolves once something came off the wire, whole frames or not; undefined where nothing more comes. A waiting reader costs half of what `next()` does. */
  arrival(): Promise<void> | undefined
  /** The answer is complete: the connection may serve again. Nothing more is read of it. Twice without harm. */
  release(): void
  /** The answer is given up: its connection ends now. Twice without harm. */
  close(): void
}

export interface SocketRequest {
  /** ws or wss */
  url: string
  headers: Record<string, string>
  signal?: AbortSignal
  /** for the whole of connect and upgrade */
  connectMs?: number
  /** how often we ping; a peer that answers neither ping nor anything else for two of them is dead. Default 30,000 */
  pingMs?: number
}

/** One WebSocket connection: one exchange at a time. */
export interface SocketConnection {
  /** of the upgrade's answer */
  readonly headers: Headers
  /** by the transport's clock, in ms */
  readonly openedAtMs: number
  readonly state: 'idle' | 'busy' | 'closed'
  /** Sends one message and answers what comes back until `release()` or `close()`. Throws where the state is not idle. */
  exchange(message: string, options?: { signal?: AbortSignal; timeouts?: Timeouts }): FrameStream
  /** For those who speak themselves: sends a message as it is. */
  send(message: string): Promise<void>
  /** For those who speak themselves: the next message, `undefined` after the end. */
  receive(options?: { signal?: AbortSignal }): Promise<string | undefined>
  close(code?: number, reason?: string): void
  /** Called with each message that comes between exchanges, which belongs to none; the last listener set counts. */
  onUnasked(listener: (message: string) => void): void
  /** Called once when the connection has ended, with the reason. Answers the function that takes it away again. */
  onClosed(listener: (code: number, reason: string) => void): () => void
}

export interface Transport {
  /** A small whole exchange; any status is an answer. @throws TransportFailure */
  fetch(request: HttpRequest): Promise<HttpReply>
  /** An exchange whose answer is an event stream. @throws TransportFailure, kind `refused` for any status but 2xx */
  stream(request: HttpRequest): Promise<FrameStream>
  /** @throws TransportFailure, kind `refused` with the status where the upgrade was answered by one */
  connect(request: SocketRequest): Promise<SocketConnection>
  /** Ends every connection. Twice without harm. */
  close(): Promise<void>
}
