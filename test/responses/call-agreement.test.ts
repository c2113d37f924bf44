/** A call that the wire tells in ways that contradict each other: the stream ends the very calls that the response holds. */
import { expect, test } from 'vitest'
import type { AnswerEvent, JsonObject } from '../../src/contract/index.js'
import { AnswerReader, decodeEvent } from '../../src/responses/index.js'

const CALL = { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'read', arguments: '' }
const CUSTOM = { type: 'custom_tool_call', id: 'fc_1', call_id: 'call_1', name: 'read', input: '' }
const MESSAGE = { type: 'message', id: 'fc_1', role: 'assistant', content: [{ type: 'output_text', text: 'hi', annotations: [] }] }
const HOSTED = { type: 'mcp_call', id: 'fc_1', name: 'list', arguments: '{}', server_label: 'made-up' }
const REASONING = { type: 'reasoning', id: 'fc_1', summary: [] }
const added = (item: JsonObject) => ({ type: 'response.output_item.added', output_index: 0, item })
const done = (item: JsonObject) => ({ type: 'response.output_item.done', output_index: 0, item })
const whole = done({ ...CALL, arguments: '{"a":1}' })
const delta = { type: 'response.function_call_arguments.delta', output_index: 0, item_id: 'fc_1', delta: '{"a":1}' }
const argumentsDone = { type: 'response.function_call_arguments.done', output_index: 0, item_id: 'fc_1', arguments: '{"a":1}' }
const input = { type: 'response.custom_tool_call_input.delta', output_index: 0, item_id: 'fc_1', delta: 'x' }

const TOLD: [string, JsonObject[]][] = [
  ['nothing behind its arguments', [added(CALL), delta, argumentsDone]],
  ['deltas alone', [added(CALL), delta]],
  ['arguments only where it was added', [added({ ...CALL, arguments: '{"a":1}' })]],
  ['done alone', [whole]],
  ['half of its arguments', [added(CALL), { ...delta, delta: '{"a"' }]],
  ['done twice', [added(CALL), delta, whole, whole]],
  ['added as a function, done as a custom call', [added(CALL), delta, argumentsDone, done({ ...CUSTOM, input: 'x' })]],
  ['added as a custom call, done as a function', [added(CUSTOM), input, whole]],
  ...([['a message', MESSAGE], ['a hosted call', HOSTED], ['reasoning', REASONING]] as const).flatMap(([name, item]): [string, JsonObject[]][] => [
    [`added as a call, done as ${name}`, [added(CALL), delta, argumentsDone, done(item)]],
    [`added as ${name}, done as a call`, [added(item), whole]],
    [`added as ${name}, told as a call`, [added(item), delta, argumentsDone]],
  ]),
]
const ENDS: [string, JsonObject][] = [
  ['completed', { type: 'response.completed', response: { id: 'resp_1', status: 'completed', output: [] } }],
  ['completed with the call in its output', { type: 'response.completed', response: { id: 'resp_1', status: 'completed', output: [{ ...CALL, arguments: '{"a":1}' }] } }],
  ['incomplete', { type: 'response.incomplete', response: { id: 'resp_1', status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, output: [] } }],
  ['failed', { type: 'response.failed', response: { id: 'resp_1', status: 'failed', error: { code: 'server_error', message: 'No.' } } }],
]

test.each(TOLD.flatMap(([title, events]) => ENDS.map(([end, terminal]) => [title, end, [...events, terminal]] as const)))('%s, then %s', (_title, _end, events) => {
  const reader = new AnswerReader({ provenance: { account: 'a', lane: 'codex', model_family: 'f' } })
  const out: AnswerEvent[] = []
  for (const value of [{ type: 'response.created', response: { id: 'resp_1', status: 'in_progress' } }, ...events]) {
    const event = decodeEvent(value)
    if (event) reader.accept(event, out)
  }
  const ended = out.flatMap((event) => (event.type === 'block_end' && event.block === 'tool_use' && event.arguments ? [{ id: event.toolCallId, name: event.name, input: event.arguments }] : []))
  const answer = reader.failure() ? reader.partial() : reader.response()
  const held = (answer?.content ?? []).flatMap((block) => (block.type === 'tool_call' ? [{ id: block.id, name: block.name, input: block.input }] : []))
  expect(ended).toEqual(held)
})
