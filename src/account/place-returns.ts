import type { PlaceContact } from './place-contact.js'
import type { PlaceLedger } from './place-ledger.js'
import type { PlaceNews } from './place-news.js'

export interface PlaceReturnsOptions {
  ledger: Pick<PlaceLedger, 'scope'>
  news: Pick<PlaceNews, 'changed'>
  contact: Pick<PlaceContact, 'silentMs'>
  schedule: (ms: number, run: () => void) => () => void
  /** sends the ledger what it has not been told yet */
  speak: () => void
}

/** When the ledger is told of a place that was given back. */
export interface PlaceReturns {
  /** A place was given back. */
  returned(): void
  /** The ledger answered: so many calls wait, in all processes. */
  heard(waiting: number): void
  /** A request with everything is being sent now. */
  told(): void
  /** Takes a place again that was given back and of which the ledger has not been told. @returns whether there was one */
  takeBack(): boolean
  /** How many places to ask for beside a call's own, and to give back at once for the calls behind it. @param free so many places nobody has */
  ahead(free: number): number
  /** Sends what is left. */
  close(): void
}

/** Of 1,000 calls that began at once each paid for a request of its own: a third of what beginning them cost. */
const MOST_AHEAD = 16
/** So many places stay free for other processes for each that is taken ahead: with a small limit none is. */
const FREE_FOR_EACH = 16

/** Other processes ask for places no more often than this, so the delay hardly lengthens their wait. */
const LATER_MS = 15

/**
 * A request to the machine's file costs 40 to 100 µs of processor time, and each call made two, a seventh of what a short
 * answer cost the endpoint. Where no call waited at the ledger's last answer, a place's return is told soon after, and the
 * next call of this process takes the place again until then, without a request: the ledger still counts it.
 */
export function createPlaceReturns({ ledger, news, contact, schedule, speak }: PlaceReturnsOptions): PlaceReturns {
  let awaited = false
  let cancel: (() => void) | undefined
  let untold = 0
  let ahead = 0
  const told = () => {
    cancel?.()
    cancel = undefined
    untold = 0
  }
  return {
    told,
    heard: (waiting) => void (awaited = waiting > 0),
    returned() {
      news.changed()
      if (awaited || ledger.scope !== 'machine') return speak()
      untold++
      // From the first of them on, however often they are taken again: who has begun to wait elsewhere is heard of then.
      cancel ??= schedule(LATER_MS, () => {
        cancel = undefined
        speak()
      })
    },
    takeBack() {
      if (untold === 0) return false
      untold--
      return true
    },
    ahead(free) {
      const isBurst = ledger.scope === 'machine' && !awaited && contact.silentMs < LATER_MS
      ahead = isBurst ? Math.min(MOST_AHEAD, 2 * ahead + 1, Math.floor(free / FREE_FOR_EACH)) : 0
      return ahead
    },
    close() {
      if (!cancel) return
      told()
      speak()
    },
  }
}
