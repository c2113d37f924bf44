import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ContentBlock, JsonObject, Message } from '../../src/contract/index.js'
import { AnswerReader, ResponseChain, ConversationCache, decodeEvent, serializeRequest, type ChainPlan } from '../../src/responses/index.js'
import { build, PROVENANCE, type InputChanges } from './build-support.js'
import { isTerminal, readDoneItems, readRecordings } from './read-recording.js'
import { cases, SEED } from '../support/made-up.js'

const ask: Message[] = [{ role: 'system', content: 'S' }, { role: 'user', content: 'go' }]
const tools = [{ name: 'read', parameters: {} }]
const call = { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'read', arguments: '{ "path": "a", "n": 1 }', status: 'completed' }
const text = { type: 'message', id: 'msg_1', role: 'assistant', status: 'completed', phase: 'commentary', content: [{ type: 'output_text', text: 'I read.', annotations: [], logprobs: [] }] }
const thought = { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'a' }, { type: 'summary_text', text: 'b' }], encrypted_content: 'enc', content: [] }
const answer: JsonObject[] = [thought, text, call]
const resultMessage: Message = { role: 'tool', tool_call_id: 'call_1', content: 'text of a' }

/** The caller's message for an answer, by the way that every answer takes. */
function answerMessage(doneItems: readonly JsonObject[]): Message {
  const reader = new AnswerReader({ provenance: PROVENANCE })
  doneItems.forEach((item, index) => accept({ type: 'response.output_item.done', output_index: index, item }))
  accept({ type: 'response.completed', response: { id: 'resp_1', status: 'completed', output: [] } })
  return { role: 'assistant', content: reader.response().content }

  function accept(value: unknown) {
    const event = decodeEvent(value)
    if (event) reader.accept(event, [])
  }
}

function planAfter(doneItems: readonly JsonObject[], messages: Message[], changes: InputChanges & { first?: InputChanges } = {}): ChainPlan {
  const chain = new ResponseChain()
  const first = build({ messages: ask, tools }, changes.first)
  chain.completed(first, 'resp_1', doneItems)
  return chain.plan(build({ messages, tools }, changes))
}

const delta = (fromItem: number): ChainPlan => ({ mode: 'delta', previousResponseId: 'resp_1', fromItem })
/** What was compared is named by the item or field that decided. */
const full = (reason: string): ChainPlan => ({
  mode: 'full', reason, ...(/^(?:no_|previous_)/.test(reason) ? {} : { at: expect.stringMatching(/^(?:input\[\d+\] \(.+\)|[a-z_]+)$/) as string }),
})

describe('a request goes out as its new items', () => {
  test('where it extends the one before and its answer', () => {
    const messages = [...ask, answerMessage(answer), resultMessage]
    expect(planAfter(answer, messages)).toEqual(delta(4))
    const built = build({ messages, tools })
    expect(JSON.parse(serializeRequest(built, { type: 'response.create', previous_response_id: 'resp_1', fromItem: 4 }))).toMatchObject({
      instructions: 'S', tools: [{ name: 'read' }], input: [{ type: 'function_call_output', call_id: 'call_1', output: 'text of a' }],
    })
  })

  test.each<[string, JsonObject[], ContentBlock[], number]>([
    ['argument keys came in another order', [call], [{ type: 'tool_call', id: 'call_1', name: 'read', input: { n: 1, path: 'a' } }], 2],
    ['texts were joined', [text, { ...text, id: 'msg_2' }], [{ type: 'text', text: 'I read.I read.' }], 2],
    ['a text was parted', [text], [{ type: 'text', text: 'I ', phase: 'commentary' }, { type: 'text', text: 'read.', phase: 'final_answer' }], 3],
    ['the phase was lost', [text], [{ type: 'text', text: 'I read.' }], 2],
    ['the summary was cut', [thought, text], [{ type: 'thinking', thinking: '', content: ['enc', null, PROVENANCE] }, { type: 'text', text: 'I read.' }], 3],
    ['a refusal came back as text', [{ ...text, content: [{ type: 'refusal', refusal: 'No.' }] }], [{ type: 'text', text: 'No.' }], 2],
    ['reasoning could not be kept', [{ ...thought, encrypted_content: null }, text], [{ type: 'text', text: 'I read.' }], 2],
    ['arguments were no JSON', [{ ...call, arguments: '{"a":' }], [{ type: 'tool_call', id: 'call_1', name: 'read', input: { _raw: '{"a":' } }], 2],
    ['the server ran a tool of its own', [{ type: 'web_search_call', id: 'ws_1', status: 'completed' }, text], [{ type: 'text', text: 'I read.' }], 2],
    ['the answer was empty', [{ ...text, content: [] }], [], 1],
  ])('where %s', (_title, doneItems, content, fromItem) => {
    const closing: Message = doneItems.some((item) => item['type'] === 'function_call') ? resultMessage : { role: 'user', content: 'next' }
    expect(planAfter(doneItems, [...ask, { role: 'assistant', content }, closing])).toEqual(delta(fromItem))
  })

  test('where nothing is new', () => {
    expect(planAfter([text], [...ask, answerMessage([text])])).toEqual(delta(2))
  })

  test('where only metadata of the client differs', () => {
    const one = (turn: string): InputChanges => ({ settings: { extraRequestParams: { client_metadata: { turn }, stream_options: { turn } } } })
    expect(planAfter([text], [...ask, answerMessage([text])], { ...one('2'), first: one('1') })).toEqual(delta(2))
  })

  test('after every recorded answer that came to its end', () => {
    for (const recording of readRecordings()) {
      const last = recording.events.find(isTerminal)
      if (last?.['type'] !== 'response.completed') continue
      const doneItems = readDoneItems(recording)
      const message = answerMessage(doneItems)
      const content = message.content as ContentBlock[]
      const results = content.flatMap((block): Message[] => (block.type === 'tool_call' ? [{ role: 'tool', tool_call_id: block.id, content: 'r' }] : []))
      const next: Message[] = results.length > 0 ? results : [{ role: 'user', content: 'next' }]
      const plan = planAfter(doneItems, [...ask, message, ...next])
      expect(plan, recording.name).toMatchObject({ mode: 'delta' })
      const items = build({ messages: [...ask, message, ...next], tools }).items
      expect(items.length - (plan.mode === 'delta' ? plan.fromItem : 0), recording.name).toBe(next.length)
    }
  })
})

describe('a request goes out whole', () => {
  const next = [...ask, answerMessage(answer), resultMessage]

  test.each<[string, Message[], InputChanges, string]>([
    ['the history was shortened', ask.slice(0, 1), {}, 'input_shortened'],
    ['the answer is missing', ask, {}, 'input_shortened'],
    ['the answer is missing and something else is there', [...ask, { role: 'user', content: 'b' }], {}, 'input_mismatch'],
    ['the text of the answer was edited', [...ask, answerMessage([thought, { ...text, content: [{ type: 'output_text', text: 'I did.' }] }, call]), resultMessage], {}, 'input_mismatch'],
    ['an argument of its call was edited', [...ask, answerMessage([thought, text, { ...call, arguments: '{"path":"b"}' }]), resultMessage], {}, 'input_mismatch'],
    ['its reasoning was taken out', [...ask, answerMessage([text, call]), resultMessage], {}, 'input_mismatch'],
    ['its end was taken out', [...ask, answerMessage([thought, text])], {}, 'input_shortened'],
    ['the question was edited', [{ role: 'system', content: 'S' }, { role: 'user', content: 'stop' }, ...next.slice(2)], {}, 'input_mismatch'],
    ['the instructions were edited', [{ role: 'system', content: 'T' }, ...next.slice(1)], {}, 'fields_changed'],
    ['the effort changed', next, { model: { effort: 'low' } }, 'fields_changed'],
    ['the model changed', next, { model: { slug: 'gpt-5.4' } }, 'fields_changed'],
  ])('where %s', (_title, messages, changes, reason) => {
    expect(planAfter(answer, messages, changes)).toEqual(full(reason))
  })

  test('where tools changed', () => {
    const chain = new ResponseChain()
    chain.completed(build({ messages: ask, tools }), 'resp_1', [text])
    expect(chain.plan(build({ messages: [...ask, answerMessage([text])], tools: [...tools, { name: 'b', parameters: {} }] }))).toEqual(full('fields_changed'))
  })

  test('where the server gave a call an id that it would not take back', () => {
    const long = { ...call, call_id: 'x'.repeat(69) }
    expect(planAfter([long], [...ask, answerMessage([long]), { role: 'tool', tool_call_id: 'x'.repeat(69), content: 'r' }])).toEqual(full('input_mismatch'))
  })

  test('the first time, without a response id, and after a reset, with its reason', () => {
    const chain = new ResponseChain()
    const built = build({ messages: ask })
    expect(chain.plan(built)).toEqual(full('no_previous_response'))
    chain.completed(built, '', [])
    expect(chain.plan(built)).toEqual(full('no_previous_response_id'))
    chain.completed(built, 'resp_1', [])
    expect(chain.plan(built)).toEqual(delta(1))
    chain.reset('previous_response_not_found')
    expect(chain.plan(built)).toEqual(full('previous_response_not_found'))
  })
})

test('a warm-up is a first turn whose answer is empty', () => {
  const chain = new ResponseChain()
  chain.completed(build({ messages: ask.slice(0, 1) }), 'resp_0', [])
  expect(chain.plan(build({ messages: ask }))).toEqual({ mode: 'delta', previousResponseId: 'resp_0', fromItem: 0 })
})

test('a long tool loop sends only its new items, turn after turn', () => {
  const cache = new ConversationCache()
  const chain = new ResponseChain()
  const messages = [...ask]
  for (let turn = 0; turn < 60; turn += 1) {
    const built = build({ messages, tools }, { cache })
    const plan = chain.plan(built)
    if (turn > 0) {
      expect(plan).toEqual({ mode: 'delta', previousResponseId: `resp_${turn - 1}`, fromItem: built.items.length - 1 })
    }
    const items = [{ ...thought, id: `rs_${turn}` }, { ...call, call_id: `call_${turn}`, id: `fc_${turn}` }]
    chain.completed(built, `resp_${turn}`, items)
    messages.push(answerMessage(items), { role: 'tool', tool_call_id: `call_${turn}`, content: 'x'.repeat(4096) })
  }
})

const doneItems = fc.array(fc.oneof(
  fc.record({
    type: fc.constant('message'), role: fc.constant('assistant'), phase: fc.constantFrom('commentary', 'final_answer', null),
    content: fc.array(fc.oneof(
      fc.record({ type: fc.constant('output_text'), text: fc.string({ unit: 'binary', maxLength: 6 }), annotations: fc.constant([]) }),
      fc.record({ type: fc.constant('refusal'), refusal: fc.string({ maxLength: 4 }) }),
    ), { maxLength: 3 }),
  }),
  fc.record({ type: fc.constant('reasoning'), summary: fc.array(fc.record({ type: fc.constant('summary_text'), text: fc.string({ maxLength: 4 }) }), { maxLength: 2 }), encrypted_content: fc.constantFrom('enc', 'cne', null, '') }),
  fc.record({ type: fc.constant('function_call'), call_id: fc.uuid(), name: fc.constantFrom('read', 'write'), arguments: fc.oneof(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }).map((value) => JSON.stringify(value, null, 1)), fc.constantFrom('', '{"cut":', '[]')) }),
  fc.record({ type: fc.constant('custom_tool_call'), call_id: fc.uuid(), name: fc.constant('sql'), input: fc.string({ maxLength: 6 }) }),
  fc.record({ type: fc.constant('web_search_call'), status: fc.constant('completed') }),
), { maxLength: 6 }).map((items) => items.map((item, index): JsonObject => ('call_id' in item ? item : { ...item, id: `${item.type === 'reasoning' ? 'rs' : 'msg'}_${index}` })))

test(`any answer that comes back through the caller's history is recognised, and any edit of it too (seed ${SEED})`, () => {
  fc.assert(fc.property(doneItems, fc.nat(), (items, where) => {
    const message = answerMessage(items)
    const content = message.content as ContentBlock[]
    const results = content.flatMap((block): Message[] => (block.type === 'tool_call' ? [{ role: 'tool', tool_call_id: block.id, content: 'r' }] : []))
    const next: Message[] = [...results, { role: 'user', content: 'next' }]
    const plan = planAfter(items, [...ask, message, ...next])
    const length = build({ messages: [...ask, message, ...next], tools }).items.length
    expect(plan).toEqual(delta(length - next.length))
    if (content.length === 0) return
    const without = content.filter((_, index) => index !== where % content.length)
    const taken = content[where % content.length] as ContentBlock
    // Many histories have no place for a hosted item: without it they still continue the answer.
    if (taken.type === 'hosted') return
    // a thought that cannot be sent back leaves no trace
    if (taken.type === 'thinking' && taken.content === undefined) return
    const edited = planAfter(items, [...ask, { role: 'assistant', content: without }, ...next.filter(({ tool_call_id: id }) => id !== taken['id'] || id === undefined)])
    expect(edited.mode).toBe('full')
  }), { seed: SEED, numRuns: cases(800) })
})

describe('temporary messages of the request before that are gone', () => {
  const reminder: Message = { role: 'developer', content: 'It is nine.' }
  const plan = (lenient: boolean, next: Message[]) => {
    const chain = new ResponseChain({ lenient })
    chain.completed(build({ messages: [...ask, reminder] }), 'resp_1', [text])
    return chain.plan(build({ messages: next }))
  }

  test('end the chain in exact, named, and stay with the server in lenient', () => {
    const next: Message[] = [...ask, answerMessage([text]), { role: 'user', content: 'next' }, { role: 'developer', content: 'It is ten.' }]
    expect(plan(false, next)).toEqual({ mode: 'full', reason: 'input_mismatch', at: 'input[1] (missing: developer message)' })
    expect(plan(true, next)).toEqual({ ...delta(2), beside: 1 })
  })

  test('are told from other messages, which end it always', () => {
    expect(plan(true, [{ role: 'system', content: 'S' }, { role: 'user', content: 'another question' }, answerMessage([text])])).toEqual(full('input_mismatch'))
  })
})
