import { describeFleet, type FleetStatus } from './describe-fleet.js'
import { stepPlaces } from './place-rule.js'
import { createPlaceState, LEASE_MS, type PlaceOutcome, type PlaceOwner, type PlaceRequest } from './place-state.js'

/** Where the places of an account are counted. */
export interface PlaceLedger {
  /** `machine`: by the processes of this machine; `account`: by all that reach the same Redis. */
  readonly scope: 'process' | 'machine' | 'account'
  /** Prepares the ledger in the background, so that the first request need not; a failure shows at that request. */
  open?(): void
  /** Whether `step` answers at once, as it stands now. */
  readonly immediate: boolean
  /** Takes a request in. Rejects where the ledger cannot be reached. */
  step(request: PlaceRequest): PlaceOutcome | Promise<PlaceOutcome>
  /** Says that the owner lives, and frees the places of owners that are dead. Absent in a ledger of one process. */
  beat?(owner: PlaceOwner): Promise<PlaceBeat>
  /** Calls back with ids of the owner that got a place by another owner's request; the answered function ends it. What it misses, the next beat's answer has. */
  watch?(owner: PlaceOwner, granted: (ids: readonly string[]) => void): () => void
  /** Says that the process is there, with calls or without, or that it goes. Absent in a ledger of one process. */
  attend?(owner: PlaceOwner, here: boolean): Promise<void>
  /** The state of the account's places, read without joining in. Rejects where the ledger cannot be reached. */
  inspect(): Promise<FleetStatus>
  close(): Promise<void>
}

export interface PlaceBeat {
  /** False where the owner was taken for dead, or the ledger began anew. */
  known: boolean
  granted: readonly string[]
}

/** Counts in this process alone. */
export function createMemoryLedger(now: () => number = () => performance.now()): PlaceLedger {
  const state = createPlaceState()
  return {
    scope: 'process',
    immediate: true,
    step: (request) => stepPlaces(state, request, now(), [], []),
    inspect: async () => describeFleet(state, now(), { scope: 'process' }),
    close: async () => undefined,
  }
}

/** The owners that were silent for longer than a lease; a time that lies ahead is from before the clock was set back. */
export function listDead(seen: Iterable<readonly [owner: string, atMs: number]>, nowMs: number): string[] {
  return [...seen].flatMap(([owner, atMs]) => (nowMs - atMs > LEASE_MS || atMs - nowMs > LEASE_MS ? [owner] : []))
}
