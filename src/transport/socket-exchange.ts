import { Exchange, type ExchangeOptions } from './exchange.js'
import type { Flow } from './arrival-queue.js'
import type { Headers } from './transport.js'

/** The connection that an exchange runs on. */
export interface ExchangeConnection extends Flow {
  /** of the upgrade's answer */
  readonly headers: Headers
  /** Called once when nothing more is read or written. */
  finished(exchange: SocketExchange): void
  /** The exchange is given up and the connection with it. */
  giveUp(): void
}

/** A WebSocket's answer to an upgrade that went well. */
const SWITCHING_PROTOCOLS = 101

/** One message sent over a WebSocket and what comes back. The connection calls `sent`, `push`, `read` and `fail`. */
export class SocketExchange extends Exchange<string> {
  readonly status = SWITCHING_PROTOCOLS
  readonly #connection: ExchangeConnection

  constructor(connection: ExchangeConnection, options: ExchangeOptions) {
    super(options)
    this.#connection = connection
    this.enter('sending')
    this.attend()
  }

  get headers(): Headers {
    return this.#connection.headers
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
    this.#connection.finished(this)
  }

  protected cut(): void {
    this.#connection.giveUp()
  }

  protected stopReading(): void {
    this.#connection.pause()
  }

  protected goOnReading(): void {
    this.#connection.resume()
  }
}
