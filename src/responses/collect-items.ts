/**
 * Keeps what has come of each item of the output. A finished item is the server's own word; of an
 * unfinished one an item of the same shape is put together from its deltas.
 */
import type { JsonObject } from '../contract/index.js'
import { Fragments } from './fragments.js'
import { parseArguments, readArgumentsText } from './read-arguments.js'
import { partToDone, reasoningKey } from './read-item-parts.js'
import { createItemTracker, type ItemTracker, type TrackedItem } from './track-items.js'
import type { ArgumentsDone, ItemEvent, ReasoningDelta, ReasoningDone, TextDelta, TextDone, WireEvent } from './wire-events.js'

interface Part {
  fragments: Fragments
  whole: string | undefined
  isRefusal: boolean
  annotations: unknown[]
}

export interface CollectedItem extends TrackedItem {
  /** by content index of a message, by summary or content key of a reasoning item, one (0) of a tool call */
  parts: Map<number | string, Part>
  addedItem: JsonObject | undefined
  doneItem: JsonObject | undefined
}

export interface ItemCollector {
  readonly tracker: ItemTracker<CollectedItem>
  /** Takes in what the event says of an item. True where it is output: something to show or to run. */
  accept(event: WireEvent): boolean
}

export function createItemCollector(): ItemCollector {
  const tracker = createItemTracker(createItem)
  return {
    tracker,
    accept(event) {
      switch (event.type) {
        case 'response.output_text.delta':
        case 'response.refusal.delta':
          return pushText(tracker, event)
        case 'response.function_call_arguments.delta':
        case 'response.custom_tool_call_input.delta':
          return pushDelta(findPart(tracker.forDelta(event, 'tool'), 0), event.delta)
        case 'response.reasoning_summary_text.delta':
        case 'response.reasoning_text.delta':
          return pushDelta(findPart(tracker.forDelta(event, 'reasoning'), reasoningKey(event)), event.delta)
        default:
          return acceptWhole(tracker, event)
      }
    },
  }
}

function acceptWhole(tracker: ItemTracker<CollectedItem>, event: WireEvent): boolean {
  switch (event.type) {
    case 'response.output_text.done':
    case 'response.refusal.done':
      return setText(tracker, event)
    case 'response.reasoning_summary_text.done':
    case 'response.reasoning_text.done':
      return setThought(tracker, event)
    case 'response.function_call_arguments.done':
    case 'response.custom_tool_call_input.done':
      return setArguments(tracker, event)
    case 'response.output_text.annotation.added':
      findPart(tracker.forDelta(event, 'message'), event.content_index ?? 0).annotations.push(event.annotation)
      return false
    case 'response.output_item.added':
    case 'response.output_item.done':
      return setItem(tracker, event)
    case 'response.content_part.done':
    case 'response.reasoning_summary_part.done': {
      const done = partToDone(event)
      return done !== undefined && acceptWhole(tracker, done)
    }
    default:
      return false
  }
}

function pushText(tracker: ItemTracker<CollectedItem>, event: TextDelta): boolean {
  const part = findPart(tracker.forDelta(event, 'message'), event.content_index ?? 0)
  if (event.type === 'response.refusal.delta') part.isRefusal = true
  return pushDelta(part, event.delta)
}

function pushDelta(part: Part, delta: string): boolean {
  part.fragments.push(delta)
  return delta !== ''
}

function setText(tracker: ItemTracker<CollectedItem>, event: TextDone): boolean {
  const part = findPart(tracker.forDelta(event, 'message'), event.content_index ?? 0)
  if (event.type === 'response.refusal.done') part.isRefusal = true
  setWhole(part, event.text)
  return part.whole !== undefined && part.whole !== ''
}

/** The deltas of a whole are not kept beside it: it is as long as they are. */
function setWhole(part: Part, whole: string | undefined): void {
  part.whole = whole
  if (whole === undefined || whole.length < part.fragments.length) return
  part.fragments = new Fragments()
  part.fragments.push(whole)
}

function setThought(tracker: ItemTracker<CollectedItem>, event: ReasoningDelta | ReasoningDone): boolean {
  const part = findPart(tracker.forDelta(event, 'reasoning'), reasoningKey(event))
  if ('text' in event) setWhole(part, event.text)
  return part.whole !== undefined && part.whole !== ''
}

function setArguments(tracker: ItemTracker<CollectedItem>, event: ArgumentsDone): boolean {
  const whole = readArgumentsText(event.arguments ?? event.input)
  const part = findPart(tracker.forDelta(event, 'tool'), 0)
  if (whole !== undefined && (whole !== '' || part.fragments.length === 0)) setWhole(part, whole)
  return true
}

function setItem(tracker: ItemTracker<CollectedItem>, event: ItemEvent): boolean {
  const item = tracker.forItem(event)
  if (item.done) return true
  item.added = true
  if (event.type === 'response.output_item.added') {
    item.addedItem ??= event.item
    return item.kind === 'tool'
  }
  item.done = true
  item.doneItem = event.item
  if (item.kind === 'tool') restoreArguments(item, event.item)
  item.parts.clear()
  return item.kind === 'message' || item.kind === 'tool'
}

/** A finished call whose item forgot the arguments that its deltas brought. */
function restoreArguments(item: CollectedItem, wire: JsonObject): void {
  if (wire['arguments'] || wire['input']) return
  const part = item.parts.get(0)
  const text = part?.whole ?? part?.fragments.text() ?? ''
  if (text === '') return
  item.doneItem = { ...wire, [wire['type'] === 'custom_tool_call' ? 'input' : 'arguments']: text }
}

/**
 * An item of the wire's shape from what its deltas brought; undefined where there is nothing of it.
 * A tool call only where `withCalls` says that the answer ended well and the call is whole.
 */
export function assembleItem(item: CollectedItem, withCalls: boolean): JsonObject | undefined {
  const base = item.addedItem ?? {}
  if (item.kind === 'message') {
    const content = [...item.parts].sort(byNumber).map(([, part]) => assembleText(part))
    return { ...base, type: 'message', role: 'assistant', content }
  }
  if (item.kind === 'reasoning') {
    const summary = [...item.parts.values()].map((part) => ({ type: 'summary_text', text: textOf(part) }))
    // The encrypted part of an unfinished thought is not the one that may be sent back.
    return { type: 'reasoning', id: base['id'], summary }
  }
  if (item.kind !== 'tool' || !withCalls || typeof base['name'] !== 'string') return undefined
  const part = item.parts.get(0)
  const text = part ? textOf(part) : (readArgumentsText(base['arguments'] ?? base['input']) ?? '')
  const isCustom = base['type'] === 'custom_tool_call'
  const isWhole = part?.whole !== undefined || (!isCustom && text !== '' && parseArguments(text) !== undefined)
  return isWhole ? { ...base, [isCustom ? 'input' : 'arguments']: text } : undefined
}

function assembleText(part: Part): JsonObject {
  const text = textOf(part)
  return part.isRefusal ? { type: 'refusal', refusal: text } : { type: 'output_text', text, annotations: part.annotations }
}

/** Between a whole that is shorter than its deltas and the deltas, what was shown counts. */
function textOf(part: Part): string {
  return part.whole !== undefined && part.whole.length >= part.fragments.length ? part.whole : part.fragments.text()
}

function byNumber([left]: [number | string, unknown], [right]: [number | string, unknown]): number {
  return Number(left) - Number(right)
}

function findPart(item: CollectedItem, key: number | string): Part {
  const known = item.parts.get(key)
  if (known) return known
  const part: Part = { fragments: new Fragments(), whole: undefined, isRefusal: false, annotations: [] }
  // What still comes for a finished item is not kept.
  if (!item.done) item.parts.set(key, part)
  return part
}

function createItem(kind: TrackedItem['kind']): CollectedItem {
  return { kind, added: false, done: false, parts: new Map(), addedItem: undefined, doneItem: undefined }
}
