import { expect, test } from 'vitest'
import type { ChatResponse, JsonObject } from '../../src/contract/index.js'
import { createAnswerReader, decodeEvent, type BlockEvent } from '../../src/responses/index.js'
import { SEED } from './build-support.js'

/** 200,000 with `ANSWERS=200000`; the suite takes fewer. */
const ANSWERS = Number(process.env['ANSWERS'] ?? 2000)

type Random = (below: number) => number

/** Mulberry32 */
function createRandom(seed: number): Random {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

const TEXTS = ['', 'a', 'Hello', 'Hello there', 'aaaa']
const INPUTS = ['', '{}', '{"a":1}', '{"a":', '[1]', 'SELECT 1']
const TYPES = ['message', 'function_call', 'custom_tool_call', 'reasoning', 'web_search_call', 'unheard_of_call']

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random(list.length)] as T
}

/** One item's events in the wire's order, told by whichever of them the wire might leave out. */
function makeItem(random: Random, index: number): JsonObject[] {
  const type = pick(random, TYPES)
  const at = { output_index: index, item_id: `item_${index}` }
  const base = { type, id: `item_${index}`, ...(type.endsWith('_call') && type !== 'web_search_call' ? { call_id: `call_${index}`, name: 'read' } : {}) }
  const added = (more: object) => ({ type: 'response.output_item.added', ...at, item: { ...base, ...more } })
  const done = (more: object) => ({ type: 'response.output_item.done', ...at, item: { ...base, status: random(12) === 0 ? 'incomplete' : 'completed', ...more } })
  const pieces = (text: string) => [text.slice(0, text.length >> 1), text.slice(text.length >> 1)]
  if (type === 'message') {
    const text = pick(random, TEXTS)
    return [
      added({ content: [] }), ...pieces(text).map((delta) => ({ type: 'response.output_text.delta', ...at, content_index: 0, delta })),
      { type: 'response.output_text.done', ...at, content_index: 0, text }, done({ content: [{ type: 'output_text', text }] }),
    ]
  }
  if (type === 'reasoning') {
    const text = pick(random, TEXTS)
    return [added({ summary: [] }), ...pieces(text).map((delta) => ({ type: 'response.reasoning_summary_text.delta', ...at, summary_index: 0, delta })), done({ summary: [{ type: 'summary_text', text }] })]
  }
  if (type !== 'function_call' && type !== 'custom_tool_call') return [added({}), done({ result: index })]
  const text = pick(random, INPUTS)
  const [key, kind] = type === 'function_call' ? ['arguments', 'function_call_arguments'] : ['input', 'custom_tool_call_input']
  return [
    added({ [key as string]: random(3) === 0 ? text : '' }), ...pieces(text).map((delta) => ({ type: `response.${kind}.delta`, ...at, delta })),
    { type: `response.${kind}.done`, ...at, [key as string]: text }, done({ [key as string]: text }),
  ]
}

function makeAnswer(random: Random): JsonObject[] {
  const events = Array.from({ length: 1 + random(4) }, (_, index) => makeItem(random, index)).flat()
  const output = random(3) === 0 ? events.flatMap((event) => (event['type'] === 'response.output_item.done' ? [event['item']] : [])) : []
  for (let fault = random(4); fault > 0; fault--) {
    const place = random(events.length)
    const other = random(events.length)
    const kind = random(4)
    if (kind === 0) events.splice(place, 1)
    else if (kind === 1) events.splice(other, 0, ...events.slice(place, place + 1))
    else if (kind === 2) events.splice(other, 0, ...events.splice(place, 1))
    else {
      const item = events[place]?.['item'] as JsonObject | undefined
      if (item) events[place] = { ...events[place], item: { ...item, type: pick(random, TYPES) } }
    }
  }
  const type = pick(random, ['response.completed', 'response.completed', 'response.incomplete', 'response.failed', 'error', ''])
  if (type === '') return events.slice(0, random(events.length + 1))
  return [...events, { type, response: { id: 'resp_1', output, ...(type === 'response.incomplete' ? { incomplete_details: { reason: 'max_output_tokens' } } : {}) } }]
}

/** What the stream said, read off its block events alone. */
function readStream(blocks: readonly BlockEvent[]) {
  const texts = new Map<number, string>()
  const calls: JsonObject[] = []
  const hosted: unknown[] = []
  for (const event of blocks) {
    if (event.type === 'block_delta' && event.block === 'text') texts.set(event.index, (texts.get(event.index) ?? '') + event.text)
    if (event.type !== 'block_end') continue
    if (event.arguments) calls.push({ id: event.toolCallId, name: event.name, arguments: event.arguments })
    if (event.item) hosted.push(event.item)
  }
  const sort = (list: readonly unknown[]) => list.map((value) => JSON.stringify(value)).sort()
  return { texts: sort([...texts.values()]), calls: sort(calls), hosted: sort(hosted) }
}

function readResponse(response: ChatResponse | undefined, items: readonly JsonObject[]) {
  const sort = (list: readonly unknown[]) => list.map((value) => JSON.stringify(value)).sort()
  return {
    texts: sort((response?.content ?? []).flatMap((block) => (block.type === 'text' ? [block.text] : []))),
    calls: sort((response?.tool_calls ?? []).map(({ id, name, arguments: input }) => ({ id, name, arguments: input }))),
    hosted: sort(items.filter(({ type }) => type === 'web_search_call' || type === 'unheard_of_call')),
  }
}

test(`stream and response of ${ANSWERS} answers with missing, doubled, reordered and cut events say the same (seed ${SEED})`, { timeout: 600_000 }, () => {
  const random = createRandom(SEED)
  for (let number = 0; number < ANSWERS; number++) {
    const events = makeAnswer(random)
    const reader = createAnswerReader({ provenance: { account: 'a', lane: 'codex', model_family: 'f' } })
    const blocks: BlockEvent[] = []
    for (const value of events) {
      const event = decodeEvent(value)
      if (event) reader.accept(event, blocks)
    }
    const isAnswer = reader.ended?.kind === 'completed' || reader.ended?.kind === 'incomplete'
    const streamed = readStream(blocks)
    const answered = readResponse(isAnswer ? reader.response() : reader.partial(), reader.items())
    // Text that was shown can't be taken back; then the reader must say so.
    const place = `answer ${number}: ${JSON.stringify(events)}`
    if (reader.difference === undefined) expect(streamed, place).toEqual(answered)
    else expect({ ...streamed, texts: [] }, place).toEqual({ ...answered, texts: [] })
  }
})

test('a whole that differs from what was streamed is a difference, one that continues it is none', () => {
  const read = (...events: JsonObject[]) => {
    const reader = createAnswerReader({ provenance: { account: 'a', lane: 'codex', model_family: 'f' } })
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
  const reader = createAnswerReader({ provenance: { account: 'a', lane: 'codex', model_family: 'f' } })
  const output = where === 'completed' ? [{ type: 'function_call', call_id: 'call_1', name: 'read', arguments: '{"a":1}' }] : []
  const blocks: BlockEvent[] = []
  for (const value of [...events, { type: 'response.completed', response: { output } }]) {
    const event = decodeEvent(value)
    if (event) reader.accept(event, blocks)
  }
  expect(blocks.flatMap((event) => (event.type === 'block_end' ? [event.arguments] : []))).toEqual([{ a: 1 }])
  expect(reader.response().tool_calls).toEqual([{ id: 'call_1', name: 'read', arguments: { a: 1 } }])
})
