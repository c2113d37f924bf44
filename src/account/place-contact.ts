import { startElapsed } from '../lib/index.js'
import { BEAT_MS, LEASE_MS } from './place-state.js'

/** How long ago the ledger last heard from this process, as far as this process can know. */
export interface PlaceContact {
  /** A request is about to be sent; call the answered function once the ledger has answered it. */
  speak(): () => void
  /** ms since the last request that the ledger has answered was sent; Infinity before the first */
  readonly silentMs: number
  /** Whether a place of this process may have been given to another: the process stood still for so long that the ledger took it for dead. */
  readonly lost: boolean
}

/** A ledger may count from a sign of life before the last one, so one beat less than a lease is safe. */
const SAFE_MS = LEASE_MS - BEAT_MS

/** @param now the wall clock, ms: beside the steady one, which stands still while a machine sleeps */
export function createPlaceContact(now: () => number): PlaceContact {
  let sinceHeard: (() => number) | undefined
  return {
    speak() {
      const sinceSaid = startElapsed(now)
      // Until the first answer, the time of the first request counts.
      sinceHeard ??= sinceSaid
      return () => void (sinceHeard = sinceSaid)
    },
    get silentMs() { return sinceHeard?.() ?? Number.POSITIVE_INFINITY },
    get lost() { return sinceHeard !== undefined && sinceHeard() > SAFE_MS },
  }
}
