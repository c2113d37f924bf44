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
      if (beginsTurn(entry, message, waiting)) closeTurn()
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

/** True where an entry can't be the same turn's as the calls that wait: they had to be answered before it. */
export function beginsTurn(entry: WireEntry, message: number, waiting: readonly { message: number }[]): boolean {
  if (entry.kind === 'call' || entry.kind === 'output') return false
  if (entry.kind === 'message' && entry.role !== 'assistant') return true
  return waiting.some((slot) => slot.message !== message)
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
  const open: Slot[] = []
  const early: OutputEntry[] = []
  let turn = 0
  for (const { entry, message } of placed) {
    if (entry.kind === 'call') {
      if (open.some((slot) => slot.turn === turn && slot.call.id === entry.id && slot.call.rest === entry.rest)) {
        repairs.push({ tool_call_id: entry.id, tool_name: entry.name })
        continue
      }
      const occurrence = counts.get(entry.id) ?? 0
      counts.set(entry.id, occurrence + 1)
      const wireId = ids.wireId(entry.id, occurrence)
      const slot: Slot = { call: entry, message, turn, wireId, output: undefined, state: 'ahead' }
      slotOf.set(entry, slot)
      const before = occurrence === 0 ? early.findIndex((output) => output.id === entry.id) : -1
      if (before === -1) open.push(slot)
      else for (const output of early.splice(before, 1)) pair(slot, output)
    } else if (entry.kind === 'output') {
      const at = findCall(open, entry)
      if (at !== -1) for (const slot of open.splice(at, 1)) pair(slot, entry)
      else if (entry.id !== undefined && !counts.has(entry.id)) early.push(entry)
      else drop(entry)
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

/** The call a result answers: of those that wait the first in the newest turn, since ids may be used again in each. */
function findCall(open: readonly Slot[], output: OutputEntry): number {
  const newest = open.findLast((slot) => answers(output, slot.call))?.turn
  return open.findIndex((slot) => slot.turn === newest && answers(output, slot.call))
}

/** An old function message has no id: it answers the first call of its tool that waits. */
function answers(output: OutputEntry, call: CallEntry): boolean {
  return output.id === undefined ? output.name === undefined || output.name === call.name : output.id === call.id
}
