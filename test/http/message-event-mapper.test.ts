import { expect, test } from 'vitest'
import { buildMessage } from '../../src/http/message-blocks.js'
import { createMessageEventMapper } from '../../src/http/message-event-mapper.js'
import type { ResponseStreamEvent } from '../../src/dialects/index.js'

const IDENTITY = { id: 'msg_made_up', model: 'claude-made-up', showsThinking: true }
const REASONING = { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'One.' }, { type: 'summary_text', text: 'Two.' }], encrypted_content: 'sealed' }
const TEXT = { type: 'message', id: 'msg_1', role: 'assistant', content: [{ type: 'output_text', text: 'yes' }] }
const CALL = { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'read', arguments: '{"path":"a"}' }
const SEARCH = { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'made up', sources: [{ type: 'url', url: 'https://a.example/' }] } }
const RESPONSE = { status: 'completed', output: [REASONING, TEXT, CALL], usage: { input_tokens: 10, input_tokens_details: { cached_tokens: 4 }, output_tokens: 3 } }

const event = (type: string, index: number, fields: object = {}): ResponseStreamEvent => ({ type, sequence_number: 0, output_index: index, ...fields }) as ResponseStreamEvent
const reasoning = [
  event('response.output_item.added', 0, { item: { type: 'reasoning', summary: [] } }),
  event('response.reasoning_summary_part.added', 0, { summary_index: 0 }), event('response.reasoning_summary_text.delta', 0, { delta: 'One.' }),
  event('response.reasoning_summary_part.added', 0, { summary_index: 1 }), event('response.reasoning_summary_text.delta', 0, { delta: 'Two.' }),
  event('response.output_item.done', 0, { item: REASONING }),
]
const text = [
  event('response.output_item.added', 1, { item: { ...TEXT, content: [] } }), event('response.output_text.delta', 1, { delta: 'yes' }),
  event('response.content_part.done', 1), event('response.output_item.done', 1, { item: TEXT }),
]
const call = [
  event('response.output_item.added', 2, { item: { ...CALL, arguments: '' } }), event('response.function_call_arguments.delta', 2, { delta: '{"path":"a"}' }),
  event('response.output_item.done', 2, { item: CALL }),
]
const end = event('response.completed', 0, { response: RESPONSE, output_index: undefined })

/** What a client of the dialect puts together from its events. */
function read(events: readonly ResponseStreamEvent[], identity = IDENTITY) {
  const mapper = createMessageEventMapper(identity)
  const told = [...mapper.begin(), ...events.flatMap((one) => mapper.push(one))]
  const blocks: Record<string, unknown>[] = []
  let open = -1
  for (const one of told) {
    if (one.type === 'content_block_start') {
      expect([one.index, open]).toEqual([blocks.length, -1])
      open = Number(one.index)
      blocks.push({ ...(one.content_block as object) })
    }
    if (one.type === 'content_block_delta') {
      expect(one.index).toBe(open)
      const delta = one.delta as Record<string, string>
      const block = blocks[open] as Record<string, unknown>
      if (delta.partial_json !== undefined) block.json = String(block.json ?? '') + delta.partial_json
      for (const key of ['text', 'thinking', 'signature']) if (delta[key] !== undefined) block[key] = String(block[key]) + delta[key]
    }
    if (one.type === 'content_block_stop') open = -1
  }
  expect(open).toBe(-1)
  return { told, blocks: blocks.map(({ json, ...block }) => (json === undefined ? block : { ...block, input: JSON.parse(String(json)) as unknown })) }
}

test('what the events say is what the whole message says', () => {
  const { told, blocks } = read([...reasoning, ...text, ...call, end])
  expect(told.map(({ type }) => type)).toEqual([
    'message_start', 'content_block_start', 'content_block_delta', 'content_block_delta', 'content_block_delta', 'content_block_delta', 'content_block_stop',
    'content_block_start', 'content_block_delta', 'content_block_stop', 'content_block_start', 'content_block_delta', 'content_block_stop', 'message_delta', 'message_stop',
  ])
  const message = buildMessage(RESPONSE, IDENTITY)
  expect(blocks).toEqual(message.content)
  expect(told.at(-2)).toEqual({ type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage: message.usage })
  expect(message.usage).toEqual({ input_tokens: 6, cache_creation_input_tokens: 0, cache_read_input_tokens: 4, output_tokens: 3 })
})

test('items that come between one another are told one after another', () => {
  const [added, ...rest] = text
  expect(read([...reasoning.slice(0, 3), added as ResponseStreamEvent, ...call, ...reasoning.slice(3), ...rest, end]).blocks.map(({ type }) => type)).toEqual(['thinking', 'text', 'tool_use'])
})

test('an item that came only whole is told whole', () => {
  const whole = [REASONING, TEXT, CALL].map((item, index) => event('response.output_item.done', index, { item }))
  expect(read([...whole, end]).blocks).toEqual(buildMessage(RESPONSE, IDENTITY).content)
})

test('thoughts are left out where the client asked for none, and sealed ones without a text stay sealed', () => {
  expect(read([...reasoning, ...text, end], { ...IDENTITY, showsThinking: false }).blocks).toEqual([{ type: 'text', text: 'yes' }])
  expect(read([event('response.output_item.done', 0, { item: { ...REASONING, summary: [] } }), end]).blocks).toEqual([{ type: 'redacted_thinking', data: 'sealed' }])
})

test('a search that the backend ran is a server tool with its result', () => {
  const { blocks } = read([event('response.output_item.done', 0, { item: SEARCH }), end])
  expect(blocks).toEqual([
    { type: 'server_tool_use', id: expect.stringMatching(/^srvtoolu_/) as string, name: 'web_search', input: { query: 'made up' } },
    { type: 'web_search_tool_result', tool_use_id: blocks[0]?.id, content: [{ type: 'web_search_result', url: 'https://a.example/', title: 'https://a.example/', encrypted_content: '', page_age: null }] },
  ])
})

test.each([
  [{ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }, 'max_tokens'],
  [{ status: 'incomplete', incomplete_details: { reason: 'content_filter' } }, 'refusal'],
  [{ status: 'completed', output: [{ type: 'message', content: [{ type: 'refusal', refusal: 'no' }] }] }, 'refusal'],
  [{ status: 'completed', output: [TEXT] }, 'end_turn'],
])('%j ends with %s', (response, reason) => {
  expect(buildMessage(response, IDENTITY).stop_reason).toBe(reason)
})
