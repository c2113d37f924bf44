import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { ArrivalQueue } from './arrival-queue.js'
import { abortedFailure, flattenHeaders, readReason, readSystemCode, timeoutFailure, wrapFailure } from './failures.js'
import { TransportFailure, type Clocks, type Headers, type Phase, type TransportFailureKind } from './transport.js'
import { createWatch, type Stage, type Watch } from './watch.js'

/** A checked address. */
export interface Target {
  /** scheme, host and port */
  origin: string
  /** for messages */
  host: string
  /** path and query */
  path: string
}

export interface ExchangeOptions {
  method: 'GET' | 'POST' | 'DELETE'
  target: Target
  headers: Record<string, string>
  body: Buffer | undefined
  signal: AbortSignal | undefined
  clocks: Clocks
  /** Called once when the exchange has got a connection, or has failed without one. */
  onWaited: () => void
  /** Called once when the request has left, if it does. */
  onSent: (() => void) | undefined
  /** Called once when nothing more is read or written. */
  onFinished: () => void
}

export interface ResponseHead {
  status: number
  headers: Headers
}

/** A body up to this goes out in one write; a larger one in pieces, each when the socket has taken the one before. */
const PIECE_BYTES = 64 * 1024
/** What is still read of a body after `release`, so that the connection can serve again. */
const DRAIN_BYTES = 64 * 1024
const DRAIN_MS = 250

/** One request and its answer, as undici's handler. Undici calls the `on…` methods; everything else is ours. */
export class HttpExchange implements Dispatcher.DispatchHandler {
  readonly head: Promise<ResponseHead>
  phase: Phase = 'unsent'
  readonly #options: ExchangeOptions
  readonly #onAbort: () => void
  #arrivals: ArrivalQueue<Buffer> | undefined
  #watch: Watch | undefined
  #stage: Stage = 'connecting'
  #attended = false
  #controller: Dispatcher.DispatchController | undefined
  #settleHead: { resolve: (head: ResponseHead) => void; reject: (failure: TransportFailure) => void } | undefined
  #waited = false
  #finished = false
  #received = false
  #drainedBytes: number | undefined
  #drainTimer: NodeJS.Timeout | undefined

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.head = new Promise((resolve, reject) => (this.#settleHead = { resolve, reject }))
    this.#onAbort = () => this.#drop(abortedFailure(this.phase, options.signal))
  }

  /** What has come of the body. */
  get arrivals(): ArrivalQueue<Buffer> {
    return (this.#arrivals ??= new ArrivalQueue({ pause: () => this.#pause(), resume: () => this.#resume() }))
  }

  /** Why it failed, where it has. */
  get failureKind(): TransportFailureKind | undefined {
    const { failure } = this.arrivals
    return failure instanceof TransportFailure ? failure.kind : undefined
  }

  start(dispatcher: Dispatcher): void {
    const { signal, target: { origin, path }, method, headers, body } = this.#options
    if (signal?.aborted) return this.#onAbort()
    const inPieces = body !== undefined && body.length > PIECE_BYTES
    const sent = inPieces ? { ...headers, 'content-length': String(body.length) } : headers
    try {
      dispatcher.dispatch(
        {
          origin, path, method, headers: sent,
          body: inPieces ? this.#cutBody(body) : (body ?? null), headersTimeout: 0, bodyTimeout: 0,
        },
        this,
      )
    } catch (error) {
      this.#failWith(error)
    }
    // Undici looks once more at an idle connection and writes to it in the next turn of the event loop: what is
    // done before that turn, the request waits for. Clock, listener and all else come right behind it.
    if (!this.#finished) setImmediate(() => this.#attend())
  }

  #attend(): void {
    this.#attended = true
    const { signal, clocks, onSent } = this.#options
    if (this.#finished || this.#drainedBytes !== undefined) return
    if (signal?.aborted) return this.#onAbort()
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.#watch = createWatch(clocks, (clock, limitMs) => this.fail(timeoutFailure(clock, limitMs, this.phase)), this.#stage)
    // Made by whoever reads it first, which is the first piece of the answer otherwise.
    void this.arrivals
    if (this.phase !== 'unsent') onSent?.()
  }

  #enter(stage: Stage): void {
    this.#stage = stage
    this.#watch?.enter(stage)
  }

  /** Ends the exchange; its connection with it, unless it is over already. */
  fail(failure: TransportFailure): void {
    if (this.#finished) return
    this.#finish()
    this.arrivals.fail(failure)
    this.#settleHead?.reject(failure)
    this.#controller?.abort(failure)
  }

  /** See FrameStream.release. */
  release(): void {
    if (this.#finished || this.#drainedBytes !== undefined) return
    this.#drainedBytes = 0
    this.#watch?.stop()
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#drainTimer = setTimeout(() => this.close(), DRAIN_MS)
    this.#drainTimer.unref()
    this.arrivals.clear()
  }

  close(): void {
    this.#drop(abortedFailure(this.phase))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#finished) return controller.abort(new Error('given up before it was sent'))
    this.#markWaited()
    const { body } = this.#options
    if (body && body.length > PIECE_BYTES) this.#enter('sending')
    // Undici writes a body of one piece in the same tick, after this call.
    else this.#markSent()
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Dispatcher.ResponseData['headers']): void {
    this.phase = 'answering'
    if (status < 200) return this.#watch?.alive()
    this.#enter('awaiting')
    this.#settleHead?.resolve({ status, headers: flattenHeaders(headers) })
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#drainedBytes !== undefined) {
      this.#drainedBytes += chunk.length
      if (this.#drainedBytes > DRAIN_BYTES) this.close()
      return
    }
    if (this.#received) this.#watch?.alive()
    else {
      this.#received = true
      this.#enter('receiving')
    }
    this.arrivals.push(chunk, chunk.length)
  }

  onResponseEnd(): void {
    if (this.#finished) return
    this.#finish()
    this.arrivals.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#failWith(error)
  }

  /** Fails first: dropping what waits lets a paused connection go on, unless it is over. */
  #drop(failure: TransportFailure): void {
    this.fail(failure)
    this.arrivals.clear()
  }

  #failWith(error: unknown): void {
    if (this.#finished) return
    const { host } = this.#options.target
    const kind = readKind(error, this.#waited, this.phase)
    // A parser's error carries the bytes it choked on; they stay out of ours.
    const told = isUnreadable(error) ? new Error(readReason(error)) : error
    this.fail(wrapFailure(kind, this.phase, told, kind === 'connect' ? `no connection to ${host}` : `the exchange with ${host} failed`))
  }

  #finish(): void {
    this.#finished = true
    this.#watch?.stop()
    clearTimeout(this.#drainTimer)
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#markWaited()
    this.#options.onFinished()
  }

  #markWaited(): void {
    if (this.#waited) return
    this.#waited = true
    this.#options.onWaited()
  }

  #markSent(): void {
    if (this.phase !== 'unsent') return
    this.phase = 'sent'
    this.#enter('awaiting')
    const { onSent } = this.#options
    if (this.#attended && onSent) queueMicrotask(onSent)
  }

  #pause(): void {
    this.#watch?.suspend()
    this.#controller?.pause()
  }

  #resume(): void {
    this.#watch?.resume()
    this.#controller?.resume()
  }

  #cutBody(body: Buffer): Readable {
    let offset = 0
    const alive = () => this.#watch?.alive()
    const pieces = new Readable({
      highWaterMark: PIECE_BYTES,
      read() {
        alive()
        if (offset >= body.length) return void this.push(null)
        const piece = body.subarray(offset, (offset += PIECE_BYTES))
        this.push(piece)
      },
    })
    return pieces.once('end', () => this.#markSent()).on('error', () => undefined)
  }
}

/** By undici's names: a request that could not be written at all, and an answer that isn't HTTP. */
function readKind(error: unknown, connected: boolean, phase: Phase): TransportFailureKind {
  const code = readSystemCode(error)
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') return 'content'
  if (!connected) return 'connect'
  return phase !== 'answering' && (isUnreadable(error) || code === 'UND_ERR_HEADERS_OVERFLOW') ? 'content' : 'cut'
}

function isUnreadable(error: unknown): boolean {
  return error instanceof Error && error.name === 'HTTPParserError'
}
