import { expect, test } from 'vitest'
import { buildContinuation, serializeRequest } from '../../src/responses/index.js'
import { build, judgeItems, parseItems } from './build-support.js'

const reasoning = { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 's' }], content: [], encrypted_content: 'enc', status: 'completed' }
const partial = {
  type: 'message', id: 'msg_1', role: 'assistant', status: 'incomplete', phase: 'final_answer',
  content: [{ type: 'output_text', text: 'Once upon', annotations: [], logprobs: [] }],
}

test('a continuation repeats the request, gives back what had come and asks to go on', () => {
  const built = build({})
  const next = buildContinuation(built, [reasoning, partial], 1)
  expect(next.fields).toBe(built.fields)
  expect(next.items.slice(0, built.items.length)).toEqual(built.items)
  expect(parseItems(next).slice(1)).toEqual([
    { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 's' }], encrypted_content: 'enc' },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Once upon' }], phase: 'final_answer' },
    {
      type: 'message', role: 'developer',
      content: [{ type: 'input_text', text: 'The answer was cut off at the output limit (1). Continue exactly where you stopped, without repeating anything.' }],
    },
  ])
  expect(judgeItems(parseItems(next))).toEqual([])
})

test('no two continuations are the same, even where nothing had come', () => {
  const texts = new Set<string>()
  let built = build({})
  for (let n = 1; n <= 3; n += 1) {
    built = buildContinuation(built, [], n)
    texts.add(serializeRequest(built))
    texts.add(serializeRequest(buildContinuation(build({}), [], n)))
  }
  expect(texts.size).toBe(5)
})

test('reasoning without encrypted content, empty messages and calls stay behind', () => {
  const call = { type: 'function_call', id: 'fc_1', call_id: 'c', name: 'f', arguments: '{}' }
  const items = [{ ...reasoning, encrypted_content: null }, { ...partial, content: [] }, call, { type: 'web_search_call', id: 'ws_1' }]
  const built = build({})
  expect(buildContinuation(built, items, 1).items).toHaveLength(built.items.length + 1)
})
