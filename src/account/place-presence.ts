import type { PlaceContact } from './place-contact.js'
import type { PlaceLedger } from './place-ledger.js'
import { BEAT_MS, type PlaceOwner } from './place-state.js'

export interface PlacePresence {
  /** What `isBusy` and `isWaiting` answer may have changed. */
  update(): void
  close(): void
}

/** Sends the ledger signs of life, and listens for places that other processes' requests give to this one; both only while it holds or waits for a place. */
export function createPlacePresence(
  { ledger, owner, contact, scheduleBeat }: { ledger: PlaceLedger; owner: PlaceOwner; contact: PlaceContact; scheduleBeat: (ms: number, run: () => void) => () => void },
  { isBusy, isWaiting, forgotten, granted }: { isBusy: () => boolean; isWaiting: () => boolean; forgotten: () => void; granted: (ids: readonly string[]) => void },
): PlacePresence {
  let cancel: (() => void) | undefined
  let unwatch: (() => void) | undefined
  let closed = false
  const beat = async () => {
    try {
      const heard = contact.speak()
      const reply = await ledger.beat?.(owner)
      if (closed || !reply) return
      if (reply.known) heard()
      if (!reply.known && isBusy()) {
        contact.forgotten()
        forgotten()
      }
      granted(reply.granted)
    } catch {
      // The next request's answer shows it, and then everything is told again.
    }
  }
  const tick = () => {
    cancel = undefined
    if (!isBusy()) return
    void beat().finally(() => {
      if (!closed) arm()
    })
  }
  const arm = () => {
    cancel ??= scheduleBeat(BEAT_MS, tick)
  }
  return {
    update() {
      if (closed) return
      if (isBusy() && ledger.beat) arm()
      if (isWaiting()) unwatch ??= ledger.watch?.(owner, granted)
      else {
        unwatch?.()
        unwatch = undefined
      }
    },
    close() {
      closed = true
      cancel?.()
      unwatch?.()
    },
  }
}
