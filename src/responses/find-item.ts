/**
 * Finds the item that an event speaks of. The position in the output is the key (some gateways give
 * every event of one item another id), ids help where there is no position or it is used twice, and
 * a delta that comes before its item was added waits in an item that the later event adopts.
 */
import { itemType, type ItemKind } from './item-types.js'
import type { ItemEvent, ItemReference } from './wire-events.js'

export interface TrackedItem {
  readonly kind: ItemKind
  index: number | undefined
  itemId: string | undefined
  callId: string | undefined
  added: boolean
  done: boolean
}

export interface ItemTracker<T extends TrackedItem> {
  /** in order of first appearance */
  readonly items: readonly T[]
  forDelta(event: ItemReference, kind: ItemKind): T
  forItem(event: ItemEvent): T
  /** The item of that id or call id, where one is known. */
  find(item: Record<string, unknown>): T | undefined
  /** The newest item at that position of the output. */
  at(index: number): T | undefined
}

/** Items that are looked through for one that fits. Real answers leave a few open; of 40,000 a look at each took 16 s. */
export const MOST_LOOKED_AT = 256

export function createItemTracker<T extends TrackedItem>(create: (kind: ItemKind) => T): ItemTracker<T> {
  const items: T[] = []
  /** by its place, a number, and by its ids, which are texts */
  const known = new Map<number | string, T>()
  /** not reported done yet, as far as that was noticed; oldest first */
  const open = new Set<T>()
  let last: T | undefined

  const link = (item: T, index: number | undefined, itemId: string | undefined, callId: string | undefined): T => {
    for (const key of [index, itemId, callId]) if (key !== undefined) known.set(key, item)
    item.index ??= index
    item.itemId ??= itemId
    item.callId ??= callId
    return item
  }

  const make = (kind: ItemKind): T => {
    const item = create(kind)
    items.push(item)
    open.add(item)
    return item
  }

  const findSlow = (event: ItemReference, kind: ItemKind): T => {
    const { output_index: index, item_id: itemId, call_id: callId } = event
    const atIndex = index === undefined ? undefined : known.get(index)
    if (atIndex?.kind === kind && !(atIndex.done && itemId !== undefined && itemId !== atIndex.itemId)) return atIndex
    const named = known.get(itemId ?? '') ?? known.get(callId ?? '')
    if (named?.kind === kind) return named
    const unfinished = index === undefined && itemId === undefined && callId === undefined ? listOpen(open).findLast((item) => item.kind === kind) : undefined
    return link(unfinished ?? make(kind), index, itemId, typeof callId === 'string' ? callId : undefined)
  }

  return {
    items,
    forDelta(event, kind) {
      const index = event.output_index
      if (last !== undefined && index !== undefined && last.index === index && last.kind === kind && !last.done) return last
      return (last = findSlow(event, kind))
    },
    forItem(event) {
      const { item } = event
      const index = event.output_index
      const { kind } = itemType(item.type)
      const itemId = readId(item['id']) ?? event.item_id
      // A hosted call and its output are two items of one call id.
      const callId = kind === 'hosted' ? undefined : readId(item['call_id'])
      if (items.length === 0) return (last = link(make(kind), index, itemId, callId))
      /** could still be this very item: of its kind, and not yet where the event brings it */
      const isOpen = (candidate: T | undefined): candidate is T =>
        candidate?.kind === kind && !candidate.done && (event.type === 'response.output_item.done' || !candidate.added) && !hasOtherCallId(candidate, callId)
      const named = known.get(itemId ?? '') ?? known.get(callId ?? '')
      const atIndex = index === undefined ? undefined : known.get(index)
      const found =
        (named?.kind === kind && !hasOtherCallId(named, callId) ? named : undefined) ??
        (isOpen(atIndex) ? atIndex : undefined) ??
        listOpen(open).find((candidate) => isOpen(candidate) && (candidate.index === undefined || index === undefined) && !hasOtherId(candidate, itemId))
      return (last = link(found ?? make(kind), index, itemId, callId))
    },
    at: (index) => known.get(index),
    find: (item) => known.get(readId(item['id']) ?? '') ?? known.get(readId(item['call_id']) ?? ''),
  }
}

/** The oldest of the items that have not been reported done; those that have are forgotten. */
function listOpen<T extends TrackedItem>(open: Set<T>): T[] {
  const listed: T[] = []
  for (const item of open) {
    if (item.done) open.delete(item)
    else if (listed.push(item) === MOST_LOOKED_AT) break
  }
  return listed
}

/** A call id names one call, whatever else changes. */
export function hasOtherCallId(candidate: TrackedItem, callId: unknown): boolean {
  return candidate.callId !== undefined && typeof callId === 'string' && callId !== '' && candidate.callId !== callId
}

export function hasOtherId(candidate: TrackedItem, itemId: string | undefined): boolean {
  return candidate.itemId !== undefined && itemId !== undefined && candidate.itemId !== itemId
}

function readId(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
