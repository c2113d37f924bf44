import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AnswerReader, decodeEvent, type BlockEvent } from '../../src/responses/index.js'
import { readRecordings } from './read-recording.js'
import { SEED } from '../support/made-up.js'

const types = [...new Set(readRecordings().flatMap((recording) => recording.events.map((event) => String(event['type']))))]
const known = [
  ...types, 'error', 'response.done', 'response.failed', 'response.incomplete', 'response.cancelled', 'response.refusal.delta',
  'response.refusal.done', 'response.reasoning_text.delta', 'response.reasoning_text.done', 'response.content_part.delta',
  'response.custom_tool_call_input.done', 'response.metadata', 'codex.response.metadata', 'codex.rate_limits', '__proto__', 'constructor',
]

describe('decodeEvent', () => {
  test('answers a delta as the parsed object itself', () => {
    const event = { type: 'response.output_text.delta', item_id: 'msg_1', output_index: 0, content_index: 0, delta: 'x' }
    expect(decodeEvent(event)).toBe(event)
  })

  test.each([[undefined], [null], [0], ['response.completed'], [[]], [{}], [{ type: 1 }], [{ type: 'response.unheard_of' }], [{ type: 'response.output_text.delta' }],
    [{ type: 'response.output_text.delta', delta: 5 }], [{ type: 'response.output_item.done' }], [{ type: 'response.output_item.done', item: {} }], [{ type: 'keepalive' }]])(
    'passes over %j', (value) => expect(decodeEvent(value)).toBeUndefined())

  test.each([
    ['nested', { type: 'error', error: { code: 'a', message: 'm' } }, { type: 'error', error: { code: 'a', message: 'm' } }],
    ['at the top', { type: 'error', code: 'a', message: 'm', param: null, sequence_number: 3 }, { type: 'error', error: { code: 'a', message: 'm', param: null } }],
    ['with a status and headers', { type: 'error', status_code: 429, error: { type: 'usage_limit_reached' }, headers: { 'X-Codex-Plan-Type': 'plus', 'X-Reset': 5, 'X-List': ['a', 'b'], 'X-Bad': {} } },
      { type: 'error', status: 429, error: { type: 'usage_limit_reached' }, headers: { 'x-codex-plan-type': 'plus', 'x-reset': '5', 'x-list': 'a' } }],
    ['with a success status, which says nothing', { type: 'error', status: 200, error: { code: 'a' } }, { type: 'error', error: { code: 'a' } }],
    ['bare', { type: 'error' }, { type: 'error', error: {} }],
    ['as a string', { type: 'error', error: 'no' }, { type: 'error', error: { message: 'no' } }],
    ['as an HTTP body without a type', { error: { code: 'a' } }, { type: 'error', error: { code: 'a' } }],
    ['as a detail without a type', { detail: 'Unauthorized' }, { type: 'error', error: { message: 'Unauthorized' } }],
  ])('brings an error frame to one shape: %s', (_title, frame, expected) => expect(decodeEvent(frame)).toEqual(expected))

  test.each([
    ['in delta', { type: 'response.content_part.delta', output_index: 1, delta: { type: 'text_delta', text: 'x' } }],
    ['in part', { type: 'response.content_part.delta', output_index: 1, part: { type: 'text_delta', text: 'x' } }],
    ['at the top', { type: 'response.content_part.delta', output_index: 1, text: 'x' }],
  ])('takes an older content part delta, its text %s', (_title, event) =>
    expect(decodeEvent(event)).toMatchObject({ type: 'response.output_text.delta', output_index: 1, delta: 'x' }))

  test('takes a terminal without a response, and references of a wrong type off', () => {
    expect(decodeEvent({ type: 'response.done' })).toEqual({ type: 'response.done', response: {} })
    expect(decodeEvent({ type: 'response.reasoning_summary_text.delta', delta: 'x', summary_index: { toString: 'x' }, content_index: [], output_index: 0 }))
      .toEqual({ type: 'response.reasoning_summary_text.delta', delta: 'x', output_index: 0 })
    expect(decodeEvent({ type: 'response.output_text.delta', delta: 'x', output_index: '0', item_id: 7 }))
      .toEqual({ type: 'response.output_text.delta', delta: 'x' })
  })

  test('lower-cases the headers that come late', () => {
    expect(decodeEvent({ type: 'codex.response.metadata', headers: { 'OpenAI-Model': 'gpt-6' } }))
      .toEqual({ type: 'codex.response.metadata', headers: { 'openai-model': 'gpt-6' }, metadata: undefined })
  })

  test(`nothing makes the decoder, or the reader throw (seed ${SEED})`, () => {
    const json = fc.jsonValue({ maxDepth: 3 })
    const item = fc.record({
      type: fc.constantFrom('message', 'reasoning', 'function_call', 'custom_tool_call', 'web_search_call'),
      id: json, call_id: json, name: json, arguments: json, input: json, content: json, summary: json, status: json,
    }, { requiredKeys: ['type'] })
    const index = fc.oneof(fc.nat(3), json)
    const event = fc.record({
      type: fc.constantFrom(...known), delta: fc.oneof(fc.string(), json), text: fc.oneof(fc.string(), json),
      item: fc.oneof(item, json), part: json, output_index: index, content_index: index, summary_index: index, item_id: fc.oneof(fc.constantFrom('a', 'b'), json),
      response: fc.oneof(fc.record({ id: json, status: json, output: fc.oneof(fc.array(item), json), usage: json, error: json, incomplete_details: json }, { requiredKeys: [] }), json),
      error: json, headers: json, status: json, arguments: json, refusal: json, annotation: json,
    }, { requiredKeys: ['type'] })
    fc.assert(fc.property(fc.array(fc.oneof(event, json), { maxLength: 12 }), (values) => {
      const reader = new AnswerReader({ provenance: { account: 'a', lane: 'codex', model_family: 'f' } })
      const open = new Set<number>()
      let next = 0
      for (const value of values) {
        const decoded = decodeEvent(value)
        if (!decoded) continue
        const blocks: BlockEvent[] = []
        reader.accept(decoded, blocks)
        for (const step of blocks) {
          if (step.type === 'block_start') {
            if (step.index !== next++) throw new Error('blocks are numbered without gaps')
            open.add(step.index)
          } else if (!open.has(step.index)) throw new Error(`${step.type} outside of its block`)
          if (step.type === 'block_end') open.delete(step.index)
        }
      }
      if (reader.ended && open.size > 0) throw new Error('a block was left open')
      reader.partial()
      JSON.stringify(reader.response())
    }), { seed: SEED, numRuns: 1000 })
  })
})
