import { expect, test } from 'vitest'
import { AnswerReader, decodeEvent, type AnswerEvent } from '../../src/responses/index.js'
import { createResponseWriter } from '../../src/dialects/response-writer.js'

test('events are numbered in the order they are written in, also where an item comes before anything began the response', () => {
  const writer = createResponseWriter({ responseId: 'resp_made_up', model: 'gpt-made-up', createdAt: 1 })
  const reader = new AnswerReader({ provenance: { account: 'a', lane: 'codex', model_family: 'f' }, items: true })
  const push = (value: object) => {
    const event = decodeEvent(value)
    const told: AnswerEvent[] = []
    if (event) reader.accept(event, told)
    return writer.push(told)
  }
  const item = { type: 'message', id: 'msg_1', role: 'assistant', content: [] }
  const events = [
    ...push({ type: 'response.created', response: {} }),
    ...push({ type: 'response.output_item.added', output_index: 0, item }),
    ...push({ type: 'response.output_text.delta', output_index: 0, content_index: 0, item_id: 'msg_1', delta: 'yes' }),
  ]
  expect(events.map(({ type, sequence_number }) => [type, sequence_number])).toEqual([
    ['response.created', 0], ['response.in_progress', 1], ['response.output_item.added', 2], ['response.content_part.added', 3], ['response.output_text.delta', 4],
  ])
})
