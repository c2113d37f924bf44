import type { AnswerEvent, ChatResponse, JsonObject, ReasoningProvenance } from '../contract/index.js'
import { readString } from '../lib/index.js'
import { BlockWriter } from './answer-item.js'
import { AnswerItems } from './answer-items.js'
import { buildResponse } from './build-response.js'
import { cleanModelName } from './clean-wire-text.js'
import { readTerminal, terminalToFailure, type Terminal } from './read-terminal.js'
import type { LifecycleEvent, OtherEvent, TerminalEvent, WireEvent } from './wire-events.js'
import type { WireFailure } from './wire-failure.js'

const NO_HEADERS: Readonly<Record<string, string>> = {}
const MODEL_HEADER = 'openai-model'
const KEPT = ['id', 'model', 'usage', 'service_tier'] as const

export interface AnswerReaderOptions {
  /** goes into each thinking block that can be sent back */
  provenance: ReasoningProvenance
  /** where blocks are numbered from, for an answer that goes on after another; default 0 */
  firstIndex?: number
  /** write the events of items, and what of them a block is, for who tells the answer item by item; default false */
  items?: boolean
}

/**
 * The one state of an answer. What it streams and what it answers are made from the same items, so they
 * can't disagree: a call that `accept` ends with arguments is in the response, and the other way round.
 *
 * A class for its getters, which are asked at every event: an object that brings its own is a slow one.
 */
export class AnswerReader {
  /** all that were observed, those that came as events included */
  headers: Readonly<Record<string, string>> = NO_HEADERS
  /** how the answer ended; undefined while it runs */
  ended: Terminal | undefined = undefined
  readonly #items: AnswerItems
  readonly #provenance: ReasoningProvenance
  /** what is kept of the `response` objects that came, the newest word on each */
  readonly #response: JsonObject = {}

  constructor({ provenance, firstIndex = 0, items = false }: AnswerReaderOptions) {
    this.#provenance = provenance
    this.#items = new AnswerItems(new BlockWriter(firstIndex, items))
  }

  get responseId(): string | undefined {
    return readString(this.#response, 'id')
  }

  /** the model that really answered, where the wire said so */
  get servedModel(): string | undefined {
    return cleanModelName(this.headers[MODEL_HEADER]) ?? cleanModelName(readString(this.#response, 'model'))
  }

  /** something came that can be shown or run, or that the server ran: a repeat would do it twice */
  get sawOutput(): boolean {
    return this.#items.sawOutput
  }

  /** what the next block will be numbered */
  get nextIndex(): number {
    return this.#items.blocks.nextIndex
  }

  /**
   * Where streamed text or a streamed call is not what the server reported done, in words fit for a
   * degradation's `reason`; undefined where they agree. The response has what was reported done.
   */
  get difference(): string | undefined {
    return this.#items.blocks.difference
  }

  /** Headers of the answer, names lower-cased: which model served it, and the request's id for errors. */
  observeHeaders(headers: Readonly<Record<string, string>>): void {
    this.headers = this.headers === NO_HEADERS ? headers : { ...this.headers, ...headers }
  }

  /**
   * Takes in one event and appends what it adds to `out`, often nothing; after the terminal event never anything.
   * A caller's array instead of an answered one: at one event a delta an array of its own costs as much as the event.
   */
  accept(event: WireEvent, out: AnswerEvent[]): void {
    if (this.ended || this.#items.accept(event, out)) return
    switch (event.type) {
      case 'response.created':
      case 'response.in_progress':
      case 'response.queued':
        return this.#learn(event)
      case 'response.metadata':
      case 'codex.response.metadata':
        return this.observeHeaders(event.headers)
      default:
        this.#end(event, out)
    }
  }

  /** The same for an event that `decodeEvent` doesn't know: the progress of the hosted item that it names, if it names one. */
  acceptOther(event: OtherEvent, out: AnswerEvent[]): void {
    if (!this.ended) this.#items.acceptOther(event, out)
  }

  #end(event: WireEvent, out: AnswerEvent[]): void {
    const terminal = readTerminal(event)
    if (!terminal) return
    if (event.type === 'error') this.observeHeaders(event.headers ?? {})
    else this.#learn(event as TerminalEvent)
    // A failure carries all headers of its answer: the request id is among them.
    this.ended = 'failure' in terminal ? { ...terminal, failure: { ...terminal.failure, headers: { ...this.headers } } } : terminal
    this.#items.end(terminal, (event as TerminalEvent).response, out)
    if (!this.#items.blocks.withItems) return
    if (terminal.kind === 'completed') out.push({ type: 'answer_end', status: terminal.kind })
    else if (terminal.kind === 'incomplete') out.push({ type: 'answer_end', status: terminal.kind, reason: terminal.reason })
  }

  /** The finished items as the wire had them, in output order: what the next request's history holds of this answer. */
  items(): readonly JsonObject[] {
    return this.#items.list()
  }

  /** The answer; to be asked for once it has ended as `completed` or `incomplete`. */
  response(): ChatResponse {
    return buildResponse(this.#items.content(this.#provenance), this.#response, this.ended)
  }

  /** What came so far, unfinished text included, `finish_reason` null; undefined where nothing came. */
  partial(): ChatResponse | undefined {
    const response = this.response()
    return response.content.length === 0 ? undefined : { ...response, finish_reason: null }
  }

  /**
   * Why the answer is none, with the headers that came with it: what a bad terminal says, or a cut where
   * there is no terminal yet; undefined for completed, and for cut by the length limit.
   */
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
}
