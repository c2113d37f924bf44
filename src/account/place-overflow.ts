import type { PlaceNews } from './place-news.js'
import { addWaiter, shiftFrom } from './place-ring.js'
import type { PlaceRoll, Waiter } from './place-roll.js'
import type { KeyState } from './place-state.js'

/** Calls of this process that wait, and of which the ledger has not been told, since it knows of enough others. */
export interface PlaceOverflow {
  readonly size: number
  /** @returns whether the waiter is kept back: false where the ledger is to be told of it now */
  keep(waiter: Waiter): boolean
  /** @returns whether it was kept back */
  remove(id: string): boolean
  /** Puts those whose turn it is on the roll, the keys by turns. @returns whether the ledger is to be told of any */
  refill(): boolean
}

/**
 * Every word to the ledger reads and writes all that wait: with 10,000 of them in one process a file held its thread for
 * minutes. So many of each class are told at most, and the next ones together once half of them have left.
 */
const MOST_TOLD = 256
const FEW_TOLD = MOST_TOLD / 2

/** @param roll the waiters that the ledger has been told of */
export function createPlaceOverflow(roll: Pick<PlaceRoll, 'waiting' | 'add'>, news: Pick<PlaceNews, 'joined'>): PlaceOverflow {
  const kept = new Map<string, Waiter>()
  const classes = [true, false].map((interactive) => ({ interactive, ring: [] as KeyState[] }))
  const countTold = (interactive: boolean) => {
    let count = 0
    for (const waiter of roll.waiting.values()) if (waiter.interactive === interactive) count++
    return count
  }
  const next = (ring: KeyState[]): Waiter | undefined => {
    // One that has given up is still in its ring.
    for (let first = shiftFrom(ring, () => true); first; first = shiftFrom(ring, () => true)) {
      const waiter = kept.get(first.id)
      if (waiter && kept.delete(first.id)) return waiter
    }
    return undefined
  }
  return {
    get size() { return kept.size },
    keep(waiter) {
      const ring = classes[waiter.interactive ? 0 : 1]!.ring
      if (ring.length === 0 && countTold(waiter.interactive) < MOST_TOLD) return false
      addWaiter(ring, waiter, '', 0)
      kept.set(waiter.id, waiter)
      return true
    },
    remove: (id) => kept.delete(id),
    refill() {
      let any = false
      for (const { interactive, ring } of classes) {
        if (ring.length === 0) continue
        const count = countTold(interactive)
        if (count > FEW_TOLD) continue
        for (let room = MOST_TOLD - count; room > 0; room--) {
          const waiter = next(ring)
          if (!waiter) break
          roll.add(waiter)
          news.joined(waiter)
          any = true
        }
      }
      return any
    },
  }
}
