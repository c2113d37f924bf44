import type { JsonObject } from '../contract/index.js'
import { isRecord, readString } from '../lib/index.js'
import type { PartEvent, ReasoningDone, TextDone } from './wire-events.js'

export interface MessagePart {
  /** its place in the item's content */
  index: number
  text: string
  isRefusal: boolean
  /** the part as the wire has it */
  fields: JsonObject
}

/** The text parts of a message item; `text` is forgiven for `output_text`, and a bare string for a list. */
export function readMessageParts(item: JsonObject): MessagePart[] {
  const content = item['content']
  if (typeof content === 'string') return [{ index: 0, text: content, isRefusal: false, fields: { type: 'output_text', text: content } }]
  if (!Array.isArray(content)) return []
  return content.flatMap((part: unknown, index) => {
    if (!isRecord(part)) return []
    const isRefusal = part['type'] === 'refusal'
    if (!isRefusal && part['type'] !== 'output_text' && part['type'] !== 'text') return []
    const text = (isRefusal ? readString(part, 'refusal') : undefined) ?? readString(part, 'text')
    return text === undefined ? [] : [{ index, text, isRefusal, fields: part }]
  })
}

export interface ReasoningPart {
  kind: 'summary' | 'reasoning'
  index: number
  text: string
}

/** What a reasoning item shows: its summaries, then its reasoning text. */
export function readReasoningParts(item: JsonObject): ReasoningPart[] {
  return [...readTexts(item['summary'], 'summary'), ...readTexts(item['content'], 'reasoning')]
}

/** A finished part says the same as the event that finishes its text; undefined where it has none. */
export function partToDone(event: PartEvent): TextDone | ReasoningDone | undefined {
  const { part, output_index, item_id, content_index = 0, summary_index = 0 } = event
  const text = readString(part, 'text')
  if (event.type === 'response.reasoning_summary_part.done') return text === undefined ? undefined : { type: 'response.reasoning_summary_text.done', output_index, item_id, summary_index, text }
  if (part['type'] === 'reasoning_text') return text === undefined ? undefined : { type: 'response.reasoning_text.done', output_index, item_id, content_index, text }
  const [message] = readMessageParts({ content: [part] })
  return message && { type: message.isRefusal ? 'response.refusal.done' : 'response.output_text.done', output_index, item_id, content_index, text: message.text }
}

function readTexts(list: unknown, kind: ReasoningPart['kind']): ReasoningPart[] {
  if (typeof list === 'string') return list === '' ? [] : [{ kind, index: 0, text: list }]
  if (!Array.isArray(list)) return []
  return list.flatMap((part: unknown, index) => {
    const text = typeof part === 'string' ? part : isRecord(part) ? readString(part, 'text') : undefined
    return text === undefined || text === '' ? [] : [{ kind, index, text }]
  })
}
