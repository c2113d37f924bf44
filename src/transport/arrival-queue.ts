/**
 * Bytes that may wait here before the connection is paused: what one read of a socket brings at most, so a
 * consumer that keeps up is never paused.
 */
export const HIGH_WATER_BYTES = 64 * 1024

/** Of nothing, for all queues; what comes makes a list of its own. */
const NONE: never[] = []

export interface Flow {
  /** called once when too much waits */
  pause: () => void
  /** called once when it was taken */
  resume: () => void
}

/** What a connection has brought and its reader has not taken yet, bounded by asking the connection to pause. */
export class ArrivalQueue<Item> {
  readonly #flow: Flow
  #items: Item[] = NONE
  #weights: number[] = NONE
  #bytes = 0
  #paused = false
  /** read while the taker was busy with what it took last */
  #unasked = 0
  #ended = false
  #failure: Error | undefined
  #wake: (() => void) | undefined

  constructor(flow: Flow) {
    this.#flow = flow
  }

  get ended(): boolean {
    return this.#ended
  }

  get failure(): Error | undefined {
    return this.#failure
  }

  /** @param weight in bytes */
  push(item: Item, weight: number): void {
    if (this.#items.length === 0) {
      // Mostly the only one: a list that is pushed to has room for 17.
      this.#items = [item]
      this.#weights = [weight]
    } else {
      this.#items.push(item)
      this.#weights.push(weight)
    }
    this.#bytes += weight
    if (this.#bytes >= HIGH_WATER_BYTES) this.#pause()
    if (this.#wake) this.#rouse()
  }

  /** So many bytes came off the connection, of whole items or not; told after the items that they completed. */
  read(bytes: number): void {
    // Half an item counts for a busy taker: with a slow one the long last messages of an answer came whole, and of
    // each its pieces, its bytes and its text were held beside the answer. A waiting reader gets it, however long.
    if (!this.#wake && (this.#unasked += bytes) > HIGH_WATER_BYTES && !this.#ended) this.#pause()
  }

  /** Nothing more comes. Only the first of `end` and `fail` counts. */
  end(): void {
    this.#finish()
  }

  /** Nothing more comes, and this is why; told once what came before has been taken. */
  fail(failure: Error): void {
    this.#finish(failure)
  }

  /** Drops what is there. */
  clear(): void {
    this.take()
  }

  /**
   * What is there, first come first: all of it, or only until `enoughBytes` are reached; empty where there is nothing.
   * Lets a paused connection go on once nothing is left.
   */
  take(enoughBytes = this.#bytes): readonly Item[] {
    this.#unasked = 0
    const taken = enoughBytes < this.#bytes ? this.#takeSome(enoughBytes) : this.#takeAll()
    if (this.#paused && this.#bytes === 0) {
      this.#paused = false
      if (!this.#ended) this.#flow.resume()
    }
    return taken
  }

  /** Resolves once there is something to take, or nothing more to wait for. One waiter at a time. */
  arrival(): Promise<void> {
    if (this.#wake) return Promise.reject(new Error('somebody is waiting for the next arrival already'))
    // Not the bytes: an empty message weighs nothing.
    if (this.#items.length > 0 || this.#ended) return Promise.resolve()
    return new Promise((resolve) => (this.#wake = resolve))
  }

  #takeAll(): readonly Item[] {
    const taken = this.#items
    this.#items = NONE
    this.#weights = NONE
    this.#bytes = 0
    return taken
  }

  #takeSome(enoughBytes: number): readonly Item[] {
    let count = 0
    let taken = 0
    while (taken < enoughBytes) taken += this.#weights[count++] ?? enoughBytes
    this.#weights.splice(0, count)
    this.#bytes -= taken
    return this.#items.splice(0, count)
  }

  #pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#flow.pause()
  }

  #finish(failure?: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#failure = failure
    this.#rouse()
  }

  #rouse(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
