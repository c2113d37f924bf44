import type { Socket } from 'node:net'
import type WebSocket from 'ws'
import { ArrivalQueue } from './arrival-queue.js'
import { readText } from './decode-utf8.js'
import { abortedFailure, timeoutFailure } from './failures.js'
import { Heartbeat, type Beating } from './heartbeat.js'
import { createMessageReader, type MessageReader } from './message-reader.js'
import { describeClose } from './describe-close.js'
import { SocketExchange, type ExchangeConnection } from './socket-exchange.js'
import type { Timeouts, FrameStream, Headers, SocketConnection } from './transport.js'

/**
 * Characters from which a message is sent compressed, where the peer takes that. The compressor's state stays for as
 * long as the connection: with it each of 200 took 308 KB of memory, without it 62.
 */
const COMPRESS_FROM = 64 * 1024
/** How long a polite close may take until the socket is ended. */
const CLOSE_MS = 500

type ClosedListener = (code: number, reason: string) => void

export interface SocketConnectionOptions {
  headers: Headers
  openedAtMs: number
  pingMs: number
}

/**
 * A connection that has just opened.
 *
 * The first call decides what it is for: `exchange()`, after which a message outside of an exchange is dropped, as it
 * belongs to an answer that is over; or `send()` and `receive()`, after which `exchange()` is refused. What comes
 * before either waits for `receive()` (64 KiB, then the socket is paused) and is dropped by `exchange()`.
 */
export class WebSocketConnection implements SocketConnection, ExchangeConnection, Beating {
  readonly headers: Headers
  readonly openedAtMs: number
  readonly #ws: WebSocket
  readonly #heartbeat: Heartbeat
  readonly #socket: Socket
  readonly #pingMs: number
  #messages: MessageReader | undefined
  /** one or two: a set of them takes four times the memory */
  #listeners: readonly ClosedListener[] = []
  #spokenBy: 'none' | 'exchanges' | 'caller' = 'none'
  #current: SocketExchange | undefined
  #closing = false
  #ended: { code: number; reason: string } | undefined
  #lastError: unknown
  #unasked: ((message: string) => void) | undefined

  constructor(ws: WebSocket, socket: Socket, { headers, openedAtMs, pingMs }: SocketConnectionOptions) {
    this.headers = headers
    this.openedAtMs = openedAtMs
    this.#ws = ws
    this.#socket = socket
    this.#pingMs = pingMs
    this.#heartbeat = new Heartbeat(this, pingMs)
    ws.on('message', (data: Buffer) => {
      // A compressed read may take long to unpack, and nothing is read meanwhile: its messages are life too.
      this.#heartbeat.heard()
      const text = readText(data)
      if (this.#current) this.#current.push(text, data.length)
      else if (this.#spokenBy === 'exchanges') this.#unasked?.(text)
      else this.#reader.push(text, data.length)
    })
    ws.on('error', (error) => (this.#lastError = error))
    ws.on('close', (code, reason) => this.#finish(code, reason.toString()))
    socket.on('data', (bytes: Buffer) => {
      this.#heartbeat.heard()
      this.#current?.read(bytes.length)
    })
  }

  /** Made for who needs it: exchanges don't. */
  get #reader(): MessageReader {
    if (this.#messages) return this.#messages
    this.#messages = createMessageReader(new ArrivalQueue(this))
    if (this.#ended || this.#closing) this.#messages.end()
    return this.#messages
  }

  pause(): void {
    this.#ws.pause()
  }

  resume(): void {
    this.#heartbeat.heard() // what came meanwhile is still to be read
    this.#ws.resume()
  }

  isPaused(): boolean {
    return this.#ws.isPaused
  }

  ping(): void {
    this.#ws.ping()
  }

  died(): void {
    this.#current?.fail(timeoutFailure('idle', 2 * this.#pingMs, this.#current.phase))
    this.#terminate('the peer answered no ping')
  }

  finished(exchange: SocketExchange): void {
    if (this.#current !== exchange) return
    this.#current = undefined
    // As an idle connection over HTTP: a program that has nothing else to do ends, also where close() is never called.
    this.#socket.unref()
  }

  giveUp(): void {
    this.#terminate('given up here')
  }

  get state(): 'idle' | 'busy' | 'closed' {
    if (this.#ended || this.#ws.readyState !== this.#ws.OPEN) return 'closed'
    return this.#current || this.#spokenBy === 'caller' ? 'busy' : 'idle'
  }

  exchange(message: string, { signal, timeouts }: { signal?: AbortSignal; timeouts?: Timeouts } = {}): FrameStream {
    if (this.state === 'closed') throw describeClose(this.#ended, 'unsent', this.#lastError)
    if (this.state === 'busy') throw new Error('this connection is busy; it carries one exchange at a time')
    if (signal?.aborted) throw abortedFailure('unsent', signal)
    this.#spokenBy = 'exchanges'
    this.#messages?.clear()
    this.#messages = undefined
    const exchange = new SocketExchange(this, { timeouts: timeouts ?? {}, signal })
    this.#current = exchange
    this.#socket.ref()
    this.#ws.send(message, { compress: message.length >= COMPRESS_FROM }, (error) => {
      // An error is proof that the message did not leave whole. Its absence is none that it did, as Node gives no
      // error for a write that its socket's end overtook; in doubt it counts as sent.
      if (error) this.#lastError ??= error
      else exchange.sent()
    })
    return exchange
  }

  send(message: string): Promise<void> {
    if (!this.#current) this.#ownedByCaller()
    return new Promise((resolve, reject) => {
      this.#ws.send(message, (error) => {
        if (error) reject(describeClose(this.#ended, 'unsent', this.#lastError ?? error))
        else resolve()
      })
    })
  }

  async receive({ signal }: { signal?: AbortSignal } = {}): Promise<string | undefined> {
    if (this.#current) throw new Error('an exchange is under way; its answer is read from its frames')
    this.#ownedByCaller()
    return this.#reader.receive(signal)
  }

  #ownedByCaller(): void {
    this.#spokenBy = 'caller'
    this.#socket.ref()
  }

  close(code = 1000, reason = ''): void {
    if (this.#ended || this.#closing) return
    this.#closing = true
    this.#current?.fail(abortedFailure(this.#current.phase))
    this.#spokenBy = 'exchanges' // what still comes is dropped
    this.#messages?.end()
    this.#ws.resume()
    this.#ws.close(code, reason)
    const timer = setTimeout(() => this.#terminate('no answer to the close frame'), CLOSE_MS)
    timer.unref()
    this.#ws.once('close', () => clearTimeout(timer))
  }

  onUnasked(listener: (message: string) => void): void {
    this.#unasked = listener
  }

  onClosed(listener: ClosedListener): () => void {
    const ended = this.#ended
    if (ended) queueMicrotask(() => listener(ended.code, ended.reason))
    else this.#listeners = [...this.#listeners, listener]
    return () => void (this.#listeners = this.#listeners.filter((each) => each !== listener))
  }

  #terminate(reason: string): void {
    this.#ws.resume()
    this.#ws.terminate()
    this.#finish(1006, reason)
  }

  #finish(code: number, reason: string): void {
    if (this.#ended) return
    this.#ended = { code, reason }
    this.#heartbeat.stop()
    this.#current?.fail(describeClose(this.#ended, this.#current.phase, this.#lastError))
    this.#messages?.end()
    for (const listener of this.#listeners) listener(code, reason)
    this.#listeners = []
  }
}
