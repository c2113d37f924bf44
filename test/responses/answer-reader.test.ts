import { describe, expect, test } from 'vitest'
import { AnswerReader, decodeEvent, terminalToFailure } from '../../src/responses/index.js'

const provenance = { account: 'a1', lane: 'codex', model_family: 'gpt-5' }

function run(events: unknown[]): AnswerReader {
  const reader = new AnswerReader({ provenance })
  for (const value of events) {
    const event = decodeEvent(value)
    if (event) reader.accept(event, [])
  }
  return reader
}

const created = { type: 'response.created', response: { id: 'resp_1', model: 'gpt-5.5', status: 'in_progress', usage: null } }
const text = (delta: string, index = 0) => ({ type: 'response.output_text.delta', output_index: index, content_index: 0, delta })
const done = (index: number, item: object) => ({ type: 'response.output_item.done', output_index: index, item })
const message = (value: string, more: object = {}) => ({ type: 'message', id: 'msg_1', content: [{ type: 'output_text', text: value, annotations: [] }], ...more })
const call = (more: object = {}) => ({ type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'read', arguments: '{"a":1}', ...more })
const end = (type = 'response.completed', response: object = {}) => ({ type, response: { id: 'resp_1', ...response } })

test('the whole answer, from its finished items in output order', () => {
  const usage = { input_tokens: 10, input_tokens_details: { cached_tokens: 4, cache_write_tokens: 2 }, output_tokens: 5, output_tokens_details: { reasoning_tokens: 3 }, total_tokens: 15 }
  const reader = run([
    created, done(2, call({ namespace: 'files' })), done(1, message('Hi', { phase: 'commentary' })),
    done(0, { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'a' }, { type: 'summary_text', text: 'b' }], encrypted_content: 'gAAA' }),
    end('response.completed', { status: 'completed', usage, output: [], end_turn: true, service_tier: 'default' }),
  ])
  expect(reader.response()).toEqual({
    content: [
      { type: 'thinking', thinking: 'a\n\nb', content: ['gAAA', 'rs_1', provenance] },
      { type: 'text', text: 'Hi', phase: 'commentary' },
      { type: 'tool_call', id: 'call_1', name: 'read', input: { a: 1 }, namespace: 'files' },
    ],
    tool_calls: [{ id: 'call_1', name: 'read', arguments: { a: 1 }, namespace: 'files' }],
    usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15, cache_read_tokens: 4, cache_write_tokens: 2, reasoning_tokens: 3 },
    finish_reason: 'tool_calls',
    metadata: { response_id: 'resp_1', end_turn: true, service_tier: 'default' },
  })
  expect(reader.items().map((item) => item['type'])).toEqual(['reasoning', 'message', 'function_call'])
  expect(reader).toMatchObject({ responseId: 'resp_1', servedModel: 'gpt-5.5', sawOutput: true, ended: { kind: 'completed' } })
})

test('finished items outrank deltas and the terminal\'s output; each stands in where nothing better came', () => {
  const read = (events: unknown[]) => run(events).response().content
  expect(read([text('delta'), done(0, message('item')), end('response.completed', { output: [message('terminal')] })])).toEqual([{ type: 'text', text: 'item' }])
  expect(read([text('delta'), end('response.completed', { output: [message('terminal')] })])).toEqual([{ type: 'text', text: 'terminal' }])
  expect(read([text('del'), text('ta'), end()])).toEqual([{ type: 'text', text: 'delta' }])
})

test('a refusal is text with a mark', () => {
  const part = { type: 'refusal', refusal: 'I will not.' }
  const expected = [{ type: 'text', text: 'I will not.', refusal: true }]
  expect(run([done(0, { type: 'message', content: [part] }), end()]).response().content).toEqual(expected)
  expect(run([{ type: 'response.refusal.delta', output_index: 0, content_index: 0, delta: 'I will not.' }, end()]).response().content).toEqual(expected)
})

describe('how an answer ends', () => {
  test.each([
    ['response.completed', {}, { kind: 'completed' }],
    ['response.completed', { status: 'completed' }, { kind: 'completed' }],
    ['response.done', { status: 'completed' }, { kind: 'completed' }],
    ['response.done', {}, { kind: 'completed' }],
    ['response.completed', { status: 'cancelled' }, { kind: 'cancelled' }],
    ['response.cancelled', {}, { kind: 'cancelled' }],
    ['response.completed', { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }, { kind: 'incomplete', reason: 'max_output_tokens' }],
    ['response.incomplete', { incomplete_details: { reason: 'content_filter' } }, { kind: 'incomplete', reason: 'content_filter' }],
    ['response.incomplete', { incomplete_details: null }, { kind: 'incomplete', reason: 'unknown' }],
    ['response.completed', { status: 'failed', error: { code: 'server_error' } }, { kind: 'failed', failure: { source: 'terminal', error: { code: 'server_error' } } }],
    ['response.failed', { error: { code: 'slow_down' } }, { kind: 'failed', failure: { source: 'terminal', error: { code: 'slow_down' } } }],
    ['response.failed', { error: null }, { kind: 'failed', failure: { source: 'terminal', error: {} } }],
    ['response.completed', { status: 'in_progress' }, { kind: 'failed', failure: { source: 'terminal' } }],
  ])('%s with %j', (type, response, expected) => {
    const reader = run([created, text('x'), end(type, response), text('y'), end('response.completed'), { type: 'error' }])
    expect(reader.ended).toMatchObject(expected)
    expect(reader.partial()?.content).toEqual([{ type: 'text', text: 'x' }])
    expect(terminalToFailure(reader.ended) === undefined).toBe(
      expected.kind === 'completed' || ('reason' in expected && expected.reason === 'max_output_tokens'))
  })

  test('[DONE] alone, or nothing at all, is a cut', () => {
    expect(run([created]).ended).toBeUndefined()
    expect(terminalToFailure(undefined)).toEqual({ source: 'transport', kind: 'cut', phase: 'answering' })
  })

  test('a finish reason tells the truth', () => {
    const reason = (response: object, ...events: unknown[]) => run([...events, end('response.incomplete', response)]).response().finish_reason
    expect(reason({ incomplete_details: { reason: 'max_output_tokens' } }, text('x'))).toBe('length')
    expect(reason({ incomplete_details: { reason: 'content_filter' } }, text('x'))).toBe('content_filter')
    expect(run([text('x'), end()]).response().finish_reason).toBe('stop')
  })
})

describe('half tool calls are never tool calls', () => {
  const added = { type: 'response.output_item.added', output_index: 0, item: call({ arguments: '' }) }
  const half = { type: 'response.function_call_arguments.delta', output_index: 0, delta: '{"a":' }
  test.each([
    ['cut off', [added, half]],
    ['failed', [added, half, end('response.failed')]],
    ['incomplete', [added, half, end('response.incomplete', { incomplete_details: { reason: 'max_output_tokens' } })]],
    ['incomplete with the half item', [added, half, done(0, call({ arguments: '{"a":', status: 'incomplete' })), end('response.incomplete')]],
    ['incomplete with an item whose beginning happens to parse', [done(0, call({ arguments: '{}', status: 'incomplete' })), end('response.incomplete')]],
    ['incomplete with half the text of a custom tool', [done(0, { ...call({ status: 'incomplete' }), type: 'custom_tool_call', input: 'SEL' }), end('response.incomplete')]],
    ['incomplete with the half item unmarked', [added, half, done(0, call({ arguments: '{"a":' })), end('response.incomplete')]],
    ['incomplete with the half item in the terminal alone', [end('response.incomplete', { output: [call({ arguments: '{"a":' })] })]],
    ['completed, though nothing finished the call', [added, half, end()]],
  ])('%s', (_title, events) => {
    const reader = run([text('x', 1), ...events])
    expect(reader.partial()?.tool_calls).toBeUndefined()
    if (reader.ended) expect(reader.response().tool_calls).toBeUndefined()
    expect(JSON.stringify(reader.partial())).not.toContain('read')
  })

  test('a whole one in a broken answer is kept', () => {
    expect(run([done(0, call()), { type: 'error' }]).partial()?.tool_calls).toEqual([{ id: 'call_1', name: 'read', arguments: { a: 1 } }])
  })

  test('whole arguments that are no JSON object are kept raw after a good end', () => {
    expect(run([done(0, call({ arguments: 'nonsense' })), end()]).response().tool_calls?.[0]?.arguments).toEqual({ _raw: 'nonsense' })
  })
})

describe('a call that is still open when its answer ends well', () => {
  const added = (item: object) => ({ type: 'response.output_item.added', output_index: 0, item })
  const custom = (input: string) => ({ type: 'custom_tool_call', id: 'ctc_1', call_id: 'call_1', name: 'sh', input })
  const input = (kind: 'delta' | 'done', value: string) => ({ type: `response.custom_tool_call_input.${kind}`, output_index: 0, [kind === 'done' ? 'input' : 'delta']: value })
  const whole = { type: 'response.function_call_arguments.done', output_index: 0, arguments: 'nonsense' }
  test.each<[string, object[], object | undefined]>([
    ['was announced without arguments', [added(call({ arguments: '' }))], undefined],
    ['was announced with all of them', [added(call())], { a: 1 }],
    ['was told them whole, though they are no JSON', [added(call({ arguments: '' })), whole], { _raw: 'nonsense' }],
    ['of a custom tool was announced without text', [added(custom(''))], undefined],
    ['of a custom tool was announced with its text', [added(custom('ls -l'))], { input: 'ls -l' }],
    ['of a custom tool was told a part of its text', [added(custom('')), input('delta', 'ls')], undefined],
    ['of a custom tool was told its text whole', [added(custom('')), input('delta', 'ls'), input('done', 'ls -l')], { input: 'ls -l' }],
  ])('and %s', (_title, events, called) => {
    const reader = run([created, ...events, end('response.completed', { status: 'completed' })])
    expect(reader.response().tool_calls?.map((one) => one.arguments)).toEqual(called && [called])
    const [item] = reader.items()
    expect(item && (item['input'] ?? item['arguments'])).toEqual(called && ('input' in called ? called.input : '_raw' in called ? called._raw : JSON.stringify(called)))
  })
})

describe('what the head and late headers say', () => {
  test('a header outranks the response on which model served, wherever it came', () => {
    const reader = run([created])
    expect(reader.servedModel).toBe('gpt-5.5')
    reader.observeHeaders({ 'openai-model': 'gpt-5.4' })
    expect(reader.servedModel).toBe('gpt-5.4')
    const late = decodeEvent({ type: 'response.metadata', headers: { 'OpenAI-Model': 'gpt-5.3' } })
    if (late) reader.accept(late, [])
    expect(reader.servedModel).toBe('gpt-5.3')
    expect(run([]).servedModel).toBeUndefined()
  })

  test('a failure carries the headers of its answer, so that its request id is known', () => {
    const reader = new AnswerReader({ provenance })
    reader.observeHeaders({ 'x-request-id': 'req_1' })
    const event = decodeEvent({ type: 'error', error: {}, headers: { 'Retry-After': '3' } })
    if (event) reader.accept(event, [])
    expect(reader.ended).toMatchObject({ failure: { headers: { 'x-request-id': 'req_1', 'retry-after': '3' } } })
    expect(reader.failure()).toMatchObject({ source: 'frame', headers: { 'x-request-id': 'req_1', 'retry-after': '3' } })
    const cut = new AnswerReader({ provenance })
    cut.observeHeaders({ 'x-request-id': 'req_1' })
    expect(cut.failure()).toEqual({ source: 'transport', kind: 'cut', phase: 'answering', headers: { 'x-request-id': 'req_1' } })
    expect(run([end()]).failure()).toBeUndefined()
  })

  test('a bare terminal takes back nothing that was known', () => {
    expect(run([created, { type: 'response.done' }]).responseId).toBe('resp_1')
  })
})

test('output is seen with the first delta or call, not with the head', () => {
  expect(run([created, { type: 'response.output_item.added', output_index: 0, item: { type: 'reasoning', summary: [] } }]).sawOutput).toBe(false)
  expect(run([text('')]).sawOutput).toBe(false)
  expect(run([text('x')]).sawOutput).toBe(true)
  expect(run([{ type: 'response.output_item.added', output_index: 0, item: call() }]).sawOutput).toBe(true)
})
