import { expect, test } from 'vitest'
import type { ChatRequest, Message } from '../../src/contract/index.js'
import { findFirstDifference } from '../../src/responses/index.js'
import { build, type InputChanges } from './build-support.js'

const messages: Message[] = [
  { role: 'system', content: 'S' },
  { role: 'user', content: 'a' },
  { role: 'assistant', content: [{ type: 'tool_call', id: 'c', name: 'read', input: {} }] },
  { role: 'tool', tool_call_id: 'c', content: 'r' },
]
const tools = ['read', 'write', 'list'].map((name) => ({ name, parameters: { type: 'object' } }))
const changed = (index: number, message: Message) => messages.map((old, at) => (at === index ? message : old))

test.each<[string, Partial<ChatRequest>, InputChanges, string | undefined]>([
  ['the same request', {}, {}, undefined],
  ['one that goes on', { messages: [...messages, { role: 'user', content: 'b' }] }, {}, undefined],
  ['tools whose keys come in another order', { tools: tools.map(({ name, parameters }) => ({ parameters, name })) }, {}, undefined],
  ['another model', {}, { model: { slug: 'gpt-5.4' } }, 'model'],
  ['other instructions, whatever else', { messages: [{ role: 'system', content: 'T' }], tools: [] }, {}, 'instructions'],
  ['another tool', { tools: [...tools.slice(0, 1), { name: 'write', description: 'new', parameters: {} }, ...tools.slice(2)] }, {}, 'tools[1] (write)'],
  ['one tool more', { tools: [...tools, { name: 'late', parameters: {} }] }, {}, 'tools[3] (late)'],
  ['one tool less', { tools: tools.slice(0, 2) }, {}, 'tools[2] (missing: list)'],
  ['another effort', {}, { model: { effort: 'low' } }, 'reasoning'],
  ['another cache key', {}, { cacheKey: 'k' }, 'prompt_cache_key'],
  ['another user message', { messages: changed(1, { role: 'user', content: 'b' }) }, {}, 'input[0] (user message)'],
  ['another call', { messages: changed(2, { role: 'assistant', content: [{ type: 'tool_call', id: 'c', name: 'write', input: {} }] }) }, {}, 'input[1] (function_call write)'],
  ['another result', { messages: changed(3, { role: 'tool', tool_call_id: 'c', content: 'q' }) }, {}, 'input[2] (function_call_output)'],
  ['a shorter history', { messages: messages.slice(0, 2) }, {}, 'input[1] (missing: function_call read)'],
])('of %s', (_title, request, changes, expected) => {
  expect(findFirstDifference(build({ messages, tools }), build({ messages, tools, ...request }, changes))).toBe(expected)
})

test('a tool of the plan lane, where they stand in the input, is named', () => {
  const lane = 'plan' as const
  const other = [...tools.slice(0, 2), { name: 'list', parameters: {} }]
  expect(findFirstDifference(build({ tools }, { lane }), build({ tools: other }, { lane }))).toBe('input[0].tools[2] (list)')
})
