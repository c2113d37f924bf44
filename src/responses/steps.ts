/**
 * What one wire event means for the answer: blocks that start, grow and end. Stream events and the
 * `llm:stream_*` hook events are both read off these steps.
 */
import type { JsonObject } from '../contract/index.js'

export type BlockKind = 'text' | 'thinking' | 'tool_use'

export type Step =
  | { type: 'block_start'; index: number; block: BlockKind; toolCallId?: string; name?: string }
  | { type: 'block_delta'; index: number; block: BlockKind; text: string; toolCallId?: string }
  | {
      type: 'block_end'
      index: number
      block: BlockKind
      toolCallId?: string
      name?: string
      /** decoded once, from the whole; `{_raw: text}` where it is no JSON object */
      arguments?: JsonObject
    }
