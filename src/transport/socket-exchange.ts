import { ArrivalQueue } from './arrival-queue.js'
import { abortedFailure, timeoutFailure } from './failures.js'
import type { Clocks, FrameStream, Headers, Phase, TransportFailure } from './transport.js'
import { createWatch, type Watch } from './watch.js'

export interface SocketExchangeOptions {
  /** of the upgrade's answer */
  headers: Headers
  clocks: Clocks
  signal?: AbortSignal
  flow: { pause: () => void; resume: () => void }
  /** The exchange is given up and the connection with it. */
  terminate: () => void
  /** Called once when the exchange is over, in whichever way. */
  onFinished: () => void
}

/** A WebSocket's answer to an upgrade that went well. */
const SWITCHING_PROTOCOLS = 101

/** One message sent over a WebSocket and what comes back. The connection calls `sent`, `push`, `alive` and `fail`. */
export class SocketExchange implements FrameStream {
  readonly status = SWITCHING_PROTOCOLS
  readonly headers: Headers
  phase: Phase = 'unsent'
  readonly #options: SocketExchangeOptions
  readonly #watch: Watch
  readonly #onAbort: () => void
  readonly #arrivals = new ArrivalQueue<string>({
    pause: () => {
      this.#watch.suspend()
      this.#options.flow.pause()
    },
    resume: () => {
      this.#watch.resume()
      this.#options.flow.resume()
    },
  })

  constructor(options: SocketExchangeOptions) {
    const { signal, clocks } = options
    this.headers = options.headers
    this.#options = options
    this.#watch = createWatch(clocks, (clock, limitMs) => this.#giveUp(timeoutFailure(clock, limitMs, this.phase)))
    this.#watch.enter('sending')
    this.#onAbort = () => this.#drop(abortedFailure(this.phase, signal))
    signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  arrived(): readonly string[] | undefined {
    const taken = this.#arrivals.take()
    return taken.length > 0 ? taken : undefined
  }

  async next(): Promise<readonly string[] | undefined> {
    for (;;) {
      const arrived = this.arrived()
      if (arrived) return arrived
      if (this.#arrivals.failure) throw this.#arrivals.failure
      if (this.#arrivals.ended) return undefined
      await this.#arrivals.arrival()
    }
  }

  release(): void {
    this.#arrivals.clear()
    if (this.#arrivals.ended) return
    this.#arrivals.end()
    this.#finish()
  }

  close(): void {
    this.#drop(abortedFailure(this.phase))
  }

  /** The message has been written to the system's socket whole. */
  sent(): void {
    if (this.phase !== 'unsent') return
    this.phase = 'sent'
    this.#watch.enter('awaiting')
  }

  push(text: string, bytes: number): void {
    if (this.phase === 'answering') this.#watch.alive()
    else {
      this.phase = 'answering'
      this.#watch.enter('receiving')
    }
    this.#arrivals.push(text, bytes)
  }

  /** Any bytes came, of a ping or of half a message too. */
  alive(bytes: number): void {
    this.#watch.alive()
    if (this.phase === 'answering') this.#arrivals.read(bytes)
  }

  /** The connection is gone; what came before is answered first. */
  fail(failure: TransportFailure): void {
    if (this.#arrivals.ended) return
    this.#arrivals.fail(failure)
    this.#finish()
  }

  #giveUp(failure: TransportFailure): void {
    if (this.#arrivals.ended) return
    this.fail(failure)
    this.#options.terminate()
  }

  #drop(failure: TransportFailure): void {
    this.#giveUp(failure)
    this.#arrivals.clear()
  }

  #finish(): void {
    this.#watch.stop()
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#options.onFinished()
  }
}
