import { ArrivalQueue, type Flow } from './arrival-queue.js'
import { abortedFailure, timeoutFailure } from './failures.js'
import { startTimeouts, type Expiring, type RunningTimeouts, type Stage, type TimeoutName } from './timeouts.js'
import type { FrameStream, Headers, Phase, Timeouts, TransportFailure } from './transport.js'

export interface ExchangeOptions {
  signal: AbortSignal | undefined
  timeouts: Timeouts
}

/**
 * What a request over HTTP and a message over a WebSocket have in common: how far it has come, its timeouts, what
 * has arrived of its answer, and its end, which comes once.
 */
export abstract class Exchange<Item> implements FrameStream, Flow, Expiring {
  abstract readonly status: number
  abstract readonly headers: Headers
  phase: Phase = 'unsent'
  protected readonly options: ExchangeOptions
  #arrivals: ArrivalQueue<Item> | undefined
  #timeouts: RunningTimeouts | undefined
  #stage: Stage = 'connecting'
  #received = false
  #finished = false

  constructor(options: ExchangeOptions) {
    this.options = options
  }

  /** What has come of the answer and was not taken yet. */
  get arrivals(): ArrivalQueue<Item> {
    return (this.#arrivals ??= new ArrivalQueue(this))
  }

  /** Too much waits to be taken: nothing more is read, and silence says nothing. */
  pause(): void {
    this.#timeouts?.suspend()
    this.stopReading()
  }

  resume(): void {
    this.#timeouts?.resume()
    this.goOnReading()
  }

  get finished(): boolean {
    return this.#finished
  }

  abstract arrived(): readonly string[] | undefined
  abstract release(): void

  arrival(): Promise<void> | undefined {
    return this.arrivals.ended ? undefined : this.arrivals.arrival()
  }

  // Not `async`: a suspended function is 500 bytes that every waiting stream would hold.
  next(): Promise<readonly string[] | undefined> {
    try {
      const arrived = this.arrived()
      if (arrived) return Promise.resolve(arrived)
      const { arrivals } = this
      if (!arrivals.ended) return arrivals.arrival().then(() => this.next())
      const rest = this.rest()
      if (rest.length > 0) return Promise.resolve(rest)
      if (arrivals.failure) throw arrivals.failure
      return Promise.resolve(undefined)
    } catch (failure) {
      return Promise.reject(failure as TransportFailure)
    }
  }

  close(): void {
    this.drop(abortedFailure(this.phase))
  }

  /** The connection is gone; what came before is answered first. */
  fail(failure: TransportFailure): void {
    if (this.#finished) return
    this.arrivals.fail(failure)
    this.#finish()
  }

  /** Ends the exchange and its connection. */
  giveUp(failure: TransportFailure): void {
    if (this.#finished) return
    this.fail(failure)
    this.cut(failure)
  }

  /** Something moved on the wire. */
  alive(): void {
    this.#timeouts?.alive()
  }

  /** The signal has aborted: an object that listens spares each waiting exchange a function of its own. */
  handleEvent(): void {
    this.drop(abortedFailure(this.phase, this.options.signal))
  }

  expire(clock: TimeoutName, limitMs: number): void {
    this.giveUp(timeoutFailure(clock, limitMs, this.phase))
  }

  /** From now on the signal and the timeouts count. */
  protected attend(): void {
    const { signal, timeouts } = this.options
    if (signal?.aborted) return this.handleEvent()
    signal?.addEventListener('abort', this, { once: true })
    this.#timeouts = startTimeouts(timeouts, this, this.#stage)
  }

  /** The signal and the timeouts count no more. */
  protected disregard(): void {
    this.#timeouts?.stop()
    this.options.signal?.removeEventListener('abort', this)
  }

  protected enter(stage: Stage): void {
    this.#stage = stage
    this.#timeouts?.enter(stage)
  }

  /** The request's last byte has left. */
  protected markSent(): void {
    this.phase = 'sent'
    this.enter('awaiting')
  }

  /** @param bytes its weight */
  protected receive(item: Item, bytes: number): void {
    if (this.#received) this.alive()
    else {
      this.#received = true
      this.phase = 'answering'
      this.enter('receiving')
    }
    this.arrivals.push(item, bytes)
  }

  /** The answer is whole, or its reader wants no more of it. */
  protected end(): void {
    if (this.#finished) return
    this.arrivals.end()
    this.#finish()
  }

  /** Gives up first: dropping what waits lets a paused connection go on, unless it is over. */
  protected drop(failure: TransportFailure): void {
    this.giveUp(failure)
    this.arrivals.clear()
  }

  /** What is left to tell once nothing more arrives. */
  protected rest(): readonly string[] {
    return []
  }

  /** Nothing more is read or written. */
  protected abstract onFinish(): void
  protected abstract cut(failure: TransportFailure): void
  protected abstract stopReading(): void
  protected abstract goOnReading(): void

  #finish(): void {
    this.#finished = true
    this.disregard()
    this.onFinish()
  }
}
