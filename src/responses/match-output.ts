import type { JsonObject } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import type { AnswerItem } from './answer-item.js'
import { hasOtherCallId, MOST_LOOKED_AT, type ItemTracker } from './find-item.js'
import { itemType } from './item-types.js'
import type { ItemEvent } from './wire-events.js'

/**
 * The terminal's own output counts for items that no event reported done: finds for each the item that it is.
 * @param finish called with each in its order, before the next is looked for
 */
export function matchOutput(response: JsonObject, tracker: ItemTracker, finish: (item: AnswerItem, wire: JsonObject) => void): void {
  const output = Array.isArray(response['output']) ? (response['output'] as unknown[]).filter(isItem) : []
  const unmatched = new Set(tracker.items)
  const matches = output.map((wire) => {
    const known = tracker.find(wire)
    const match = known && unmatched.has(known) && known.kind === itemType(wire.type).kind ? known : undefined
    if (match) unmatched.delete(match)
    return match
  })
  output.forEach((wire, position) => {
    const item = matches[position] ?? takeMatch(unmatched, wire, tracker.at(position)) ??
      tracker.forItem({ type: 'response.output_item.done', output_index: position, item: wire })
    finish(item, wire)
  })
}

function isItem(value: unknown): value is ItemEvent['item'] {
  return isRecord(value) && typeof value['type'] === 'string'
}

/** The item that the terminal names without an id that was seen: of the same kind, at best the one at the same place. */
function takeMatch(unmatched: Set<AnswerItem>, wire: ItemEvent['item'], atPlace: AnswerItem | undefined): AnswerItem | undefined {
  const { kind } = itemType(wire.type)
  const fits = (item: AnswerItem) => item.kind === kind && !hasOtherCallId(item, wire['call_id']) && (kind !== 'hosted' || item.wire?.['type'] === wire.type)
  const found = atPlace && unmatched.has(atPlace) && fits(atPlace) ? atPlace : findFirst(unmatched, fits)
  if (found) unmatched.delete(found)
  return found
}

function findFirst<Item>(items: Iterable<Item>, fits: (item: Item) => boolean): Item | undefined {
  let looked = 0
  for (const item of items) {
    if (fits(item)) return item
    if (++looked === MOST_LOOKED_AT) return undefined
  }
  return undefined
}
