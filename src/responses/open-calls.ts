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
export interface OpenCalls<Slot extends OpenCall> {
  add(slot: Slot): void
  /** True where a call with this id and these arguments waits since the same turn. */
  has(call: CallEntry, turn: number): boolean
  /** The call that a result answers, which waits no more: the first in the newest turn, since ids may be used again in each. */
  take(output: OutputEntry): Slot | undefined
}

export function createOpenCalls<Slot extends OpenCall>(): OpenCalls<Slot> {
  const open = new Set<Slot>()
  const byId = new Map<string, Line<Slot>[]>()
  const byName = new Map<string, Line<Slot>[]>()
  const all: Line<Slot>[] = []
  const twins = new Map<string, Slot>()
  return {
    add(slot) {
      const { call: { id, name } } = slot
      open.add(slot)
      twins.set(twinKey(slot.call), slot)
      for (const lines of [linesOf(byId, id), linesOf(byName, name), all]) append(lines, slot)
    },
    has(call, turn) {
      const twin = twins.get(twinKey(call))
      return twin !== undefined && twin.turn === turn && open.has(twin)
    },
    take({ id, name }) {
      // An old function message has no id: it answers the first call of its tool that waits.
      const lines = id !== undefined ? byId.get(id) : name !== undefined ? byName.get(name) : all
      const slot = lines && firstOfNewest(lines, open)
      if (slot) open.delete(slot)
      return slot
    },
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
