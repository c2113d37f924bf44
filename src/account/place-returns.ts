import type { PlaceLedger } from './place-ledger.js'
import type { PlaceNews } from './place-news.js'

export interface PlaceReturnsOptions {
  ledger: Pick<PlaceLedger, 'scope'>
  news: Pick<PlaceNews, 'changed'>
  schedule: (ms: number, run: () => void) => () => void
  /** takes to the ledger what it has not been told yet */
  speak: () => void
}

/** When the ledger is told of a place that was given back. */
export interface PlaceReturns {
  /** A place was given back. */
  returned(): void
  /** The ledger has spoken: so many wait, wherever they are. */
  heard(waiting: number): void
  /** Everything is being told now. */
  told(): void
  /** Tells what is left. */
  close(): void
}

/** Other processes look for places that often at most, so one of them hardly waits longer. */
const LATER_MS = 15

/**
 * A word to the file of a machine costs 40 to 100 µs of processor time, and each call had two of them, a seventh of what a short
 * answer cost the endpoint. Where nobody waited when the ledger spoke last, a place's return goes with the word of the next
 * call, or by itself soon after.
 */
export function createPlaceReturns({ ledger, news, schedule, speak }: PlaceReturnsOptions): PlaceReturns {
  let awaited = false
  let cancel: (() => void) | undefined
  const told = () => {
    cancel?.()
    cancel = undefined
  }
  return {
    told,
    heard: (waiting) => void (awaited = waiting > 0),
    returned() {
      news.changed()
      if (awaited || ledger.scope !== 'machine') return speak()
      cancel ??= schedule(LATER_MS, () => {
        cancel = undefined
        speak()
      })
    },
    close() {
      if (!cancel) return
      told()
      speak()
    },
  }
}
