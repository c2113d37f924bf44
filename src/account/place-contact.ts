import { startElapsed } from '../lib/index.js'
import { BEAT_MS, LEASE_MS } from './place-state.js'

/** How long ago the ledger heard of this process, as far as the process itself can know. */
export interface PlaceContact {
  /** Something is about to be said; what this answers is called once the ledger has answered it. */
  speak(): () => void
  /** A place that was given to this process may be another's by now: it stood still, and was taken for dead. */
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
      // Before anything is heard, what was said first counts.
      sinceHeard ??= sinceSaid
      return () => void (sinceHeard = sinceSaid)
    },
    get lost() { return sinceHeard !== undefined && sinceHeard() > SAFE_MS },
  }
}
