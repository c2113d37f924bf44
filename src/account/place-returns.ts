import type { PlaceLedger } from './place-ledger.js'
import type { PlaceNews } from './place-news.js'

export interface PlaceReturnsOptions {
  ledger: Pick<PlaceLedger, 'scope'>
  news: Pick<PlaceNews, 'changed'>
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
  /** Sends what is left. */
  close(): void
}

/** Other processes ask for places no more often than this, so the delay hardly lengthens their wait. */
const LATER_MS = 15

/**
 * A request to the machine's file costs 40 to 100 µs of processor time, and each call made two, a seventh of what a short
 * answer cost the endpoint. Where no call waited at the ledger's last answer, a place's return is told soon after, and the
 * next call of this process takes the place again until then, without a request: the ledger still counts it.
 */
export function createPlaceReturns({ ledger, news, schedule, speak }: PlaceReturnsOptions): PlaceReturns {
  let awaited = false
  let cancel: (() => void) | undefined
  let untold = 0
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
    close() {
      if (!cancel) return
      told()
      speak()
    },
  }
}
