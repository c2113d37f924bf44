/**
 * The rule by which the places of an account are given, as a pure function over plain data. It runs in three hosts: in this
 * process, inside a transaction on a file that the processes of a machine share, and as a script inside Redis, for which
 * `node build.config.mjs places` translates this file, place-ring.ts and place-state.ts to Lua. Hence the plain words: arrays,
 * records, loops; no Map, no undefined in what is kept, no order of keys that anything depends on.
 */
import { addWaiter, countWaiting, removeAt, removeWaiters, shiftFrom, waitsIn } from './place-ring.js'
import { BEAT_MS, SAME_MOMENT_MS, type OwnerState, type PlaceGrant, type PlaceOutcome, type PlaceRequest, type PlaceState, type WaitingCall } from './place-state.js'

const LEAST_STREAK = 4
/** A refusal that names minutes means its own call; the others find out for themselves. */
const LONGEST_PAUSE_MS = 10000
/** After so many interactive ones in a row a waiting background call has its turn. */
const MOST_IN_A_ROW = 8
/** So long a machine counts for the shares after it was heard of. */
export const MACHINE_MS = 600000
/** A ledger that begins anew gives nothing for so long: processes that still run calls report with their next beat. */
export const RECOVERY_MS = 2 * BEAT_MS

/** What a machine may run while the store cannot be reached: its part of the places, one at least. */
export function shareOfMachine(most: number, machines: number): number {
  return Math.max(1, Math.floor(most / Math.max(1, machines)))
}

/**
 * Takes in what `request` says, after forgetting the `dead`, and gives the places that are free. Interactive calls first, the
 * keys by turns, first come first served within a key; the `silent` only where no other owner waits.
 */
export function stepPlaces(state: PlaceState, request: PlaceRequest, nowMs: number, dead: readonly string[], silent: readonly string[]): PlaceOutcome {
  heedClock(state, nowMs)
  for (const name of dead) removeOwner(state, name)
  const known = findOwner(state, request.name)
  const anew = known === undefined
  if (anew && !request.whole) return describe(state, request, nowMs, [], anew)
  if (known !== undefined && request.seq <= known.seq) return describe(state, request, nowMs, [], anew)
  if (request.whole) removeOwner(state, request.name)
  if (state.owners.length === 0) state.countedSinceMs = nowMs
  if (request.returning && nowMs - state.countedSinceMs < RECOVERY_MS) state.pauseUntilMs = Math.max(state.pauseUntilMs, state.countedSinceMs + RECOVERY_MS)
  const owner = enterOwner(state, request, nowMs)
  forget(state, owner, request.left)
  for (const waiter of request.joined) addWaiter(waiter.interactive ? state.interactive : state.background, waiter, request.name, nowMs)
  noteMachine(state, request.machine, nowMs)
  learn(state, request, nowMs)
  const grants = admit(state, nowMs, silent, request.name)
  if (owner.running === 0 && owner.granted.length === 0 && !isWaiting(state, owner.name)) removeOwner(state, owner.name)
  return describe(state, request, nowMs, grants, anew)
}

/**
 * No owner was heard for `silentMs`, though some are counted: the ledger itself was away, or its clock was set ahead. Those that it
 * takes for dead may be alive, so nothing is given until they could speak. A process that comes after all others have died waits
 * as long, once. Answers whether `name` is to say anew what it runs.
 */
export function noteSilence(state: PlaceState, name: string, silentMs: number, nowMs: number): boolean {
  if (silentMs <= RECOVERY_MS || state.owners.length === 0) return false
  state.pauseUntilMs = Math.max(state.pauseUntilMs, nowMs + RECOVERY_MS)
  return findOwner(state, name) !== undefined
}

/**
 * The ledger was started anew, with what it had written down: that may be a second old or a day. So no owner is counted until it
 * says anew what it runs, and nothing is given until all of them could. What was learned of the limit stays.
 */
export function beginAnew(state: PlaceState, nowMs: number): void {
  state.owners = []
  state.interactive = []
  state.background = []
  heedClock(state, nowMs)
  state.pauseUntilMs = Math.max(state.pauseUntilMs, nowMs + RECOVERY_MS)
}

/** What keeps going when an owner is only dropped: its places are given on. */
export function dropOwners(state: PlaceState, dead: readonly string[], nowMs: number, silent: readonly string[]): readonly PlaceGrant[] {
  heedClock(state, nowMs)
  for (const name of dead) removeOwner(state, name)
  return admit(state, nowMs, silent, '')
}

/** Times that lie ahead are from before the clock was set back: nothing waits until it has caught up with them. */
function heedClock(state: PlaceState, nowMs: number): void {
  if (state.pauseUntilMs - nowMs > LONGEST_PAUSE_MS) state.pauseUntilMs = 0
  if (state.cutAtMs > nowMs) state.cutAtMs = nowMs
  if (state.countedSinceMs > nowMs) state.countedSinceMs = nowMs
  for (const machine of state.machines) if (machine.seenMs > nowMs) machine.seenMs = nowMs
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

function describe(state: PlaceState, request: PlaceRequest, nowMs: number, grants: readonly PlaceGrant[], anew: boolean): PlaceOutcome {
  const owner = findOwner(state, request.name)
  const waiting = countWaiting(state.interactive) + countWaiting(state.background)
  return {
    unknown: anew && !request.whole, anew, grants,
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
    if (state.owners[index]!.name === name) removeAt(state.owners, index)
  }
  const isItsOwn = (waiter: WaitingCall) => waiter.owner === name
  removeWaiters(state.interactive, isItsOwn)
  removeWaiters(state.background, isItsOwn)
}

/** What has left has no place that it has not heard of, and waits for none. */
function forget(state: PlaceState, owner: OwnerState, left: readonly string[]): void {
  if (left.length === 0) return
  for (let index = owner.granted.length - 1; index >= 0; index--) if (isIn(left, owner.granted[index]!)) removeAt(owner.granted, index)
  const hasLeft = (waiter: WaitingCall) => waiter.owner === owner.name && isIn(left, waiter.id)
  removeWaiters(state.interactive, hasLeft)
  removeWaiters(state.background, hasLeft)
}

/** A loop: what `includes` becomes in Lua is thirty lines. */
function isIn(names: readonly string[], wanted: string): boolean {
  for (const name of names) if (name === wanted) return true
  return false
}

function isWaiting(state: PlaceState, name: string): boolean {
  return waitsIn(state.interactive, name) || waitsIn(state.background, name)
}

function noteMachine(state: PlaceState, name: string, nowMs: number): void {
  let found = false
  for (let index = state.machines.length - 1; index >= 0; index--) {
    const machine = state.machines[index]!
    if (machine.name === name) {
      found = true
      machine.seenMs = nowMs
    } else if (nowMs - machine.seenMs > MACHINE_MS) removeAt(state.machines, index)
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

function admit(state: PlaceState, nowMs: number, silent: readonly string[], speaking: string): PlaceGrant[] {
  const grants: PlaceGrant[] = []
  if (state.owners.length === 0 || state.pauseUntilMs > nowMs) return grants
  const limit = limitOf(state, state.owners[0]!.most)
  const isHeard = (waiter: WaitingCall) => waiter.owner === speaking || !isIn(silent, waiter.owner)
  const isAny = (_waiter: WaitingCall) => true
  let running = countRunning(state)
  while (running < limit) {
    // What a process that has died is given is lost until it is taken for dead.
    const next = takeNext(state, isHeard) ?? takeNext(state, isAny)
    if (next === undefined) return grants
    const owner = findOwner(state, next.owner)
    if (owner === undefined) continue
    owner.granted.push(next.id)
    grants.push({ owner: next.owner, id: next.id, waitedMs: nowMs - next.sinceMs })
    running++
  }
  return grants
}

function takeNext(state: PlaceState, may: (waiter: WaitingCall) => boolean): WaitingCall | undefined {
  const background = state.background.length > 0
  const overdue = background && state.inARow >= MOST_IN_A_ROW
  if (!overdue) {
    const next = shiftFrom(state.interactive, may)
    if (next !== undefined) {
      state.inARow = background ? state.inARow + 1 : 0
      return next
    }
  }
  const next = shiftFrom(state.background, may)
  if (next !== undefined) state.inARow = 0
  return next ?? (overdue ? shiftFrom(state.interactive, may) : undefined)
}
