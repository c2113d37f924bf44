/**
 * Gives every tool call its result and every result its call, on the wire copy alone: the API
 * refuses a history in which one lacks the other.
 *
 * - A call without a result gets one that says so, where the next turn begins.
 * - A result that stands after the next turn began is moved up to its call's turn.
 * - A result without a call, and a second one for the same call, is left out: it was cut off on purpose or
 *   by accident, and what a tool wrote must not come back with a user's authority.
 * - A call repeated while the first one waits is left out; one that uses an old id again gets an id of its own.
 * - A hosted call that the caller had to run, and did not, is left out.
 *
 * A reasoning item's id stands once: its copies go without.
 *
 * What was right stays as it was: repairing twice changes nothing.
 */
import { OpenCalls } from './open-calls.js'
import type { WireCallIds } from './wire-call-id.js'
import { type CallEntry, type OutputEntry, renderCall, renderOutput, renderReasoning, type WireEntry } from './wire-entry.js'

export interface ToolRepair {
  /** the caller's id */
  tool_call_id: string
  tool_name: string
}

/** An entry, and the message it came from: a turn's calls and results may stand in several. */
export interface PlacedEntry {
  entry: WireEntry
  message: number
}

export interface RepairedSequence {
  items: readonly string[]
  repairs: readonly ToolRepair[]
}

/** What stands before a stretch of history. */
export interface UsedIds {
  /** the caller's ids of calls, and how often each was used */
  calls: Map<string, number>
  reasoning: Set<string>
}

export function createUsedIds(): UsedIds {
  return { calls: new Map(), reasoning: new Set() }
}

export const NO_RESULT = '[no result: the call was interrupted]'

interface Slot {
  call: CallEntry
  message: number
  /** how many times the other side had spoken before the call */
  turn: number
  wireId: string
  output: OutputEntry | undefined
  state: 'ahead' | 'waiting' | 'answered'
}

export function repairToolSequence(
  placed: readonly PlacedEntry[],
  ids: WireCallIds,
  used: Readonly<UsedIds> = createUsedIds(),
): RepairedSequence {
  const { slotOf, repairs } = pairUp(placed, ids, used.calls)
  const reasoning = new Set(used.reasoning)
  const items: string[] = []
  let waiting: Slot[] = []

  const answer = (slot: Slot) => {
    items.push(renderOutput(slot.output?.output ?? JSON.stringify(NO_RESULT), slot.call, slot.wireId))
    slot.state = 'answered'
  }
  const closeTurn = () => {
    for (const slot of waiting) {
      if (slot.state === 'answered') continue
      answer(slot)
      repairs.push({ tool_call_id: slot.call.id, tool_name: slot.call.name })
    }
    waiting = []
  }

  const answered = new Set(placed.flatMap(({ entry }) => (entry.kind === 'hosted' && entry.callId !== undefined ? [hostedKey(entry.type, entry.callId)] : [])))
  for (const { entry, message } of placed) {
    const slot = slotOf.get(entry)
    if (entry.kind === 'call') {
      if (slot === undefined) continue
      items.push(renderCall(entry, slot.wireId))
      slot.state = 'waiting'
      waiting.push(slot)
    } else if (entry.kind === 'output') {
      if (slot?.state === 'waiting') answer(slot)
    } else {
      if (entry.kind === 'hosted' && entry.answeredBy !== undefined && !answered.has(hostedKey(entry.answeredBy, entry.callId))) {
        repairs.push({ tool_call_id: entry.callId ?? '', tool_name: entry.type })
        continue
      }
      // Calls stand in the order of their messages.
      if (beginsTurn(entry, waiting.length > 0 && waiting[0]?.message !== message)) closeTurn()
      items.push(entry.kind !== 'reasoning' ? entry.text : renderReasoning(entry, reasoning.has(entry.id ?? '')))
      if (entry.kind === 'reasoning' && entry.id !== undefined) reasoning.add(entry.id)
    }
  }
  closeTurn()
  return { items, repairs }
}

/** What a hosted call that the caller runs is answered by. */
export function hostedKey(type: string, callId: string | undefined): string {
  return `${type} ${callId ?? ''}`
}

/**
 * True where an entry can't be the same turn's as the calls that wait: they had to be answered before it.
 * @param waitsFromBefore a call of an earlier message waits
 */
export function beginsTurn(entry: WireEntry, waitsFromBefore: boolean): boolean {
  if (entry.kind === 'call' || entry.kind === 'output') return false
  return waitsFromBefore || (entry.kind === 'message' && entry.role !== 'assistant')
}

interface Pairs {
  /** for every call and result that stays */
  slotOf: Map<WireEntry, Slot>
  /** for those that don't */
  repairs: ToolRepair[]
}

function pairUp(placed: readonly PlacedEntry[], ids: WireCallIds, used: ReadonlyMap<string, number>): Pairs {
  const slotOf = new Map<WireEntry, Slot>()
  const repairs: ToolRepair[] = []
  const counts = new Map(used)
  const open = new OpenCalls<Slot>()
  const early = new Set<OutputEntry>()
  const earlyById = new Map<string, OutputEntry>()
  let turn = 0
  for (const { entry, message } of placed) {
    if (entry.kind === 'call') {
      if (open.has(entry, turn)) {
        repairs.push({ tool_call_id: entry.id, tool_name: entry.name })
        continue
      }
      const occurrence = counts.get(entry.id) ?? 0
      counts.set(entry.id, occurrence + 1)
      const wireId = ids.wireId(entry.id, occurrence)
      const slot: Slot = { call: entry, message, turn, wireId, output: undefined, state: 'ahead' }
      slotOf.set(entry, slot)
      const before = occurrence === 0 ? earlyById.get(entry.id) : undefined
      if (!before) open.add(slot)
      else {
        early.delete(before)
        pair(slot, before)
      }
    } else if (entry.kind === 'output') {
      const slot = open.take(entry)
      if (slot) pair(slot, entry)
      else if (entry.id === undefined || counts.has(entry.id)) drop(entry)
      else {
        early.add(entry)
        if (!earlyById.has(entry.id)) earlyById.set(entry.id, entry)
      }
    } else if (entry.kind === 'message' && entry.role !== 'assistant') {
      turn += 1
    }
  }
  for (const output of early) drop(output)
  return { slotOf, repairs }

  function pair(slot: Slot, output: OutputEntry) {
    slot.output = output
    slotOf.set(output, slot)
  }
  function drop(output: OutputEntry) {
    repairs.push({ tool_call_id: output.id ?? '', tool_name: output.name ?? 'unknown' })
  }
}
