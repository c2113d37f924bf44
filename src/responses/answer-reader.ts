import type { AnswerEvent, ChatResponse, JsonObject, ReasoningProvenance } from '../contract/index.js'
import { readString } from '../lib/index.js'
import { type AnswerItem, BlockWriter, type ItemRules } from './answer-item.js'
import { HOSTED } from './answer-hosted.js'
import { annotateText, finishText, growText, MESSAGE, textPart } from './answer-text.js'
import { finishThought, growThought, REASONING, thoughtPart } from './answer-thinking.js'
import { describeCall, finishArguments, growArguments, TOOL_CALL } from './answer-tool-call.js'
import { buildBlocks } from './build-blocks.js'
import { buildResponse } from './build-response.js'
import { cleanModelName } from './clean-wire-text.js'
import { ItemTracker, hasOtherId } from './find-item.js'
import type { ItemKind } from './item-types.js'
import { matchOutput } from './match-output.js'
import { partToDone } from './read-item-parts.js'
import { readTerminal, terminalToFailure, type Terminal } from './read-terminal.js'
import type { ItemEvent, LifecycleEvent, OtherEvent, TerminalEvent, WireEvent } from './wire-events.js'
import type { WireFailure } from './wire-failure.js'

/**
 * The one state of an answer. What it streams and what it answers are made from the same items, so they
 * can't disagree: a call that `accept` ends with arguments is in the response, and the other way round.
 */
export interface AnswerReader {
  /**
   * Takes in one event and appends what it adds to `out`, often nothing; after the terminal event never anything.
   * A caller's array instead of an answered one: at one event a delta an array of its own costs as much as the event.
   */
  accept(event: WireEvent, out: AnswerEvent[]): void
  /** The same for an event that `decodeEvent` doesn't know: the progress of the hosted item that it names, if it names one. */
  acceptOther(event: OtherEvent, out: AnswerEvent[]): void
  /** Headers of the answer, names lower-cased: which model served it, and the request's id for errors. */
  observeHeaders(headers: Readonly<Record<string, string>>): void
  /** all that were observed, those that came as events included */
  readonly headers: Readonly<Record<string, string>>
  /** how the answer ended; undefined while it runs */
  readonly ended: Terminal | undefined
  readonly responseId: string | undefined
  /** the model that really answered, where the wire said so */
  readonly servedModel: string | undefined
  /** something came that can be shown or run, or that the server ran: a repeat would do it twice */
  readonly sawOutput: boolean
  /** what the next block will be numbered */
  readonly nextIndex: number
  /**
   * Where streamed text or a streamed call is not what the server reported done, in words fit for a
   * degradation's `reason`; undefined where they agree. The response has what was reported done.
   */
  readonly difference: string | undefined
  /** The finished items as the wire had them, in output order: what the next request's history holds of this answer. */
  items(): readonly JsonObject[]
  /** The answer; to be asked for once it has ended as `completed` or `incomplete`. */
  response(): ChatResponse
  /** What came so far, unfinished text included, `finish_reason` null; undefined where nothing came. */
  partial(): ChatResponse | undefined
  /**
   * Why the answer is none, with the headers that came with it: what a bad terminal says, or a cut where
   * there is no terminal yet; undefined for completed, and for cut by the length limit.
   */
  failure(): WireFailure | undefined
}

/** Between two events: a waiting answer keeps none of those that were handed on. */
const NOWHERE: AnswerEvent[] = []
const NO_HEADERS: Readonly<Record<string, string>> = {}
const MODEL_HEADER = 'openai-model'
const KEPT = ['id', 'model', 'usage', 'service_tier'] as const
const RULES: Readonly<Record<ItemKind, ItemRules>> = { message: MESSAGE, reasoning: REASONING, call: TOOL_CALL, hosted: HOSTED }

/**
 * @param options.provenance goes into each thinking block that can be sent back
 * @param options.firstIndex where blocks are numbered from, for an answer that goes on after another; default 0
 * @param options.items write the events of items, and what of them a block is, for who tells the answer item by item; default false
 */
export function createAnswerReader(options: AnswerReaderOptions): AnswerReader {
  return new Reader(options)
}

export interface AnswerReaderOptions {
  provenance: ReasoningProvenance
  firstIndex?: number
  items?: boolean
}

/** A class for its getters, which are asked at every event: an object that brings its own is a slow one. */
class Reader implements AnswerReader {
  headers: Readonly<Record<string, string>> = NO_HEADERS
  ended: Terminal | undefined = undefined
  readonly #tracker = new ItemTracker()
  readonly #blocks: BlockWriter
  readonly #firstIndex: number
  readonly #provenance: ReasoningProvenance
  #sawCall = false
  /** what is kept of the `response` objects that came, the newest word on each */
  readonly #response: JsonObject = {}

  constructor({ provenance, firstIndex = 0, items = false }: AnswerReaderOptions) {
    this.#provenance = provenance
    this.#firstIndex = firstIndex
    this.#blocks = new BlockWriter(firstIndex, items)
  }

  get responseId(): string | undefined {
    return readString(this.#response, 'id')
  }

  get servedModel(): string | undefined {
    return cleanModelName(this.headers[MODEL_HEADER]) ?? cleanModelName(readString(this.#response, 'model'))
  }

  get sawOutput(): boolean {
    return this.#sawCall || this.#blocks.nextIndex > this.#firstIndex
  }

  get nextIndex(): number {
    return this.#blocks.nextIndex
  }

  get difference(): string | undefined {
    return this.#blocks.difference
  }

  observeHeaders(headers: Readonly<Record<string, string>>): void {
    this.headers = this.headers === NO_HEADERS ? headers : { ...this.headers, ...headers }
  }

  accept(event: WireEvent, out: AnswerEvent[]): void {
    if (this.ended) return
    this.#blocks.out = out
    this.#accept(event)
    this.#blocks.out = NOWHERE
  }

  #accept(event: WireEvent): void {
    const blocks = this.#blocks
    switch (event.type) {
      case 'response.output_text.delta':
      case 'response.refusal.delta': {
        const item = this.#tracker.forDelta(event, 'message')
        if (item.done) return
        return growText(item, textPart(item, event), event.delta, blocks, event.logprobs)
      }
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta': {
        const item = this.#tracker.forDelta(event, 'call')
        if (item.done) return
        this.#sawCall ||= event.delta !== ''
        return growArguments(item, event.delta, blocks)
      }
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_text.delta': {
        const item = this.#tracker.forDelta(event, 'reasoning')
        return item.done ? undefined : growThought(item, thoughtPart(item, event), event.delta, blocks)
      }
      default:
        this.#acceptWhole(event)
    }
  }

  #acceptWhole(event: WireEvent): void {
    switch (event.type) {
      case 'response.output_item.added':
        return this.#addItem(event)
      case 'response.output_item.done':
        return this.#finishItem(this.#tracker.forItem(event), event.item)
      case 'response.created':
      case 'response.in_progress':
      case 'response.queued':
        return this.#learn(event)
      case 'response.metadata':
      case 'codex.response.metadata':
        return this.observeHeaders(event.headers)
      case 'response.content_part.done':
      case 'response.reasoning_summary_part.done': {
        const done = partToDone(event)
        return done && this.#acceptWhole(done)
      }
      default:
        if (!this.#finishPart(event)) this.#acceptTerminal(event)
    }
  }

  #finishPart(event: WireEvent): boolean {
    switch (event.type) {
      case 'response.output_text.done':
      case 'response.refusal.done': {
        const item = this.#tracker.forDelta(event, 'message')
        if (item.done) return true
        if (event.text !== undefined) finishText(item, textPart(item, event), event.text, this.#blocks)
        return true
      }
      case 'response.reasoning_summary_text.done':
      case 'response.reasoning_text.done': {
        const item = this.#tracker.forDelta(event, 'reasoning')
        if (!item.done) finishThought(item, thoughtPart(item, event), event.text, this.#blocks)
        return true
      }
      case 'response.function_call_arguments.done':
      case 'response.custom_tool_call_input.done': {
        const item = this.#tracker.forDelta(event, 'call')
        this.#sawCall = true
        if (!item.done) finishArguments(item, event.arguments ?? event.input, this.#blocks)
        return true
      }
      case 'response.output_text.annotation.added':
        annotateText(this.#tracker.forDelta(event, 'message'), event, this.#blocks)
        return true
      default:
        return false
    }
  }

  acceptOther(event: OtherEvent, out: AnswerEvent[]): void {
    const { output_index: index, item_id: id } = event
    const item = typeof index === 'number' ? this.#tracker.at(index) : this.#tracker.find({ id })
    if (this.ended || item?.kind !== 'hosted' || item.block === undefined || item.ended) return
    out.push({ type: 'block_progress', index: item.block, block: 'hosted', name: item.name, event })
  }

  #addItem(event: ItemEvent): void {
    const item = this.#tracker.forItem(event)
    if (item.added || item.done) return
    item.added = true
    item.wire = event.item
    this.#sawCall ||= item.kind === 'call'
    this.#blocks.startItem(item, event.item)
    RULES[item.kind].add(item, event.item, this.#blocks)
  }

  #finishItem(item: AnswerItem, wire: JsonObject): void {
    if (item.done) return
    item.done = true
    this.#sawCall ||= item.kind === 'call'
    this.#blocks.startItem(item, wire)
    RULES[item.kind].finish(item, wire, this.#blocks)
    if (item.ended) this.#endItem(item, wire)
  }

  #endItem(item: AnswerItem, wire: JsonObject): void {
    if (!this.#blocks.withItems) return
    const told = item.kind === 'call' ? describeCall(item, item.wire ?? wire) : (RULES[item.kind].build(item) ?? item.wire ?? wire)
    this.#blocks.endItem(item, told, item.kind === 'call' ? item.isWhole : item.done)
  }

  #acceptTerminal(event: WireEvent): void {
    const terminal = readTerminal(event)
    if (!terminal) return
    if (event.type === 'error') this.observeHeaders(event.headers ?? {})
    else this.#learn(event as TerminalEvent)
    // A failure carries all headers of its answer: the request id is among them.
    this.ended = 'failure' in terminal ? { ...terminal, failure: { ...terminal.failure, headers: { ...this.headers } } } : terminal
    if (terminal.kind === 'completed' || terminal.kind === 'incomplete') matchOutput((event as TerminalEvent).response, this.#tracker, (item, wire) => this.#finishItem(item, wire))
    for (const item of this.#tracker.items) {
      RULES[item.kind].end(item, this.#wasReplaced(item) ? 'cancelled' : terminal.kind, this.#blocks)
      this.#endItem(item, { type: item.kind })
    }
    if (!this.#blocks.withItems) return
    if (terminal.kind === 'completed') this.#blocks.out.push({ type: 'answer_end', status: terminal.kind })
    else if (terminal.kind === 'incomplete') this.#blocks.out.push({ type: 'answer_end', status: terminal.kind, reason: terminal.reason })
  }

  /** Announced as one kind of item and reported done as another. */
  #wasReplaced(item: AnswerItem): boolean {
    if (item.done || item.index === undefined) return false
    const other = this.#tracker.at(item.index)
    return other !== undefined && other !== item && other.done && !hasOtherId(other, item.itemId)
  }

  items(): JsonObject[] {
    return this.#inOutputOrder().flatMap((item): JsonObject[] => {
      const wire = RULES[item.kind].build(item)
      return wire ? [wire] : []
    })
  }

  response(): ChatResponse {
    const content = this.#inOutputOrder().flatMap((item) => {
      const wire = RULES[item.kind].build(item)
      return wire ? buildBlocks(wire, this.#provenance, item) : []
    })
    return buildResponse(content, this.#response, this.ended)
  }

  partial(): ChatResponse | undefined {
    const response = this.response()
    return response.content.length === 0 ? undefined : { ...response, finish_reason: null }
  }

  failure(): WireFailure | undefined {
    const failure = terminalToFailure(this.ended)
    return failure && { ...failure, headers: { ...this.headers, ...failure.headers } }
  }

  /** Not the object itself: it repeats the request's instructions and tools, and a waiting stream would hold them. */
  #learn(event: LifecycleEvent | TerminalEvent): void {
    for (const name of KEPT) {
      const value = event.response[name]
      // A null of a later event takes nothing back: the id of `created` outlives a bare terminal.
      if (value !== null && value !== undefined) this.#response[name] = value
    }
    const endTurn: unknown = event.response['end_turn'] ?? (event as { end_turn?: unknown }).end_turn
    if (typeof endTurn === 'boolean') this.#response['end_turn'] = endTurn
  }

  /** By position in the output; as they came where an item has none. */
  #inOutputOrder(): readonly AnswerItem[] {
    const { items } = this.#tracker
    if (items.some((item) => item.index === undefined)) return items
    return [...items].sort((left, right) => (left.index ?? 0) - (right.index ?? 0))
  }
}
