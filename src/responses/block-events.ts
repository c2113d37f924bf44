/**
 * What one wire event adds to an answer, as its blocks: they start, grow and end. Stream events, the
 * `llm:stream_*` hook events and the response all come from these.
 */
import type { JsonObject } from '../contract/index.js'

/** `hosted` is an item that the contract has no block for: a tool that the server runs, a compaction, whatever comes next. */
export type BlockKind = 'text' | 'thinking' | 'tool_use' | 'hosted'

export type BlockEvent =
  | { type: 'block_start'; index: number; block: BlockKind; toolCallId?: string; /** the tool's, or a hosted item's type */ name?: string }
  | { type: 'block_delta'; index: number; block: 'text' | 'thinking' | 'tool_use'; text: string; toolCallId?: string }
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
    }
