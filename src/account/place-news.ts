import type { PlaceOwner, PlaceRequest, PlaceWaiter } from './place-state.js'

/** What the ledger has not been told yet. */
export interface PlaceNews {
  readonly any: boolean
  /** the next request tells everything, not only what changed */
  readonly whole: boolean
  joined(waiter: PlaceWaiter): void
  left(id: string): void
  /** This process knows of the waiter's place: the next request says so. */
  heard(id: string): void
  refused(forMs: number): void
  served(): void
  waitedOut(untilMs: number): void
  /** how many run has changed */
  changed(): void
  /** The last request may not have arrived: the next one tells everything. */
  forget(): void
  /** The request that tells it. */
  take(running: number, waiting: ReadonlyMap<string, PlaceWaiter>): PlaceRequest
}

export function createPlaceNews(owner: PlaceOwner, most: number): PlaceNews {
  let seq = 0
  let any = false
  let whole = true
  let returning = false
  let joined: PlaceWaiter[] = []
  let left: string[] = []
  let served = 0
  let refusedMs = -1
  let waitedUntilMs = 0
  return {
    get any() { return any }, get whole() { return whole },
    joined(waiter) {
      joined.push(waiter)
      any = true
    },
    left(id) {
      // The ledger never heard of it: nothing to tell.
      const at = joined.findIndex((waiter) => waiter.id === id)
      if (at === -1) left.push(id)
      else joined.splice(at, 1)
      any = true
    },
    heard: (id) => void left.push(id),
    refused(forMs) {
      refusedMs = Math.max(refusedMs, forMs)
      any = true
    },
    served() {
      served++
      any = true
    },
    waitedOut(untilMs) {
      waitedUntilMs = untilMs
      any = true
    },
    changed: () => void (any = true),
    forget() {
      whole = true
      returning = seq > 0
      any = true
    },
    take(running, waiting) {
      const request: PlaceRequest = {
        name: owner.name, machine: owner.machine, pid: owner.pid, version: owner.version,
        seq: ++seq, most, running, whole, returning, served, refusedMs, waitedUntilMs,
        joined: whole && waiting.size > 0 ? [...waiting.values()] : joined,
        left: whole ? [] : left,
      }
      any = false
      returning = false
      whole = running === 0 && waiting.size === 0
      // Always new ones: a request that waits for the ledger must not change any more.
      joined = []
      left = []
      served = 0
      refusedMs = -1
      waitedUntilMs = 0
      return request
    },
  }
}
