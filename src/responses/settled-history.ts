import type { MappedMessage } from './message-items.js'
import { beginsTurn, createUsedIds, hostedKey, type PlacedEntry, repairToolSequence, type RepairedSequence, type UsedIds } from './repair-tool-sequence.js'
import { WireCallIds } from './wire-call-id.js'
import { renderCall, renderOutput, renderReasoning } from './wire-entry.js'

/**
 * How far a history is settled: messages whose calls all have their results in place. What follows
 * can't change them, so their items stand and the next turn goes on from there.
 */
export interface SettledHistory {
  messages: MappedMessage[]
  items: string[]
  used: UsedIds
  ids: WireCallIds
}

export function createSettledHistory(): SettledHistory {
  return { messages: [], items: [], used: createUsedIds(), ids: new WireCallIds() }
}

/**
 * The items of a whole history, in order, every call with its result.
 * @param settled is moved forward as far as the history is in order, and starts over where the history is another one
 */
export function settleHistory(mapped: readonly MappedMessage[], settled: SettledHistory): RepairedSequence {
  if (!settled.messages.every((message, index) => message === mapped[index])) Object.assign(settled, createSettledHistory())
  if (mapped.length > settled.messages.length) settle(mapped, settled)
  const rest = mapped.slice(settled.messages.length)
  if (rest.length === 0) return { items: settled.items.slice(), repairs: [] }
  const placed = rest.flatMap(({ entries }, message): PlacedEntry[] => entries.map((entry) => ({ entry, message })))
  const { items, repairs } = repairToolSequence(placed, settled.ids, settled.used)
  return { items: settled.items.concat(items), repairs }
}

/** Takes over messages as long as nothing has to be repaired, and up to the last one after which no call waits. */
function settle(mapped: readonly MappedMessage[], settled: SettledHistory): void {
  let items: string[] = []
  const waiting = new Map<string, { custom: boolean; wireId: string; message: number }>()
  const unanswered = new Set<string>()
  const started = createUsedIds()
  for (let message = settled.messages.length, from = message; message < mapped.length; message += 1) {
    // calls of this message that wait
    let own = 0
    for (const entry of mapped[message]?.entries ?? []) {
      if (entry.kind === 'call') {
        if (settled.used.calls.has(entry.id) || started.calls.has(entry.id)) return
        started.calls.set(entry.id, 1)
        const wireId = settled.ids.wireId(entry.id)
        waiting.set(entry.id, { custom: entry.custom, wireId, message })
        own += 1
        items.push(renderCall(entry, wireId))
      } else if (entry.kind === 'output') {
        const call = entry.id === undefined ? undefined : waiting.get(entry.id)
        if (entry.id === undefined || call === undefined) return
        waiting.delete(entry.id)
        if (call.message === message) own -= 1
        items.push(renderOutput(entry.output, call, call.wireId))
      } else {
        if (waiting.size > 0 && beginsTurn(entry, waiting.size > own)) return
        if (entry.kind === 'reasoning' && entry.id !== undefined) {
          if (settled.used.reasoning.has(entry.id) || started.reasoning.has(entry.id)) return
          started.reasoning.add(entry.id)
        }
        if (entry.kind === 'hosted') {
          if (entry.answeredBy !== undefined) unanswered.add(hostedKey(entry.answeredBy, entry.callId))
          else unanswered.delete(hostedKey(entry.type, entry.callId))
        }
        items.push(entry.kind !== 'reasoning' ? entry.text : renderReasoning(entry, false))
      }
    }
    if (waiting.size > 0 || unanswered.size > 0) continue
    settled.messages.push(...mapped.slice(from, message + 1))
    settled.items.push(...items)
    for (const id of started.calls.keys()) settled.used.calls.set(id, 1)
    for (const id of started.reasoning) settled.used.reasoning.add(id)
    started.calls.clear()
    started.reasoning.clear()
    items = []
    from = message + 1
  }
}
