import { Exchange, type ExchangeOptions } from './exchange.js'
import type { Flow } from './arrival-queue.js'
import type { Headers } from './transport.js'

export interface SocketExchangeOptions extends ExchangeOptions {
  /** of the upgrade's answer */
  headers: Headers
  flow: Flow
  /** Called once when nothing more is read or written. */
  onFinished: () => void
  /** The exchange is given up and the connection with it. */
  terminate: () => void
}

/** A WebSocket's answer to an upgrade that went well. */
const SWITCHING_PROTOCOLS = 101

/** One message sent over a WebSocket and what comes back. The connection calls `sent`, `push`, `read` and `fail`. */
export class SocketExchange extends Exchange<string> {
  readonly status = SWITCHING_PROTOCOLS
  readonly headers: Headers
  readonly #socket: Pick<SocketExchangeOptions, 'flow' | 'onFinished' | 'terminate'>

  constructor(options: SocketExchangeOptions) {
    super(options)
    this.headers = options.headers
    this.#socket = options
    this.enter('sending')
    this.attend()
  }

  arrived(): readonly string[] | undefined {
    const taken = this.arrivals.take()
    return taken.length > 0 ? taken : undefined
  }

  release(): void {
    this.arrivals.clear()
    this.end()
  }

  /** The message has been written to the system's socket whole. */
  sent(): void {
    if (this.phase === 'unsent') this.markSent()
  }

  push(text: string, bytes: number): void {
    this.receive(text, bytes)
  }

  /** Any bytes came, of a ping or of half a message too. */
  read(bytes: number): void {
    this.alive()
    if (this.phase === 'answering') this.arrivals.read(bytes)
  }

  protected onFinish(): void {
    this.#socket.onFinished()
  }

  protected cut(): void {
    this.#socket.terminate()
  }

  protected stopReading(): void {
    this.#socket.flow.pause()
  }

  protected goOnReading(): void {
    this.#socket.flow.resume()
  }
}
