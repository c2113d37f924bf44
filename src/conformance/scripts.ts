import type { JsonObject, ToolSpec } from '../contract/index.js'
import { isRecord } from '../lib/index.js'
import type { TwinRequest } from '../twin/index.js'

export const LOOK: ToolSpec = {
  name: 'look',
  description: 'Looks something up.',
  parameters: { type: 'object', properties: { at: { type: 'string' } }, required: ['at'], additionalProperties: false },
}

export const SCHEMA: JsonObject = {
  type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false,
}

/** as the wire counts them, and as the contract does */
export const WIRE_USAGE = {
  input_tokens: 1300, input_tokens_details: { cached_tokens: 1024 }, output_tokens: 90, output_tokens_details: { reasoning_tokens: 64 }, total_tokens: 1390,
}
export const CONTRACT_USAGE = { input_tokens: 1300, output_tokens: 90, total_tokens: 1390, cache_read_tokens: 1024, reasoning_tokens: 64 }

/** No real thought: the twin takes it for one that it sealed. */
export const SEALED = 'gAAAAABconformance-a-made-up-sealed-thought'

/** A thought and a word, as recorded from the wire. */
export function buildThoughtRecording(model: string): unknown[] {
  const reasoning = { id: 'rs_conformance', type: 'reasoning', summary: [{ type: 'summary_text', text: 'Weighing it.' }], encrypted_content: SEALED }
  const message = { id: 'msg_conformance', type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', annotations: [], logprobs: [], text: 'Weighed.' }] }
  const response = { id: 'resp_conformance', object: 'response', status: 'in_progress', model, output: [] }
  return [
    { type: 'response.created', response },
    { type: 'response.output_item.added', output_index: 0, item: { ...reasoning, summary: [] } },
    { type: 'response.reasoning_summary_part.added', item_id: reasoning.id, output_index: 0, summary_index: 0, part: { type: 'summary_text', text: '' } },
    { type: 'response.reasoning_summary_text.delta', item_id: reasoning.id, output_index: 0, summary_index: 0, delta: 'Weighing it.' },
    { type: 'response.reasoning_summary_text.done', item_id: reasoning.id, output_index: 0, summary_index: 0, text: 'Weighing it.' },
    { type: 'response.output_item.done', output_index: 0, item: reasoning },
    { type: 'response.output_item.added', output_index: 1, item: { ...message, status: 'in_progress', content: [] } },
    { type: 'response.content_part.added', item_id: message.id, output_index: 1, content_index: 0, part: { type: 'output_text', annotations: [], text: '' } },
    { type: 'response.output_text.delta', item_id: message.id, output_index: 1, content_index: 0, delta: 'Weighed.' },
    { type: 'response.output_text.done', item_id: message.id, output_index: 1, content_index: 0, text: 'Weighed.' },
    { type: 'response.output_item.done', output_index: 1, item: message },
    { type: 'response.completed', response: { ...response, status: 'completed', usage: WIRE_USAGE } },
  ].map((event, index) => ({ ...event, sequence_number: index }))
}

/** the input items of a turn that reached the twin */
export function inputOf(request: TwinRequest | undefined): JsonObject[] {
  const body = request?.body
  const input = isRecord(body) ? body['input'] : undefined
  return Array.isArray(input) ? input.filter(isRecord) : []
}

/** what a turn said of the answer's format */
export function formatOf(request: TwinRequest | undefined): JsonObject {
  const body = request?.body
  const text = isRecord(body) ? body['text'] : undefined
  const format = isRecord(text) ? text['format'] : undefined
  return isRecord(format) ? format : {}
}
