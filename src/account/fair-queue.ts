export interface Waiter {
  readonly key: string
  readonly interactive: boolean
  grant(release: () => void): void
}

/** Those who wait for a place, and whose turn it is. */
export interface WaitingLine {
  push(waiter: Waiter): void
  /**
   * The next one: interactive ones first, the keys by turns, first come first served within a key. After
   * eight interactive ones in a row a waiting background one has its turn, so that none waits for ever.
   */
  shift(): Waiter | undefined
  remove(waiter: Waiter): void
  readonly size: number
}

const MOST_IN_A_ROW = 8

/** Keys in the order of their turn, each with its waiters in the order they came. */
type Ring = Map<string, Set<Waiter>>

function pushTo(ring: Ring, waiter: Waiter): void {
  const own = ring.get(waiter.key)
  if (own) own.add(waiter)
  else ring.set(waiter.key, new Set([waiter]))
}

function shiftFrom(ring: Ring): Waiter | undefined {
  for (const [key, own] of ring) {
    ring.delete(key)
    for (const waiter of own) {
      own.delete(waiter)
      // Its key goes to the back of the ring.
      if (own.size > 0) ring.set(key, own)
      return waiter
    }
  }
  return undefined
}

/** Every operation takes the same time, however many wait. */
export function createWaitingLine(): WaitingLine {
  const rings: Record<'interactive' | 'background', Ring> = { interactive: new Map(), background: new Map() }
  let size = 0
  let inARow = 0
  const ringOf = (waiter: Waiter) => (waiter.interactive ? rings.interactive : rings.background)
  return {
    push(waiter) {
      size++
      pushTo(ringOf(waiter), waiter)
    },
    shift() {
      const overdue = inARow >= MOST_IN_A_ROW && rings.background.size > 0
      const waiter = (overdue ? undefined : shiftFrom(rings.interactive)) ?? shiftFrom(rings.background)
      if (!waiter) return undefined
      size--
      inARow = waiter.interactive && rings.background.size > 0 ? inARow + 1 : 0
      return waiter
    },
    remove(waiter) {
      const ring = ringOf(waiter)
      const own = ring.get(waiter.key)
      if (!own?.delete(waiter)) return
      size--
      if (own.size === 0) ring.delete(waiter.key)
    },
    get size() { return size },
  }
}
