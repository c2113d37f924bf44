/**
 * What an answer's progress is, as blocks: they start, grow and end. Stream events, the `llm:stream_*` hook events, the
 * response and what a server writes of it all come from these.
 */
import type { JsonObject } from './chat.js'

/** `hosted` is an item that the contract has no other block for: a tool that the server runs, a compaction, whatever comes next. */
export type BlockKind = 'text' | 'thinking' | 'tool_use' | 'hosted'

/** Which part of its item a stretch of text is. */
export interface PartPlace {
  kind: 'text' | 'refusal' | 'summary' | 'reasoning'
  /** among the item's parts of that list */
  index: number
}

export type BlockEvent =
  | {
      type: 'block_start'
      index: number
      block: BlockKind
      toolCallId?: string
      /** the tool's, or a hosted item's type */
      name?: string
      /** with items: what the block belongs to */
      item?: ItemToken
      /** with items, of text */
      part?: PartPlace
    }
  | {
      type: 'block_delta'
      index: number
      block: 'text' | 'thinking' | 'tool_use'
      text: string
      toolCallId?: string
      /** with items, of thinking */
      part?: PartPlace
      /** with items: so many characters of `text` part it from the paragraph before it and are not the model's */
      gap?: number
      /** with items, of text: where the wire has any */
      logprobs?: unknown[]
    }
  /** A hosted item's progress, in the wire's own event. */
  | { type: 'block_progress'; index: number; block: 'hosted'; name: string; event: JsonObject }
  | {
      type: 'block_end'
      index: number
      block: BlockKind
      toolCallId?: string
      name?: string
      /**
       * Of a tool call: decoded from the whole, `{_raw: text}` where that is no JSON object. Absent where
       * the call never came whole: it must not be run, and the response does not hold it.
       */
      arguments?: JsonObject
      /** Of a hosted item: as the wire had it when it was done. Absent where it never was. */
      item?: JsonObject
      /** with items, of text and thinking: its parts as the wire has them */
      parts?: readonly (PartPlace & { wire: JsonObject })[]
      /** with items, of a tool call: what it is called with, as the model wrote it */
      text?: string
    }

/** Told beside the blocks to who writes an answer item by item; `with items` above says the same. */
export type AnswerEvent =
  | BlockEvent
  /** a source or a file that the text names */
  | { type: 'block_annotation'; index: number; annotation: unknown; position: number }
  /** an item of the answer has been announced, or comes without having been */
  | { type: 'item_start'; item: ItemToken; wire: JsonObject }
  /** nothing more comes of it; `isWhole` is false where the answer ended before it did */
  | { type: 'item_end'; item: ItemToken; wire: JsonObject; isWhole: boolean }
  /** the wire says that the answer is complete, or why it is cut */
  | { type: 'answer_end'; status: 'completed' | 'incomplete'; reason?: string }

/** Stands for one item of an answer in its events: the same object in all of them. */
export type ItemToken = object
