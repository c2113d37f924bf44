import { describeFleet, type FleetStatus } from './describe-fleet.js'
import { stepPlaces } from './place-rule.js'
import { createPlaceState, LEASE_MS, type PlaceOutcome, type PlaceOwner, type PlaceRequest } from './place-state.js'

/** Where the places of an account are counted. */
export interface PlaceLedger {
  /** `machine`: by the processes of this machine; `account`: by all that reach the same Redis. */
  readonly scope: 'process' | 'machine' | 'account'
  /** Gets ready behind whatever else is done, so that the first request finds it so; what fails, that request tells. */
  open?(): void
  /** Whether `step` answers at once, as it stands now. */
  readonly immediate: boolean
  /** Takes a request in. Rejects where the ledger cannot be reached. */
  step(request: PlaceRequest): PlaceOutcome | Promise<PlaceOutcome>
  /** Says that the owner lives, and frees the places of the dead. Absent where nobody else counts. */
  beat?(owner: PlaceOwner): Promise<PlaceBeat>
  /** Tells ids of the owner's that another's request gave a place to; answers what ends it. What it misses, the next beat tells. */
  watch?(owner: PlaceOwner, granted: (ids: readonly string[]) => void): () => void
  /** How things stand, asked without a part in them. Rejects where it cannot be reached. */
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
    step: (request) => stepPlaces(state, request, now(), []),
    inspect: async () => describeFleet(state, now(), 'process'),
    close: async () => undefined,
  }
}

/** The owners that were silent for longer than a lease; a time that lies ahead is from before the clock was set back. */
export function listDead(seen: Iterable<readonly [owner: string, atMs: number]>, nowMs: number): string[] {
  return [...seen].flatMap(([owner, atMs]) => (nowMs - atMs > LEASE_MS || atMs - nowMs > LEASE_MS ? [owner] : []))
}
