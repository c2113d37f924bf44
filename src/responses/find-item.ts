/**
 * Finds the item that an event speaks of. The position in the output is the key (some gateways give
 * every event of one item another id), ids help where there is no position or it is used twice, and
 * a delta that comes before its item was added waits in an item that the later event adopts.
 */
import { AnswerItem } from './answer-item.js'
import { itemType, type ItemKind } from './item-types.js'
import type { ItemEvent, ItemReference } from './wire-events.js'

/** Items that are looked through for one that fits. Real answers leave a few open; of 40,000 a look at each took 16 s. */
export const MOST_LOOKED_AT = 256

/** The items of one answer. */
export class ItemTracker {
  /** in order of first appearance */
  items: AnswerItem[] = []
  /** by its place, a number, and by its ids, which are texts; made for the second item: the first is known by its own */
  #known: Map<unknown, AnswerItem> | undefined
  /** not reported done yet, as far as that was noticed; oldest first. Made when somebody asks: most answers name their items. */
  #open: Set<AnswerItem> | undefined
  #last: AnswerItem | undefined

  /** The newest item at that position of the output. */
  at(index: number): AnswerItem | undefined {
    return this.#get(index)
  }

  /** The item of that id or call id, where one is known. */
  find(item: Record<string, unknown>): AnswerItem | undefined {
    return this.#named(readId(item['id']), readId(item['call_id']))
  }

  forDelta(event: ItemReference, kind: ItemKind): AnswerItem {
    const index = event.output_index
    const last = this.#last
    if (last !== undefined && index !== undefined && last.index === index && last.kind === kind && !last.done) return last
    return (this.#last = this.#findForDelta(event, kind))
  }

  forItem(event: ItemEvent): AnswerItem {
    const { item } = event
    const index = event.output_index
    const { kind } = itemType(item.type)
    const itemId = readId(item['id']) ?? event.item_id
    // A hosted call and its output are two items of one call id.
    const callId = kind === 'hosted' ? undefined : readId(item['call_id'])
    if (this.items.length === 0) return (this.#last = this.#link(this.#make(kind), index, itemId, callId))
    /** could still be this very item: of its kind, and not yet where the event brings it */
    const isOpen = (candidate: AnswerItem | undefined): candidate is AnswerItem =>
      candidate?.kind === kind && !candidate.done && (event.type === 'response.output_item.done' || !candidate.added) && !hasOtherCallId(candidate, callId)
    const named = this.#named(itemId, callId)
    const atIndex = index === undefined ? undefined : this.#get(index)
    const found =
      (named?.kind === kind && !hasOtherCallId(named, callId) ? named : undefined) ??
      (isOpen(atIndex) ? atIndex : undefined) ??
      this.#listOpen().find((candidate) => isOpen(candidate) && (candidate.index === undefined || index === undefined) && !hasOtherId(candidate, itemId))
    return (this.#last = this.#link(found ?? this.#make(kind), index, itemId, callId))
  }

  #findForDelta({ output_index: index, item_id: itemId, call_id: callId }: ItemReference, kind: ItemKind): AnswerItem {
    const atIndex = index === undefined ? undefined : this.#get(index)
    if (atIndex?.kind === kind && !(atIndex.done && itemId !== undefined && itemId !== atIndex.itemId)) return atIndex
    const named = this.#named(itemId, callId)
    if (named?.kind === kind) return named
    const unfinished = index === undefined && itemId === undefined && callId === undefined ? this.#listOpen().findLast((item) => item.kind === kind) : undefined
    return this.#link(unfinished ?? this.#make(kind), index, itemId, typeof callId === 'string' ? callId : undefined)
  }

  #named(itemId: unknown, callId: unknown): AnswerItem | undefined {
    return this.#get(itemId ?? '') ?? this.#get(callId ?? '')
  }

  #get(key: unknown): AnswerItem | undefined {
    if (this.#known) return this.#known.get(key)
    const [first] = this.items
    return first && isKeyOf(first, key) ? first : undefined
  }

  #link(item: AnswerItem, index: number | undefined, itemId: string | undefined, callId: string | undefined): AnswerItem {
    item.index ??= index
    item.itemId ??= itemId
    item.callId ??= callId
    for (const key of [index, itemId, callId]) if (key !== undefined) this.#learn(key, item)
    return item
  }

  #learn(key: number | string, item: AnswerItem): void {
    if (this.#known === undefined) {
      const first = this.items[0] as AnswerItem
      if (first === item && isKeyOf(first, key)) return
      this.#known = new Map()
      for (const own of [first.index, first.itemId, first.callId]) if (own !== undefined) this.#known.set(own, first)
    }
    this.#known.set(key, item)
  }

  #make(kind: ItemKind): AnswerItem {
    const item = new AnswerItem(kind)
    // Of most answers that wait it is the only one: a list that was pushed to has room for 17.
    if (this.items.length === 0) this.items = [item]
    else this.items.push(item)
    this.#open?.add(item)
    return item
  }

  /** The oldest of the items that have not been reported done; those that have are forgotten. */
  #listOpen(): AnswerItem[] {
    const open = (this.#open ??= new Set(this.items))
    const listed: AnswerItem[] = []
    for (const item of open) {
      if (item.done) open.delete(item)
      else if (listed.push(item) === MOST_LOOKED_AT) break
    }
    return listed
  }
}

/** A call id names one call, whatever else changes. */
export function hasOtherCallId(candidate: AnswerItem, callId: unknown): boolean {
  return candidate.callId !== undefined && typeof callId === 'string' && callId !== '' && candidate.callId !== callId
}

export function hasOtherId(candidate: AnswerItem, itemId: string | undefined): boolean {
  return candidate.itemId !== undefined && itemId !== undefined && candidate.itemId !== itemId
}

function readId(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Whether it is its place, a number, or one of its ids. */
function isKeyOf({ index, itemId, callId }: AnswerItem, key: unknown): boolean {
  return key !== undefined && (key === index || key === itemId || key === callId)
}
