import { describe, expect, test } from 'vitest'
import { AnswerReader, decodeEvent, type BlockEvent } from '../../src/responses/index.js'

const provenance = { account: 'a1', lane: 'codex', model_family: 'gpt-5' }

function run(events: unknown[], options: { firstIndex?: number } = {}): BlockEvent[] {
  const reader = new AnswerReader({ provenance, ...options })
  return events.flatMap((value) => {
    const event = decodeEvent(value)
    const blocks: BlockEvent[] = []
    if (event) reader.accept(event, blocks)
    return blocks
  })
}

const added = (index: number, item: object) => ({ type: 'response.output_item.added', output_index: index, item })
const done = (index: number, item: object) => ({ type: 'response.output_item.done', output_index: index, item })
const text = (delta: string, index = 0, part = 0) => ({ type: 'response.output_text.delta', output_index: index, content_index: part, delta })
const args = (delta: string, more: object = { output_index: 0 }) => ({ type: 'response.function_call_arguments.delta', delta, ...more })
const message = (...texts: string[]) => ({ type: 'message', content: texts.map((one) => ({ type: 'output_text', text: one })) })
const call = (more: object = {}) => ({ type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'read', arguments: '', ...more })
const completed = { type: 'response.completed', response: { status: 'completed' } }

const start = { type: 'block_start', index: 0, block: 'tool_use', toolCallId: 'call_1', name: 'read' }
const grow = (fragment: string) => ({ type: 'block_delta', index: 0, block: 'tool_use', text: fragment, toolCallId: 'call_1' })
const end = (input?: object) => ({ type: 'block_end', index: 0, block: 'tool_use', toolCallId: 'call_1', name: 'read', ...(input ? { arguments: input } : {}) })

describe('text', () => {
  test('shows only what no delta had shown', () => {
    expect(run([text('Hel'), done(0, message('Hello')), completed])).toEqual([
      { type: 'block_start', index: 0, block: 'text' },
      { type: 'block_delta', index: 0, block: 'text', text: 'Hel' },
      { type: 'block_delta', index: 0, block: 'text', text: 'lo' },
      { type: 'block_end', index: 0, block: 'text' },
    ])
  })

  test('a whole without deltas is one delta, whichever event brings it', () => {
    const whole = [
      { type: 'block_start', index: 0, block: 'text' },
      { type: 'block_delta', index: 0, block: 'text', text: 'Hello' },
      { type: 'block_end', index: 0, block: 'text' },
    ]
    expect(run([{ type: 'response.output_text.done', output_index: 0, content_index: 0, text: 'Hello' }, completed])).toEqual(whole)
    expect(run([{ type: 'response.content_part.done', output_index: 0, content_index: 0, part: { type: 'output_text', text: 'Hello' } }, completed])).toEqual(whole)
    expect(run([done(0, message('Hello')), completed])).toEqual(whole)
    expect(run([done(0, { type: 'message', content: [{ type: 'text', text: 'Hello' }] }), completed])).toEqual(whole)
    expect(run([{ type: 'response.done', response: { output: [message('Hello')] } }])).toEqual(whole)
  })

  test('a whole that does not continue what was shown adds nothing', () => {
    const steps = run([text('Hullo'), done(0, message('Hello there')), completed])
    expect(steps.filter((step) => step.type === 'block_delta')).toHaveLength(1)
  })

  test('each content part is a block, refusals too, and an empty one never shows', () => {
    const steps = run([
      text('a', 0, 0), { type: 'response.refusal.delta', output_index: 0, content_index: 1, delta: 'no' },
      text('', 0, 2), done(0, { type: 'message', content: [{ type: 'output_text', text: 'a' }, { type: 'refusal', refusal: 'no' }, { type: 'output_text', text: '' }] }), completed,
    ])
    expect(steps.map((step) => [step.type, step.index])).toEqual([
      ['block_start', 0], ['block_delta', 0], ['block_start', 1], ['block_delta', 1], ['block_end', 0], ['block_end', 1],
    ])
  })
})

describe('thinking', () => {
  test('the parts of one item are paragraphs of one block', () => {
    const summary = (part: number, delta: string) => ({ type: 'response.reasoning_summary_text.delta', output_index: 0, summary_index: part, delta })
    const steps = run([
      summary(0, 'one'), summary(1, 'two'), summary(1, '!'),
      done(0, { type: 'reasoning', summary: [{ type: 'summary_text', text: 'one' }, { type: 'summary_text', text: 'two!' }, { type: 'summary_text', text: 'three' }] }), completed,
    ])
    expect(steps.map((step) => (step.type === 'block_delta' ? step.text : step.type))).toEqual(['block_start', 'one', '\n\ntwo', '!', '\n\nthree', 'block_end'])
  })

  test('reasoning text counts, and a thought without words never shows', () => {
    expect(run([{ type: 'response.reasoning_text.delta', output_index: 0, content_index: 0, delta: 'hm' }])).toHaveLength(2)
    expect(run([added(0, { type: 'reasoning', summary: [] }), done(0, { type: 'reasoning', summary: [], encrypted_content: 'x' }), completed])).toEqual([])
  })
})

describe('tool calls', () => {
  test('arguments are decoded once, from the whole', () => {
    expect(run([added(0, call()), args('{"a"'), args(':1}'), done(0, call({ arguments: '{"a":1}' })), completed]))
      .toEqual([start, grow('{"a"'), grow(':1}'), end({ a: 1 })])
  })

  test.each([
    ['only in the done event', [added(0, call()), { type: 'response.function_call_arguments.done', output_index: 0, arguments: '{"a":1}' }, done(0, call({ arguments: '{"a":1}' })), completed]],
    ['only in the item', [added(0, call()), done(0, call({ arguments: '{"a":1}' })), completed]],
    ['as an object', [added(0, call()), done(0, call({ arguments: { a: 1 } })), completed]],
    ['only in the terminal', [{ type: 'response.completed', response: { output: [call({ arguments: '{"a":1}' })] } }]],
    ['before the item was added, by id', [args('{"a":1}', { item_id: 'fc_1' }), added(0, call()), done(0, call({ arguments: '{"a":1}' })), completed]],
    ['before the item was added, by nothing', [args('{"a":1}', {}), added(0, call()), done(0, call({ arguments: '{"a":1}' })), completed]],
    ['in deltas that no item closes', [added(0, call()), args('{"a":1}'), completed]],
    ['under ids that change with every event', [added(0, call({ id: 'x1' })), args('{"a":1}', { output_index: 0, item_id: 'x2' }), done(0, call({ id: 'x3', arguments: '{"a":1}' })), completed]],
    ['with a done item that forgot them', [added(0, call()), args('{"a":1}'), done(0, call()), completed]],
  ])('arguments that come %s', (_title, events) => expect(run(events)).toEqual([start, grow('{"a":1}'), end({ a: 1 })]))

  test('the id stands in for a missing call id', () => {
    const item = { type: 'function_call', id: 'fc_1', name: 'read', arguments: '{}' }
    expect(run([added(0, item), done(0, item), completed]).map((step) => ('toolCallId' in step ? step.toolCallId : undefined))).toEqual(['fc_1', 'fc_1', 'fc_1'])
  })

  test('parallel calls keep apart, by position or by id', () => {
    for (const place of [(index: number) => ({ output_index: index }), (index: number) => ({ item_id: `fc_${index}` })]) {
      const items = [0, 1].map((index) => call({ id: `fc_${index}`, call_id: `call_${index}` }))
      const steps = run([
        ...items.map((item, index) => added(index, item)), args('{"i":0', place(0)), args('{"i":1', place(1)), args('}', place(0)), args('}', place(1)),
        ...items.map((item, index) => done(index, { ...item, arguments: `{"i":${index}}` })), completed,
      ])
      expect(steps.flatMap((step) => (step.type === 'block_end' ? [step.arguments] : []))).toEqual([{ i: 0 }, { i: 1 }])
      expect(steps.filter((step) => step.type === 'block_delta')).toHaveLength(4)
    }
  })

  test('calls that a gateway puts all at position 0 keep apart', () => {
    const items = [0, 1].map((index) => call({ id: `fc_${index}`, call_id: `call_${index}`, arguments: `{"i":${index}}` }))
    const steps = run([...items.flatMap((item) => [added(0, { ...item, arguments: '' }), done(0, item)]), completed])
    expect(steps.flatMap((step) => (step.type === 'block_end' ? [step.arguments] : []))).toEqual([{ i: 0 }, { i: 1 }])
  })

  test('a custom tool\'s text is its input', () => {
    const item = { type: 'custom_tool_call', id: 'ct_1', call_id: 'call_1', name: 'read', input: 'SELECT 1' }
    expect(run([added(0, { ...item, input: '' }), { type: 'response.custom_tool_call_input.delta', item_id: 'ct_1', output_index: 0, delta: 'SELECT 1' }, done(0, item), completed]))
      .toEqual([start, grow('SELECT 1'), end({ input: 'SELECT 1' })])
  })

  test('a call without arguments has none', () => {
    expect(run([added(0, call()), done(0, call()), completed])).toEqual([start, end({})])
  })

  test('text that is no JSON object is kept raw after a good end', () => {
    expect(run([added(0, call()), done(0, call({ arguments: '[1]' })), completed])).toEqual([start, grow('[1]'), end({ _raw: '[1]' })])
  })

  test('half a call ends without arguments, however the answer breaks off', () => {
    const half = [added(0, call()), args('{"a":')]
    for (const last of [{ type: 'error' }, { type: 'response.failed', response: {} }, { type: 'response.cancelled' }, { type: 'response.incomplete', response: {} }, completed]) {
      expect(run([...half, last]).at(-1)).toEqual(end())
    }
    const cut = call({ arguments: '{"a":', status: 'incomplete' })
    expect(run([...half, done(0, cut), { type: 'response.incomplete', response: {} }]).at(-1)).toEqual(end())
    expect(run([...half, done(0, { ...cut, status: 'completed' }), { type: 'response.incomplete', response: {} }]).at(-1)).toEqual(end())
    expect(run([done(0, cut), { type: 'response.incomplete', response: {} }])).toEqual([])
  })
})

test('every started block ends once, at the terminal where its item never was done, and nothing comes after', () => {
  const events = [text('a', 0), { type: 'response.reasoning_summary_text.delta', output_index: 1, summary_index: 0, delta: 'b' }, completed, text('c', 2), completed]
  expect(run(events).slice(-2)).toEqual([{ type: 'block_end', index: 0, block: 'text' }, { type: 'block_end', index: 1, block: 'thinking' }])
})

test('an answer that goes on after another goes on counting', () => {
  expect(run([text('a')], { firstIndex: 3 })[0]).toEqual({ type: 'block_start', index: 3, block: 'text' })
})

test('the cost of an arguments delta does not grow with their number', () => {
  const measure = (count: number): number => {
    const reader = new AnswerReader({ provenance })
    const push = (value: unknown) => { const event = decodeEvent(value); if (event) reader.accept(event, []) }
    push(added(0, call()))
    const delta = args('abcd')
    const started = process.cpuUsage()
    for (let sent = 0; sent < count; sent++) push(delta)
    push(completed)
    const used = process.cpuUsage(started)
    return (used.user + used.system) / count
  }
  measure(20_000)
  const best = (count: number) => Math.min(measure(count), measure(count), measure(count))
  // Quadratic work would make it sixteen times as much.
  expect(best(256_000)).toBeLessThan(best(16_000) * 4 + 0.2)
})
