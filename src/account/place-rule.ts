/**
 * The rule by which the places of an account are given, as a pure function over plain data. It runs in three hosts: in this
 * process, inside a transaction on a file that the processes of a machine share, and as a script inside Redis, for which
 * `node build.config.mjs places` translates this file to Lua. Hence the plain words: arrays, records, loops; no Map, no
 * undefined in what is kept, no order of keys that anything depends on.
 */

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

interface OwnerState {
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

interface KeyState {
  key: string
  waiters: { id: string; owner: string; sinceMs: number }[]
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
  readonly grants: readonly PlaceGrant[]
  /** every id of the owner's that has a place, and it has not said that it heard */
  readonly granted: readonly string[]
  readonly limit: number
  readonly running: number
  readonly waiting: number
  /** when the pause ends, by the store's clock; 0 where nobody waits for it */
  readonly pauseUntilMs: number
  readonly nowMs: number
  /** machines heard of in the last ten minutes */
  readonly machines: number
}

/** An owner that was silent for so long is taken for dead, and its places are given on. */
export const LEASE_MS = 3000
/** How often an owner that runs or waits says that it lives. */
export const BEAT_MS = 750

/** Refusals within this time of a cut ran before it, and cut no further. */
const SAME_MOMENT_MS = 2000
const LEAST_STREAK = 4
/** A refusal that names minutes means its own call; the others find out for themselves. */
const LONGEST_PAUSE_MS = 10000
/** After so many interactive ones in a row a waiting background call has its turn. */
const MOST_IN_A_ROW = 8
const MACHINE_MS = 600000
/** A ledger that begins anew gives nothing for so long: whoever still runs calls comes back with its next beat. */
const RECOVERY_MS = 2 * BEAT_MS

export function createPlaceState(): PlaceState {
  return {
    cutTo: 0, cutAtMs: -SAME_MOMENT_MS, streak: 0, pauseUntilMs: 0, inARow: 0, countedSinceMs: 0, owners: [], interactive: [], background: [], machines: [],
  }
}

/** What a machine may run while the store cannot be reached: its part of the places, one at least. */
export function shareOfMachine(most: number, machines: number): number {
  return Math.max(1, Math.floor(most / Math.max(1, machines)))
}

/**
 * Takes in what `request` says, after forgetting the `dead`, and gives the places that are free. Interactive calls first, the
 * keys by turns, first come first served within a key.
 */
export function stepPlaces(state: PlaceState, request: PlaceRequest, nowMs: number, dead: readonly string[]): PlaceOutcome {
  for (const name of dead) removeOwner(state, name)
  const known = findOwner(state, request.name)
  if (known === undefined && !request.whole) return describe(state, request, nowMs, [], true)
  if (known !== undefined && request.seq <= known.seq) return describe(state, request, nowMs, [], false)
  if (request.whole) removeOwner(state, request.name)
  if (state.owners.length === 0) state.countedSinceMs = nowMs
  if (request.returning && nowMs - state.countedSinceMs < RECOVERY_MS) state.pauseUntilMs = Math.max(state.pauseUntilMs, state.countedSinceMs + RECOVERY_MS)
  const owner = enterOwner(state, request, nowMs)
  for (const id of request.left) removeWaiter(state, owner, id)
  for (const waiter of request.joined) addWaiter(waiter.interactive ? state.interactive : state.background, waiter, request.name, nowMs)
  noteMachine(state, request.machine, nowMs)
  learn(state, request, nowMs)
  const grants = admit(state, nowMs)
  if (owner.running === 0 && owner.granted.length === 0 && !isWaiting(state, owner.name)) removeOwner(state, owner.name)
  return describe(state, request, nowMs, grants, false)
}

/** What keeps going when an owner is only dropped: its places are given on. */
export function dropOwners(state: PlaceState, dead: readonly string[], nowMs: number): readonly PlaceGrant[] {
  for (const name of dead) removeOwner(state, name)
  return admit(state, nowMs)
}

export function countRunning(state: PlaceState): number {
  let count = 0
  for (const owner of state.owners) count += owner.running + owner.granted.length
  return count
}

/** The least of what the owners are configured for, as far as refusals have not cut it. */
export function limitOf(state: PlaceState, most: number): number {
  let least = most
  for (const owner of state.owners) if (owner.most < least) least = owner.most
  return state.cutTo > 0 && state.cutTo < least ? state.cutTo : least
}

function describe(state: PlaceState, request: PlaceRequest, nowMs: number, grants: readonly PlaceGrant[], unknown: boolean): PlaceOutcome {
  const owner = findOwner(state, request.name)
  const waiting = countWaiting(state.interactive) + countWaiting(state.background)
  return {
    unknown, grants,
    granted: owner === undefined ? [] : owner.granted,
    limit: limitOf(state, request.most),
    running: countRunning(state),
    waiting,
    pauseUntilMs: waiting > 0 && state.pauseUntilMs > nowMs ? state.pauseUntilMs : 0,
    nowMs,
    machines: state.machines.length,
  }
}

function findOwner(state: PlaceState, name: string): OwnerState | undefined {
  for (const owner of state.owners) if (owner.name === name) return owner
  return undefined
}

function enterOwner(state: PlaceState, request: PlaceRequest, nowMs: number): OwnerState {
  let owner = findOwner(state, request.name)
  if (owner === undefined) {
    owner = {
      name: request.name, machine: request.machine, pid: request.pid, version: request.version,
      seq: request.seq, most: request.most, running: request.running, sinceMs: nowMs, granted: [],
    }
    state.owners.push(owner)
  }
  owner.seq = request.seq
  owner.most = request.most
  owner.running = request.running
  return owner
}

function removeOwner(state: PlaceState, name: string): void {
  for (let index = state.owners.length - 1; index >= 0; index--) {
    if (state.owners[index]!.name === name) state.owners.splice(index, 1)
  }
  removeWaitersOf(state.interactive, name)
  removeWaitersOf(state.background, name)
}

function removeWaitersOf(ring: KeyState[], name: string): void {
  for (let index = ring.length - 1; index >= 0; index--) {
    const waiters = ring[index]!.waiters
    for (let at = waiters.length - 1; at >= 0; at--) if (waiters[at]!.owner === name) waiters.splice(at, 1)
    if (waiters.length === 0) ring.splice(index, 1)
  }
}

function removeWaiter(state: PlaceState, owner: OwnerState, id: string): void {
  for (let index = owner.granted.length - 1; index >= 0; index--) if (owner.granted[index] === id) owner.granted.splice(index, 1)
  removeFrom(state.interactive, owner.name, id)
  removeFrom(state.background, owner.name, id)
}

function removeFrom(ring: KeyState[], owner: string, id: string): void {
  for (let index = ring.length - 1; index >= 0; index--) {
    const waiters = ring[index]!.waiters
    for (let at = waiters.length - 1; at >= 0; at--) {
      if (waiters[at]!.owner === owner && waiters[at]!.id === id) waiters.splice(at, 1)
    }
    if (waiters.length === 0) ring.splice(index, 1)
  }
}

function addWaiter(ring: KeyState[], waiter: PlaceWaiter, owner: string, nowMs: number): void {
  const entry = { id: waiter.id, owner, sinceMs: nowMs }
  for (const own of ring) {
    if (own.key === waiter.key) {
      own.waiters.push(entry)
      return
    }
  }
  ring.push({ key: waiter.key, waiters: [entry] })
}

function isWaiting(state: PlaceState, name: string): boolean {
  return waitsIn(state.interactive, name) || waitsIn(state.background, name)
}

function waitsIn(ring: KeyState[], name: string): boolean {
  for (const own of ring) for (const waiter of own.waiters) if (waiter.owner === name) return true
  return false
}

function countWaiting(ring: KeyState[]): number {
  let count = 0
  for (const own of ring) count += own.waiters.length
  return count
}

function noteMachine(state: PlaceState, name: string, nowMs: number): void {
  let found = false
  for (let index = state.machines.length - 1; index >= 0; index--) {
    const machine = state.machines[index]!
    if (machine.name === name) {
      found = true
      machine.seenMs = nowMs
    } else if (nowMs - machine.seenMs > MACHINE_MS) state.machines.splice(index, 1)
  }
  if (!found) state.machines.push({ name, seenMs: nowMs })
}

/** Refusals halve the limit at once, down to 1; two rounds of successes, four at least, give one place back. */
function learn(state: PlaceState, request: PlaceRequest, nowMs: number): void {
  if (request.waitedUntilMs > 0 && request.waitedUntilMs === state.pauseUntilMs) state.pauseUntilMs = 0
  if (request.refusedMs >= 0) {
    state.streak = 0
    const until = nowMs + Math.min(request.refusedMs, LONGEST_PAUSE_MS)
    if (request.refusedMs > 0 && until > state.pauseUntilMs) state.pauseUntilMs = until
    if (nowMs - state.cutAtMs >= SAME_MOMENT_MS) {
      state.cutTo = Math.max(1, Math.floor(limitOf(state, request.most) / 2))
      state.cutAtMs = nowMs
    }
  }
  for (let served = 0; served < request.served && state.cutTo > 0; served++) grow(state, request.most)
}

function grow(state: PlaceState, most: number): void {
  state.streak++
  if (state.streak < Math.max(LEAST_STREAK, 2 * state.cutTo)) return
  state.streak = 0
  state.cutTo++
  const uncut = state.cutTo
  state.cutTo = 0
  if (uncut < limitOf(state, most)) state.cutTo = uncut
}

function admit(state: PlaceState, nowMs: number): PlaceGrant[] {
  const grants: PlaceGrant[] = []
  if (state.owners.length === 0 || state.pauseUntilMs > nowMs) return grants
  const limit = limitOf(state, state.owners[0]!.most)
  let running = countRunning(state)
  while (running < limit) {
    const next = takeNext(state)
    if (next === undefined) return grants
    const owner = findOwner(state, next.owner)
    if (owner === undefined) continue
    owner.granted.push(next.id)
    grants.push({ owner: next.owner, id: next.id, waitedMs: nowMs - next.sinceMs })
    running++
  }
  return grants
}

function takeNext(state: PlaceState): { id: string; owner: string; sinceMs: number } | undefined {
  const background = state.background.length > 0
  const overdue = background && state.inARow >= MOST_IN_A_ROW
  if (state.interactive.length > 0 && !overdue) {
    state.inARow = background ? state.inARow + 1 : 0
    return shiftFrom(state.interactive)
  }
  state.inARow = 0
  return background ? shiftFrom(state.background) : undefined
}

function shiftFrom(ring: KeyState[]): { id: string; owner: string; sinceMs: number } {
  const own = ring[0]!
  ring.splice(0, 1)
  const waiter = own.waiters[0]!
  own.waiters.splice(0, 1)
  // Its key goes to the back of the ring.
  if (own.waiters.length > 0) ring.push(own)
  return waiter
}
