import { within } from '../lib/index.js'
import type { PlaceLedger } from './place-ledger.js'
import type { PlaceOwner } from './place-state.js'

/** Says in the ledger that this process belongs to the fleet, whether or not it has calls. */
export interface PlaceAttendance {
  /** From now on; what fails is said again the next time. */
  begin(): void
  /** Says that the process goes, half a second at most. */
  close(): Promise<void>
}

/** How often: no call waits for it, and no place depends on it. */
const AGAIN_MS = 30_000
const LAST_WORD_MS = 500

/** @see PlaceAttendance */
export function createPlaceAttendance(
  { ledger, owner, scheduleBeat }: { ledger: PlaceLedger; owner: PlaceOwner; scheduleBeat: (ms: number, run: () => void) => () => void },
): PlaceAttendance {
  let began = false
  let closed = false
  let cancel: (() => void) | undefined
  const attend = async () => {
    await ledger.attend?.(owner, true).catch(() => undefined)
    if (!closed) cancel = scheduleBeat(AGAIN_MS, () => void attend())
  }
  return {
    begin() {
      if (began || !ledger.attend) return
      began = true
      void attend()
    },
    async close() {
      cancel?.()
      if (closed || !began) return
      closed = true
      await within(LAST_WORD_MS, ledger.attend?.(owner, false) ?? Promise.resolve(), () => new Error('no answer')).catch(() => undefined)
    },
  }
}
