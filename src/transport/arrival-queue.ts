/** What a connection has brought and nobody has taken yet, bounded by asking the connection to pause. */
export interface ArrivalQueue<Item> {
  /** @param weight in bytes */
  push(item: Item, weight: number): void
  /** So many bytes came off the connection, of whole items or not; told after the items that they completed. */
  read(bytes: number): void
  /** Nothing more comes. Only the first of `end` and `fail` counts. */
  end(): void
  /** Nothing more comes, and this is why; told once what came before has been taken. */
  fail(failure: Error): void
  /** Drops what is there. */
  clear(): void
  /**
   * What is there, first come first: all of it, or only until `enoughBytes` are reached; empty where there is nothing.
   * Lets a paused connection go on once nothing is left.
   */
  take(enoughBytes?: number): Item[]
  /** Resolves once there is something to take, or nothing more to wait for. One waiter at a time. */
  arrival(): Promise<void>
  readonly ended: boolean
  readonly failure: Error | undefined
}

/**
 * Bytes that may wait here before the connection is paused: what one read of a socket brings at most, so a
 * consumer that keeps up is never paused.
 */
export const HIGH_WATER_BYTES = 64 * 1024

/** @param flow.pause called once when too much waits; `flow.resume` once when it was taken */
export function createArrivalQueue<Item>(flow: { pause: () => void; resume: () => void }): ArrivalQueue<Item> {
  const pile = createPile<Item>()
  let paused = false
  /** read while the taker was busy with what it took last */
  let unasked = 0
  let ended = false
  let failure: Error | undefined
  let wake: (() => void) | undefined
  const rouse = () => {
    const waiter = wake
    wake = undefined
    waiter?.()
  }
  const pause = () => {
    if (paused) return
    paused = true
    flow.pause()
  }
  const take = (enoughBytes?: number) => {
    unasked = 0
    const taken = pile.take(enoughBytes)
    if (paused && pile.bytes === 0) {
      paused = false
      if (!ended) flow.resume()
    }
    return taken
  }
  const finish = (reason?: Error) => {
    if (ended) return
    ended = true
    failure = reason
    rouse()
  }
  return {
    push(item, weight) {
      pile.add(item, weight)
      if (pile.bytes >= HIGH_WATER_BYTES) pause()
      if (wake) rouse()
    },
    read(bytes) {
      // Half an item counts for a busy taker: with a slow one the long last messages of an answer came whole, and of
      // each its pieces, its bytes and its text were held beside the answer. Whoever waits gets it, however long.
      if (!wake && (unasked += bytes) > HIGH_WATER_BYTES && !ended) pause()
    },
    end: () => finish(),
    fail: finish,
    clear: () => void take(),
    take,
    arrival() {
      if (wake) return Promise.reject(new Error('somebody is waiting for the next arrival already'))
      if (pile.length > 0 || ended) return Promise.resolve()
      return new Promise((resolve) => (wake = resolve))
    },
    get ended() {
      return ended
    },
    get failure() {
      return failure
    },
  }
}

/** Items in the order they came, and their weight. */
function createPile<Item>(): { readonly length: number; readonly bytes: number; add(item: Item, weight: number): void; take(enoughBytes?: number): Item[] } {
  let items: Item[] = []
  let weights: number[] = []
  let bytes = 0
  const takeSome = (enoughBytes: number): Item[] => {
    let count = 0
    let taken = 0
    while (taken < enoughBytes) taken += weights[count++] ?? enoughBytes
    weights.splice(0, count)
    bytes -= taken
    return items.splice(0, count)
  }
  return {
    // Not the bytes: an empty message weighs nothing.
    get length() {
      return items.length
    },
    get bytes() {
      return bytes
    },
    add(item, weight) {
      items.push(item)
      weights.push(weight)
      bytes += weight
    },
    take(enoughBytes = bytes) {
      if (enoughBytes < bytes) return takeSome(enoughBytes)
      const taken = items
      items = []
      weights = []
      bytes = 0
      return taken
    },
  }
}
