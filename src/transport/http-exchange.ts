import type { Dispatcher } from 'undici'
import { createBodyPieces, joinPieces, PIECE_BYTES } from './body-pieces.js'
import { Exchange, type ExchangeOptions } from './exchange.js'
import { abortedFailure, flattenHeaders, wrapFailure } from './failures.js'
import { toHttpFailure } from './http-failure.js'
import type { SentRequest, Target } from './request-target.js'
import { FrameTooLarge, type SseDecoder } from './sse-frames.js'
import { TransportFailure, type Headers, type TransportFailureKind } from './transport.js'

export interface HttpExchangeOptions extends ExchangeOptions {
  target: Target
  client: ExchangeClient
  /** Asked right before the request leaves: false holds it back. */
  mayLeave: (() => boolean) | undefined
  /** Called once when the request has left, if it does. */
  onSent: (() => void) | undefined
}

/** What the exchanges of a client share. */
export interface ExchangeClient {
  /** Called once when an exchange has got a connection, or has failed without one. */
  waited(target: Target): void
  /** Called once when nothing more of it is read or written. */
  finished(exchange: HttpExchange): void
  /** of an answer that is an event stream */
  createDecoder(): SseDecoder
  /** how much to decode at a time where more has arrived */
  decodeBytes(): number
}

export type ResponseHead = Pick<HttpExchange, 'status' | 'headers'>

/** What is still read of a body after `release`, so that the connection can serve again. */
const DRAIN_BYTES = 64 * 1024
const DRAIN_MS = 250
/** So many times what has arrived is decoded a piece at a time: the caller waits for the first of its events. */
const SMALL_DECODES = 3

/**
 * One request and its answer, as undici's handler: undici calls the `on…` methods. Bytes of an event stream are
 * decoded when they are asked for, several pieces at once: one read of a socket holds dozens of HTTP chunks, and
 * joining them first costs less than decoding each.
 */
export class HttpExchange extends Exchange<Buffer> implements Dispatcher.DispatchHandler {
  readonly head: Promise<ResponseHead>
  status = 0
  headers: Headers = {}
  readonly #target: Target
  readonly #client: ExchangeClient
  /** let go of once the request has left: both hold it */
  #mayLeave: (() => boolean) | undefined
  #onSent: (() => void) | undefined
  #inPieces = false
  #attended = false
  #controller: Dispatcher.DispatchController | undefined
  #settleHead: { resolve: (head: ResponseHead) => void; reject: (failure: TransportFailure) => void } | undefined
  #waited = false
  #drainedBytes: number | undefined
  #drainTimer: NodeJS.Timeout | undefined
  #decoder: SseDecoder | undefined
  #decodes = 0
  /** nothing is left to tell: the decoder's rest was taken, or the caller wants no more */
  #told = false

  constructor(options: HttpExchangeOptions) {
    super({ signal: options.signal, timeouts: options.timeouts })
    this.#target = options.target
    this.#client = options.client
    this.#mayLeave = options.mayLeave
    this.#onSent = options.onSent
    this.head = new Promise((resolve, reject) => (this.#settleHead = { resolve, reject }))
  }

  /** Why it failed, where it has. */
  get failureKind(): TransportFailureKind | undefined {
    const { failure } = this.arrivals
    return failure instanceof TransportFailure ? failure.kind : undefined
  }

  /** The request is not kept: an answer that is waited for must not hold its prompt. */
  start(dispatcher: Dispatcher, { method, headers, body }: SentRequest): void {
    const { origin, path } = this.#target
    if (this.options.signal?.aborted) return this.attend()
    const length = body?.length ?? 0
    this.#inPieces = length > PIECE_BYTES
    const sent = this.#inPieces ? { ...headers, 'content-length': String(length) } : headers
    try {
      dispatcher.dispatch(
        { origin, path, method, headers: sent, body: body && this.#inPieces ? createBodyPieces(body, { onPiece: () => this.alive(), onLast: () => this.#sent() }) : (body ?? null), headersTimeout: 0, bodyTimeout: 0 },
        this,
      )
    } catch (error) {
      this.#failWith(error)
    }
    // Undici looks once more at an idle connection and writes to it in the next turn of the event loop: what is
    // done before that turn, the request waits for. Timeouts, listener and all else come right behind it.
    if (!this.finished) setImmediate(() => this.#attend())
  }

  #attend(): void {
    this.#attended = true
    if (this.finished || this.#drainedBytes !== undefined) return
    this.attend()
    // Made at its first use, which is the first piece of the answer otherwise.
    void this.arrivals
    if (this.phase !== 'unsent') this.#tellSent()
  }

  override fail(failure: TransportFailure): void {
    if (this.finished) return
    super.fail(failure)
    this.#settleHead?.reject(failure)
    this.#settleHead = undefined
  }

  override next(): Promise<readonly string[] | undefined> {
    return this.#drainedBytes === undefined ? super.next() : Promise.resolve(undefined)
  }

  arrived(): readonly string[] | undefined {
    while (!this.#told) {
      const pieces = this.arrivals.take(this.#decodes < SMALL_DECODES ? 1 : this.#client.decodeBytes())
      this.#decodes++
      // An event that has grown too long fails here, after those before it.
      if (pieces.length === 0 && this.#decoder?.overflowed() !== true) return undefined
      const frames = this.#decode((decoder) => decoder.push(joinPieces(pieces)))
      if (frames.length > 0) return frames
    }
    return undefined
  }

  release(): void {
    if (this.finished || this.#drainedBytes !== undefined) return
    this.#drainedBytes = 0
    this.#told = true
    this.disregard()
    this.#drainTimer = setTimeout(() => this.close(), DRAIN_MS)
    this.#drainTimer.unref()
    this.arrivals.clear()
  }

  override close(): void {
    this.#told = true
    super.close()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.finished) return controller.abort(new Error('given up before it was sent'))
    if (this.#mayLeave?.() === false) return controller.abort(abortedFailure(this.phase))
    this.#markWaited()
    if (this.#inPieces) this.enter('sending')
    // Undici writes a body of one piece in the same tick, after this call.
    else this.#sent()
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: Dispatcher.ResponseData['headers']): void {
    this.phase = 'answering'
    if (status < 200) return this.alive()
    this.enter('awaiting')
    this.status = status
    this.headers = flattenHeaders(headers)
    this.#settleHead?.resolve({ status, headers: this.headers })
    this.#settleHead = undefined
    // Undici would keep the buffers they came in, 2.5 KB, for as long as the answer runs. A host's own may not let go of them.
    Reflect.set(controller, 'rawHeaders', null)
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#drainedBytes === undefined) return this.receive(chunk, chunk.length)
    this.#drainedBytes += chunk.length
    if (this.#drainedBytes > DRAIN_BYTES) this.close()
  }

  onResponseEnd(): void {
    this.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#failWith(error)
  }

  /** An event at the very end that lacks nothing but its closing blank line; none where the caller gave the answer up. */
  protected override rest(): readonly string[] {
    if (this.#told || this.failureKind === 'aborted') return []
    this.#told = true
    return this.#decode((decoder) => decoder.end())
  }

  protected onFinish(): void {
    clearTimeout(this.#drainTimer)
    this.#markWaited()
    this.#client.finished(this)
  }

  protected cut(failure: TransportFailure): void {
    this.#controller?.abort(failure)
  }

  protected stopReading(): void {
    this.#controller?.pause()
  }

  protected goOnReading(): void {
    this.#controller?.resume()
  }

  #decode(read: (decoder: SseDecoder) => string[]): string[] {
    try {
      return read((this.#decoder ??= this.#client.createDecoder()))
    } catch (error) {
      if (!(error instanceof FrameTooLarge)) throw error
      const failure = wrapFailure('content', this.phase, error, 'the answer cannot be taken')
      this.#told = true
      this.arrivals.clear()
      this.giveUp(failure)
      throw failure
    }
  }

  #failWith(error: unknown): void {
    if (!this.finished) this.giveUp(toHttpFailure(error, { host: this.#target.host, connected: this.#waited, phase: this.phase }))
  }

  #markWaited(): void {
    if (this.#waited) return
    this.#waited = true
    this.#client.waited(this.#target)
  }

  #sent(): void {
    if (this.phase !== 'unsent') return
    this.markSent()
    if (this.#attended) queueMicrotask(() => this.#tellSent())
  }

  /** Runs in no promise of the caller's: what the caller's work throws ends this exchange, not the process. */
  #tellSent(): void {
    const tell = this.#onSent
    this.#onSent = this.#mayLeave = undefined
    try {
      tell?.()
    } catch (error) {
      this.giveUp(new TransportFailure('the exchange was given up, because what its sender did behind the request failed', { kind: 'cut', phase: this.phase, cause: error }))
    }
  }
}
