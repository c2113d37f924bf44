/** An answer before it becomes events: its items in order, how it ends, what it cost. */
import type { JsonObject } from '../contract/index.js'

export type AnswerItem =
  | { kind: 'reasoning'; parts: string[]; sealed: boolean }
  | { kind: 'message'; text: string; phase?: 'commentary' | 'final_answer' }
  | { kind: 'function_call'; name: string; namespace?: string; arguments: string; callId?: string }
  | { kind: 'custom_tool_call'; name: string; input: string; callId?: string }
  | { kind: 'compaction' }

export type AnswerEnd =
  | { kind: 'completed' }
  | { kind: 'incomplete'; reason: string }
  | { kind: 'failed'; code: string; message: string }

export interface Answer {
  items: AnswerItem[]
  end: AnswerEnd
  /** merged over the computed usage */
  usage?: JsonObject
  deltaChars?: number
  /** the model that serves, where it is another than the one asked for */
  model?: string
  /** the terminal event's type where it is not `response.` and the kind of end */
  terminal?: string
}
