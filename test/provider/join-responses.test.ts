import { describe, expect, test } from 'vitest'
import type { ChatResponse, Usage } from '../../src/contract/index.js'
import { joinResponses } from '../../src/provider/join-responses.js'

const part = (content: ChatResponse['content'], more: Partial<ChatResponse> = {}): ChatResponse => ({ content, usage: null, finish_reason: 'length', metadata: { response_id: 'r' }, ...more })
const text = (words: string) => ({ type: 'text' as const, text: words })
const usage = (more: Partial<Usage>): Usage => ({ input_tokens: 10, output_tokens: 5, total_tokens: 15, ...more })
const sum = (...usages: (Usage | null)[]) => joinResponses(usages.map((each) => part([], { usage: each }))).usage

describe('an answer that came in parts', () => {
  test('is its one part where it was not continued', () => {
    const only = part([text('whole')])
    expect(joinResponses([only])).toBe(only)
  })

  test('has its text without a seam, every other block as it came, and the end of the last part', () => {
    const thought = { type: 'thinking' as const, thinking: 'hm' }
    const call = { id: 'c1', name: 'read', arguments: { path: 'a' } }
    const block = { type: 'tool_call' as const, id: 'c1', name: 'read', input: { path: 'a' } }
    expect(joinResponses([
      part([thought, text('one ')]), part([text('two'), text('three')]), part([thought, text('four'), block], { finish_reason: 'tool_calls', tool_calls: [call], metadata: { response_id: 'last' } }),
    ])).toEqual({
      content: [thought, text('one two'), text('three'), thought, text('four'), block], usage: null, finish_reason: 'tool_calls', tool_calls: [call], metadata: { response_id: 'last' },
    })
  })

  test('has no list of calls where it has no call', () => {
    expect('tool_calls' in joinResponses([part([text('a')]), part([text('b')])])).toBe(false)
  })

  test('counts the tokens of all parts, those that one part alone tells too, and leaves untold what none tells', () => {
    expect(sum(usage({ reasoning_tokens: 3, cache_read_tokens: 8 }), usage({ reasoning_tokens: 4, cache_write_tokens: 2 }))).toEqual({
      input_tokens: 20, output_tokens: 10, total_tokens: 30, reasoning_tokens: 7, cache_read_tokens: 8, cache_write_tokens: 2,
    })
    expect(Object.keys(sum(usage({}), usage({})) ?? {}).sort()).toEqual(['input_tokens', 'output_tokens', 'total_tokens'])
    expect(sum(null, usage({}), null)).toEqual(usage({}))
    expect(sum(null, null)).toBeNull()
  })

  test('costs what its parts cost together, and says nothing where the price of one is not known', () => {
    expect(sum(usage({ cost_usd: '0.10' }), usage({ cost_usd: '0.25' }))?.cost_usd).toBe('0.35')
    expect('cost_usd' in (sum(usage({ cost_usd: '0.10' }), usage({})) ?? {})).toBe(false)
    expect('cost_usd' in (sum(usage({}), usage({ cost_usd: '0.10' })) ?? {})).toBe(false)
  })
})
