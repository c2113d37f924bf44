import { expect, test } from 'vitest'
import type { ContentBlock } from '../../src/contract/index.js'
import { contentToStream } from '../../src/responses/index.js'

test('an answer that came whole is told as a stream would have told it, block by block, without its end', () => {
  const item = { type: 'web_search_call', id: 'ws_1', status: 'completed' }
  const content: ContentBlock[] = [
    { type: 'thinking', thinking: 'hm' }, { type: 'thinking', thinking: '' }, { type: 'text', text: 'so' }, { type: 'redacted_thinking', data: 'x' },
    { type: 'hosted', item, content: ['found'] }, { type: 'tool_call', id: 'call_1', name: 'look', input: { at: 1 } },
  ]
  expect(contentToStream(content)).toEqual([
    { type: 'message.start' },
    { type: 'thinking.delta', text: 'hm', visibility: 'internal' },
    { type: 'text.delta', text: 'so' },
    { type: 'hosted.start', name: 'web_search_call' }, { type: 'hosted.end', name: 'web_search_call', item },
    { type: 'tool_call.start', id: 'call_1', name: 'look' }, { type: 'tool_call.end', id: 'call_1', name: 'look', arguments: { at: 1 } },
  ])
})
