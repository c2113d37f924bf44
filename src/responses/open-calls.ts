import type { CallEntry, OutputEntry } from './wire-entry.js'

/** A call that a result can be given to. */
export interface OpenCall {
  readonly call: CallEntry
  /** how many times the other side had spoken before the call; never less than the one's before */
  readonly turn: number
}

/**
 * Calls that wait for their result. Each question costs the same however many wait: looking through a list
 * of them took 0.7 s for 5,000 calls at once.
 */
export class OpenCalls<Slot extends OpenCall> {
  readonly #open = new Set<Slot>()
  readonly #byId = new Map<string, Line<Slot>[]>()
  readonly #byName = new Map<string, Line<Slot>[]>()
  readonly #all: Line<Slot>[] = []
  readonly #twins = new Map<string, Slot>()

  add(slot: Slot): void {
    const { call: { id, name } } = slot
    this.#open.add(slot)
    this.#twins.set(twinKey(slot.call), slot)
    for (const lines of [linesOf(this.#byId, id), linesOf(this.#byName, name), this.#all]) append(lines, slot)
  }

  /** True where a call with this id and these arguments waits since the same turn. */
  has(call: CallEntry, turn: number): boolean {
    const twin = this.#twins.get(twinKey(call))
    return twin !== undefined && twin.turn === turn && this.#open.has(twin)
  }

  /** The call that a result answers, which waits no more: the first in the newest turn, since ids may be used again in each. */
  take({ id, name }: OutputEntry): Slot | undefined {
    // An old function message has no id: it answers the first call of its tool that waits.
    const lines = id !== undefined ? this.#byId.get(id) : name !== undefined ? this.#byName.get(name) : this.#all
    const slot = lines && firstOfNewest(lines, this.#open)
    if (slot) this.#open.delete(slot)
    return slot
  }
}

/** The calls of one turn in their order; those before `at` have been taken. */
interface Line<Slot> {
  turn: number
  slots: Slot[]
  at: number
}

const twinKey = ({ id, rest }: CallEntry): string => `${id}\u0000${rest}`

function linesOf<Slot>(lines: Map<string, Line<Slot>[]>, key: string): Line<Slot>[] {
  const known = lines.get(key)
  if (known) return known
  const made: Line<Slot>[] = []
  lines.set(key, made)
  return made
}

function append<Slot extends OpenCall>(lines: Line<Slot>[], slot: Slot): void {
  const last = lines.at(-1)
  if (last?.turn === slot.turn) last.slots.push(slot)
  else lines.push({ turn: slot.turn, slots: [slot], at: 0 })
}

/** What was taken by another word is passed over, once. */
function firstOfNewest<Slot>(lines: Line<Slot>[], open: ReadonlySet<Slot>): Slot | undefined {
  for (let line = lines.at(-1); line; line = lines.at(-1)) {
    for (; line.at < line.slots.length; line.at += 1) {
      const slot = line.slots[line.at]
      if (slot !== undefined && open.has(slot)) return slot
    }
    lines.pop()
  }
  return undefined
}
