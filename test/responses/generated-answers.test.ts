import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/contract/index.js'
import { createHost } from '../../src/host/index.js'
import { createModule } from '../../src/index.js'
import { AnswerReader, decodeEvent, readOtherEvent, type BlockEvent } from '../../src/responses/index.js'
import { cases, SEED } from '../support/made-up.js'

/** `node test/soak/answers.mjs` plays 200,000; the suite takes fewer. */
const ANSWERS = cases(2000)
const SHARE = cases(120)

type Play<Parts, Terms> = (parts: Parts, terms: { seed: number; count: number } & Terms) => Promise<string[]> | string[]
const load = async (name: string): Promise<Record<string, unknown>> => (await import(new URL(`../soak/${name}`, import.meta.url).href)) as Record<string, unknown>

test(`stream and response of ${ANSWERS} answers with missing, doubled, reordered and cut events say the same (seed ${SEED})`, async () => {
  const { readAnswers } = (await load('read-answers.mjs')) as { readAnswers: Play<object, object> }
  expect(await readAnswers({ AnswerReader, decodeEvent, readOtherEvent }, { seed: SEED, count: ANSWERS })).toEqual([])
})

test.each(['sse', 'websocket'])(`stream, hooks and response of ${SHARE} such answers over %s say the same (seed ${SEED})`, { timeout: 120_000 }, async (transport) => {
  const { playAnswers } = (await load('play-answers.mjs')) as { playAnswers: Play<object, { transport: string }> }
  expect(await playAnswers({ createModule, createHost }, { seed: SEED, count: SHARE, transport })).toEqual([])
})

test('a whole that differs from what was streamed is a difference, one that continues it is none', () => {
  const read = (...events: JsonObject[]) => {
    const reader = new AnswerReader({ provenance: { account: 'a', lane: 'codex', model_family: 'f' } })
    for (const value of [...events, { type: 'response.completed', response: {} }]) {
      const event = decodeEvent(value)
      if (event) reader.accept(event, [])
    }
    return reader.difference
  }
  const text = (delta: string) => ({ type: 'response.output_text.delta', output_index: 0, content_index: 0, delta })
  const whole = { type: 'response.output_text.done', output_index: 0, content_index: 0, text: 'Hello' }
  expect(read(text('Hel'), whole)).toBeUndefined()
  expect(read(text('Hel'), text('lo'), whole)).toBeUndefined()
  expect(read(text('Hel'), text('Hel'), text('lo'), whole)).toBe('the streamed text is not what the server reported done')
  expect(read(text('lo'), whole)).toBe('the streamed text is not what the server reported done')
  const call = { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'read', arguments: '' }
  const args = (delta: string) => ({ type: 'response.function_call_arguments.delta', output_index: 0, delta })
  const done = { type: 'response.output_item.done', output_index: 0, item: { ...call, arguments: '{"a":1}' } }
  expect(read({ type: 'response.output_item.added', output_index: 0, item: call }, args('{"a":'), args('1}'), done)).toBeUndefined()
  expect(read({ type: 'response.output_item.added', output_index: 0, item: call }, args('1}'), done)).toBe('the streamed call is not what the server reported done')
})

test.each([
  ['added', [{ type: 'response.output_item.added', output_index: 0, item: { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'read', arguments: '{"a":1}' } }]],
  ['done', [{ type: 'response.output_item.done', output_index: 0, item: { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'read', arguments: '{"a":1}' } }]],
  ['completed', []],
])('arguments that come only in %s are right', (where, events) => {
  const reader = new AnswerReader({ provenance: { account: 'a', lane: 'codex', model_family: 'f' } })
  const output = where === 'completed' ? [{ type: 'function_call', call_id: 'call_1', name: 'read', arguments: '{"a":1}' }] : []
  const blocks: BlockEvent[] = []
  for (const value of [...events, { type: 'response.completed', response: { output } }]) {
    const event = decodeEvent(value)
    if (event) reader.accept(event, blocks)
  }
  expect(blocks.flatMap((event) => (event.type === 'block_end' ? [event.arguments] : []))).toEqual([{ a: 1 }])
  expect(reader.response().tool_calls).toEqual([{ id: 'call_1', name: 'read', arguments: { a: 1 } }])
})
