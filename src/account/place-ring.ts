import type { KeyState, PlaceWaiter, WaitingCall } from './place-state.js'

export function addWaiter(ring: KeyState[], waiter: PlaceWaiter, owner: string, nowMs: number): void {
  const entry = { id: waiter.id, owner, sinceMs: nowMs }
  for (const own of ring) {
    if (own.key === waiter.key) {
      own.waiters.push(entry)
      return
    }
  }
  ring.push({ key: waiter.key, waiters: [entry] })
}

/** Takes out those that `leaves` says, and keys that have none left. */
export function removeWaiters(ring: KeyState[], leaves: (waiter: WaitingCall) => boolean): void {
  for (let index = ring.length - 1; index >= 0; index--) {
    const waiters = ring[index]!.waiters
    for (let at = waiters.length - 1; at >= 0; at--) if (leaves(waiters[at]!)) removeAt(waiters, at)
    if (waiters.length === 0) removeAt(ring, index)
  }
}

export function waitsIn(ring: KeyState[], name: string): boolean {
  for (const own of ring) for (const waiter of own.waiters) if (waiter.owner === name) return true
  return false
}

export function countWaiting(ring: KeyState[]): number {
  let count = 0
  for (const own of ring) count += own.waiters.length
  return count
}

/** The first in turn that `may` lets pass; undefined where there is none. */
export function shiftFrom(ring: KeyState[], may: (waiter: WaitingCall) => boolean): WaitingCall | undefined {
  for (let index = 0; index < ring.length; index++) {
    const own = ring[index]!
    for (let at = 0; at < own.waiters.length; at++) {
      const waiter = own.waiters[at]!
      if (!may(waiter)) continue
      removeAt(ring, index)
      removeAt(own.waiters, at)
      // Its key goes to the back of the ring.
      if (own.waiters.length > 0) ring.push(own)
      return waiter
    }
  }
  return undefined
}

/** A loop: what `splice` becomes in Lua is eighty lines, which each call would run. */
export function removeAt<Value>(list: Value[], at: number): void {
  for (let index = at; index < list.length - 1; index++) list[index] = list[index + 1]!
  list.pop()
}
