import { startElapsed } from '../lib/index.js'
import type { Place } from './place-roll.js'
import { BEAT_MS, LEASE_MS } from './place-state.js'

/** How long ago the ledger last heard from this process, as far as this process can know. */
export interface PlaceContact {
  /** A request is about to be sent; call the answered function once the ledger has answered it. */
  speak(): () => void
  /** ms since the last request that the ledger has answered was sent; Infinity before the first */
  readonly silentMs: number
  /** Whether a place of this process may have been given to another: the process stood still for so long that the ledger took it for dead. */
  readonly lost: boolean
  /** The ledger had lost sight of this process: what was given under the term so far may be another's. */
  forgotten(): void
  /** of the places that are given now */
  readonly term: number
  /** Whether the place is still this process's. To one that has just woken up the ledger's own word comes late. */
  holds(place: Place): boolean
}

/** A ledger may count from a sign of life before the last one, so one beat less than a lease is safe. */
const SAFE_MS = LEASE_MS - BEAT_MS

/** @param now the wall clock, ms: beside the steady one, which stands still while a machine sleeps @param shared whether others are given places of the same ledger */
export function createPlaceContact(now: () => number, shared: boolean): PlaceContact {
  let sinceHeard: (() => number) | undefined
  let term = 0
  const isLost = () => shared && sinceHeard !== undefined && sinceHeard() > SAFE_MS
  return {
    speak() {
      const sinceSaid = startElapsed(now)
      // Until the first answer, the time of the first request counts.
      sinceHeard ??= sinceSaid
      return () => void (sinceHeard = sinceSaid)
    },
    get silentMs() { return sinceHeard?.() ?? Number.POSITIVE_INFINITY },
    get lost() { return isLost() },
    forgotten: () => void term++,
    get term() { return term },
    holds: (place) => place.term === term && !isLost(),
  }
}
