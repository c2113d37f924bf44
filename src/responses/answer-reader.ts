import type { ChatResponse, JsonObject } from '../contract/index.js'
import type { BlockEvent } from './block-events.js'
import type { Terminal } from './read-terminal.js'
import type { WireEvent } from './wire-events.js'
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
  accept(event: WireEvent, out: BlockEvent[]): void
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
