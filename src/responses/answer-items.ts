import type { AnswerEvent, ContentBlock, JsonObject, ReasoningProvenance } from '../contract/index.js'
import type { AnswerItem, BlockWriter, ItemRules } from './answer-item.js'
import { HOSTED } from './answer-hosted.js'
import { annotateText, finishText, growText, MESSAGE, textPart } from './answer-text.js'
import { finishThought, growThought, REASONING, thoughtPart } from './answer-thinking.js'
import { describeCall, finishArguments, growArguments, TOOL_CALL } from './answer-tool-call.js'
import { buildBlocks } from './build-response.js'
import { ItemTracker, hasOtherId } from './find-item.js'
import type { ItemKind } from './item-types.js'
import { matchOutput } from './match-output.js'
import { partToDone } from './read-item-parts.js'
import type { Terminal } from './read-terminal.js'
import type { ItemEvent, OtherEvent, WireEvent } from './wire-events.js'

/** Between two events: a waiting answer keeps none of those that were handed on. */
const NOWHERE: AnswerEvent[] = []
const RULES: Readonly<Record<ItemKind, ItemRules>> = { message: MESSAGE, reasoning: REASONING, call: TOOL_CALL, hosted: HOSTED }

/** The items of an answer: what its events make of them, and the blocks they are shown as. */
export class AnswerItems {
  readonly #tracker = new ItemTracker()
  readonly #firstIndex: number
  #sawCall = false

  constructor(readonly blocks: BlockWriter) {
    this.#firstIndex = blocks.nextIndex
  }

  get sawOutput(): boolean {
    return this.#sawCall || this.blocks.nextIndex > this.#firstIndex
  }

  /** Appends what the event adds to `out`; false for one that speaks of no item. */
  accept(event: WireEvent, out: AnswerEvent[]): boolean {
    this.blocks.out = out
    const taken = this.#accept(event)
    this.blocks.out = NOWHERE
    return taken
  }

  #accept(event: WireEvent): boolean {
    const blocks = this.blocks
    switch (event.type) {
      case 'response.output_text.delta':
      case 'response.refusal.delta': {
        const item = this.#tracker.forDelta(event, 'message')
        if (!item.done) growText(item, textPart(item, event), event.delta, blocks, event.logprobs)
        return true
      }
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta': {
        const item = this.#tracker.forDelta(event, 'call')
        if (item.done) return true
        this.#sawCall ||= event.delta !== ''
        growArguments(item, event.delta, blocks)
        return true
      }
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_text.delta': {
        const item = this.#tracker.forDelta(event, 'reasoning')
        if (!item.done) growThought(item, thoughtPart(item, event), event.delta, blocks)
        return true
      }
      default:
        return this.#acceptWhole(event)
    }
  }

  #acceptWhole(event: WireEvent): boolean {
    switch (event.type) {
      case 'response.output_item.added':
        this.#addItem(event)
        return true
      case 'response.output_item.done':
        this.#finishItem(this.#tracker.forItem(event), event.item)
        return true
      case 'response.content_part.done':
      case 'response.reasoning_summary_part.done': {
        const done = partToDone(event)
        if (done) this.#finishPart(done)
        return true
      }
      default:
        return this.#finishPart(event)
    }
  }

  #finishPart(event: WireEvent): boolean {
    switch (event.type) {
      case 'response.output_text.done':
      case 'response.refusal.done': {
        const item = this.#tracker.forDelta(event, 'message')
        if (item.done) return true
        if (event.text !== undefined) finishText(item, textPart(item, event), event.text, this.blocks)
        return true
      }
      case 'response.reasoning_summary_text.done':
      case 'response.reasoning_text.done': {
        const item = this.#tracker.forDelta(event, 'reasoning')
        if (!item.done) finishThought(item, thoughtPart(item, event), event.text, this.blocks)
        return true
      }
      case 'response.function_call_arguments.done':
      case 'response.custom_tool_call_input.done': {
        const item = this.#tracker.forDelta(event, 'call')
        this.#sawCall = true
        if (!item.done) finishArguments(item, event.arguments ?? event.input, this.blocks)
        return true
      }
      case 'response.output_text.annotation.added':
        annotateText(this.#tracker.forDelta(event, 'message'), event, this.blocks)
        return true
      default:
        return false
    }
  }

  acceptOther(event: OtherEvent, out: AnswerEvent[]): void {
    const { output_index: index, item_id: id } = event
    const item = typeof index === 'number' ? this.#tracker.at(index) : this.#tracker.find({ id })
    if (item?.kind !== 'hosted' || item.block === undefined || item.ended) return
    out.push({ type: 'block_progress', index: item.block, block: 'hosted', name: item.name, event })
  }

  #addItem(event: ItemEvent): void {
    const item = this.#tracker.forItem(event)
    if (item.added || item.done) return
    item.added = true
    item.wire = event.item
    this.#sawCall ||= item.kind === 'call'
    this.blocks.startItem(item, event.item)
    RULES[item.kind].add(item, event.item, this.blocks)
  }

  #finishItem(item: AnswerItem, wire: JsonObject): void {
    if (item.done) return
    item.done = true
    this.#sawCall ||= item.kind === 'call'
    this.blocks.startItem(item, wire)
    RULES[item.kind].finish(item, wire, this.blocks)
    if (item.ended) this.#endItem(item, wire)
  }

  #endItem(item: AnswerItem, wire: JsonObject): void {
    if (!this.blocks.withItems) return
    const told = item.kind === 'call' ? describeCall(item, item.wire ?? wire) : (RULES[item.kind].build(item) ?? item.wire ?? wire)
    this.blocks.endItem(item, told, item.kind === 'call' ? item.isWhole : item.done)
  }

  /** The answer ended: its items do, with what the terminal event still says of them. */
  end(terminal: Terminal, response: JsonObject, out: AnswerEvent[]): void {
    this.blocks.out = out
    if (terminal.kind === 'completed' || terminal.kind === 'incomplete') matchOutput(response, this.#tracker, (item, wire) => this.#finishItem(item, wire))
    for (const item of this.#tracker.items) {
      RULES[item.kind].end(item, this.#wasReplaced(item) ? 'cancelled' : terminal.kind, this.blocks)
      this.#endItem(item, { type: item.kind })
    }
    this.blocks.out = NOWHERE
  }

  /** Announced as one kind of item and reported done as another. */
  #wasReplaced(item: AnswerItem): boolean {
    if (item.done || item.index === undefined) return false
    const other = this.#tracker.at(item.index)
    return other !== undefined && other !== item && other.done && !hasOtherId(other, item.itemId)
  }

  /** The finished ones as the wire had them, in output order. */
  list(): JsonObject[] {
    return this.#inOutputOrder().flatMap((item): JsonObject[] => {
      const wire = RULES[item.kind].build(item)
      return wire ? [wire] : []
    })
  }

  /** The blocks of the answer, in output order. */
  content(provenance: ReasoningProvenance): ContentBlock[] {
    return this.#inOutputOrder().flatMap((item) => {
      const wire = RULES[item.kind].build(item)
      return wire ? buildBlocks(wire, provenance, item) : []
    })
  }

  /** By position in the output; as they came where an item has none. */
  #inOutputOrder(): readonly AnswerItem[] {
    const { items } = this.#tracker
    if (items.some((item) => item.index === undefined)) return items
    return [...items].sort((left, right) => (left.index ?? 0) - (right.index ?? 0))
  }
}
