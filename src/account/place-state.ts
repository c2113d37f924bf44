/** What the rule of places is about, as data: who asks, what is kept, what is answered. */

/** Who asks: a process for one account. */
export interface PlaceOwner {
  readonly name: string
  /** what dies together, for shares when the store cannot be reached */
  readonly machine: string
  readonly pid: number
  readonly version: string
}

export interface PlaceWaiter {
  readonly id: string
  /** whose call it is: places go round the keys */
  readonly key: string
  readonly interactive: boolean
}

/** What an owner says: how many it runs, and how its waiters changed since it spoke last. */
export interface PlaceRequest extends PlaceOwner {
  /** grows with every request of the owner; an older one that comes late changes nothing */
  readonly seq: number
  /** places of the account, as this owner is configured */
  readonly most: number
  /** its calls under way, those of places that it has heard of */
  readonly running: number
  readonly joined: readonly PlaceWaiter[]
  /** ids that no longer wait: their place was heard of and counts in `running`, or they gave up */
  readonly left: readonly string[]
  /** `joined` is all that wait: whatever was known of the owner before is forgotten */
  readonly whole: boolean
  /** with `whole`: it was counted before, and the ledger was lost or took it for dead */
  readonly returning: boolean
  /** calls served since */
  readonly served: number
  /** a call was refused for too many: for how long nothing begins, 0 where not told; -1: none was */
  readonly refusedMs: number
  /** the end of the pause that the owner has waited out; 0 where there was none */
  readonly waitedUntilMs: number
}

export interface OwnerState {
  name: string
  machine: string
  pid: number
  version: string
  seq: number
  most: number
  running: number
  sinceMs: number
  /** places given to these waiters, of which the owner has not said yet that it heard */
  granted: string[]
}

export interface WaitingCall {
  id: string
  owner: string
  sinceMs: number
}

export interface KeyState {
  key: string
  waiters: WaitingCall[]
}

export interface PlaceState {
  /** the limit that refusals have cut to; 0 where none has */
  cutTo: number
  cutAtMs: number
  streak: number
  pauseUntilMs: number
  inARow: number
  /** since when somebody is counted without a break */
  countedSinceMs: number
  owners: OwnerState[]
  /** keys in the order of their turn, each with its waiters in the order they came */
  interactive: KeyState[]
  background: KeyState[]
  machines: { name: string; seenMs: number }[]
}

export interface PlaceGrant {
  readonly owner: string
  readonly id: string
  readonly waitedMs: number
}

export interface PlaceOutcome {
  /** the owner is not known, so its changes mean nothing: it is to say the whole */
  readonly unknown: boolean
  /** the owner was not counted before this request: what it had been given may have been given to others since */
  readonly anew: boolean
  readonly grants: readonly PlaceGrant[]
  /** every id of the owner's that has a place, and it has not said that it heard */
  readonly granted: readonly string[]
  readonly limit: number
  readonly running: number
  readonly waiting: number
  /** when the pause ends, by the store's clock; 0 where no call waits for it */
  readonly pauseUntilMs: number
  readonly nowMs: number
  /** machines heard of in the last ten minutes */
  readonly machines: number
}

/** An owner that was silent for so long is taken for dead, and its places are given on. */
export const LEASE_MS = 3000
/** How often an owner that runs or waits says that it lives. */
export const BEAT_MS = 750

/** An owner that missed its last word may have died: others are given places before it. @public: the script for Redis reads it */
export const SILENT_MS = 2 * BEAT_MS

/** Refusals within this time of a cut ran before it, and cut no further. */
export const SAME_MOMENT_MS = 2000

export function createPlaceState(): PlaceState {
  return {
    cutTo: 0, cutAtMs: -SAME_MOMENT_MS, streak: 0, pauseUntilMs: 0, inARow: 0, countedSinceMs: 0, owners: [], interactive: [], background: [], machines: [],
  }
}
