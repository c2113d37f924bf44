import type { PlaceWaiter } from './place-state.js'

export interface Waiter extends PlaceWaiter {
  id: string
  grant(place: Place): void
}

/** A place that a call has; calling it gives it back, twice without harm. */
export interface Place {
  (): void
  /** under which it was given */
  readonly term: number
}

/** The calls of this process that wait for a place, and how many have one. */
export interface PlaceRoll {
  readonly waiting: ReadonlyMap<string, Waiter>
  readonly running: number
  nextId(): string
  add(waiter: Waiter): void
  /** @returns whether it was waiting */
  remove(id: string): boolean
  /** Gives every waiter a new id, so that a grant that is still under way names none of them. */
  rename(): void
  /** One more runs that never waited. */
  enter(): Place
  /** Lets the waiters with these ids run. @returns the ids that were waiting */
  grant(ids: readonly string[]): readonly string[]
}

/** @param released told after each place that was given back @param term of the places that are given now */
export function createPlaceRoll(released: () => void, term: () => number): PlaceRoll {
  const waiting = new Map<string, Waiter>()
  let running = 0
  let last = 0
  const nextId = () => (++last).toString(36)
  const enter = () => {
    running++
    let held = true
    const release = () => {
      if (!held) return
      held = false
      running--
      released()
    }
    return Object.assign(release, { term: term() })
  }
  return {
    waiting,
    get running() { return running },
    nextId,
    add: (waiter) => void waiting.set(waiter.id, waiter),
    remove: (id) => waiting.delete(id),
    rename() {
      const all = [...waiting.values()]
      waiting.clear()
      for (const waiter of all) {
        waiter.id = nextId()
        waiting.set(waiter.id, waiter)
      }
    },
    enter,
    grant: (ids) => ids.filter((id) => {
      const waiter = waiting.get(id)
      if (!waiter) return false
      waiting.delete(id)
      waiter.grant(enter())
      return true
    }),
  }
}
