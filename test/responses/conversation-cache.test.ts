import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ContentBlock, Message, ToolCallBlock } from '../../src/contract/index.js'
import { ConversationCache } from '../../src/responses/index.js'
import { matchesSnapshot, takeSnapshot } from '../../src/responses/snapshot.js'
import { build, PROVENANCE } from './build-support.js'
import { cases, SEED } from '../support/made-up.js'

function makeHistory(turns: number): Message[] {
  const messages: Message[] = [{ role: 'system', content: 'S' }, { role: 'user', content: 'go' }]
  for (let turn = 0; turn < turns; turn += 1) messages.push(...makeTurn(turn))
  return messages
}

function makeTurn(turn: number): Message[] {
  return [
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 't', content: [`enc${turn}`, `rs_${turn}`, { ...PROVENANCE }] },
        { type: 'tool_call', id: `call_${turn}`, name: 'f', input: { path: ['a', { turn }] } },
      ],
    },
    { role: 'tool', tool_call_id: `call_${turn}`, content: `result ${turn}` },
  ]
}

const blocksOf = (messages: Message[]) => messages[2]?.content as ContentBlock[]
const inputOf = (messages: Message[]) => (blocksOf(messages)[1] as ToolCallBlock).input

test('unchanged messages give the very same texts, and a longer history costs its new messages alone', () => {
  const cache = new ConversationCache()
  const messages = makeHistory(3)
  let reads = 0
  const counted = messages.map((message) => new Proxy(message, {
    get: (target, key, receiver) => {
      if (key === 'role') reads += 1
      return Reflect.get(target, key, receiver) as unknown
    },
  }))
  const first = build({ messages: counted }, { cache })
  reads = 0
  const second = build({ messages: [...counted, { role: 'user', content: 'more' }] }, { cache })
  // once to look for instructions, up to the first that are; once to compare
  expect(reads).toBeLessThanOrEqual(messages.length + 2)
  expect(second.items.slice(0, -1).every((item, index) => Object.is(item, first.items[index]))).toBe(true)
  expect(second.items).toHaveLength(first.items.length + 1)
})

test.each<[string, (messages: Message[]) => void]>([
  ['a text', (messages) => { messages[1] = { ...messages[1], role: 'user', content: 'stay' } }],
  ['a text in place', (messages) => { (messages[1] as Message).content = 'stay' }],
  ['a result in place', (messages) => { (messages[3] as Message).content = 'other' }],
  ['an argument deep inside', (messages) => { inputOf(messages)['path'] = ['a', { turn: 9 }] }],
  ['an argument added', (messages) => { inputOf(messages)['late'] = 1 }],
  ['an argument removed', (messages) => { delete inputOf(messages)['path'] }],
  ['a block added', (messages) => { blocksOf(messages).unshift({ type: 'text', text: 'well' }) }],
  ['a block removed', (messages) => { blocksOf(messages).shift() }],
  ['a call id', (messages) => { (messages[3] as Message).tool_call_id = 'call_9' }],
  ['a role', (messages) => { (messages[1] as Message).role = 'developer' }],
  ['the provenance of a thought', (messages) => { (blocksOf(messages)[0] as { content: { account: string }[] }).content[2]!.account = 'zz' }],
  ['a message removed', (messages) => { messages.splice(1, 1) }],
  ['a message inserted', (messages) => { messages.splice(2, 0, { role: 'user', content: 'wait' }) }],
  ['calls beside the content', (messages) => { (messages[2] as Message)['tool_calls'] = [{ id: 'z', name: 'g', arguments: {} }] }],
])('an edit of the history is noticed: %s', (_title, edit) => {
  const cache = new ConversationCache()
  const messages = makeHistory(2)
  const before = build({ messages }, { cache }).items
  edit(messages)
  const after = build({ messages }, { cache })
  expect(after).toEqual(build({ messages }))
  expect(after.items).not.toEqual(before)
})

test('an edit of the tools is noticed, and unchanged tools stay the same array', () => {
  const cache = new ConversationCache()
  const tools = [{ name: 'f', parameters: { type: 'object', properties: { a: { type: 'string' } } } }]
  const first = build({ tools }, { cache }).fields['tools']
  expect(build({ tools: structuredClone(tools) }, { cache }).fields['tools']).toBe(first)
  tools[0]!.parameters.properties.a.type = 'number'
  expect(build({ tools }, { cache }).fields['tools']).toEqual(build({ tools }).fields['tools'])
})

test('reasoning of another lane, model family, limit or kind of tool forgets what was built for the one before', () => {
  const cache = new ConversationCache()
  const messages = makeHistory(2)
  for (const changes of [
    {}, { provenance: { ...PROVENANCE, lane: 'plan' } }, {}, { provenance: { ...PROVENANCE, model_family: 'gpt-5.4' } }, { settings: { toolOutputMaxChars: 3 } },
  ]) expect(build({ messages }, { ...changes, cache })).toEqual(build({ messages }, changes))
  build({ messages }, { cache })
  const tools = [{ name: 'f', type: 'custom', parameters: {} }]
  expect(build({ messages, tools }, { cache }).items).toEqual(build({ messages, tools }).items)
})

test('conversations that take turns do not disturb each other', () => {
  const cache = new ConversationCache()
  const one = makeHistory(2)
  const other: Message[] = [{ role: 'user', content: 'else' }]
  const first = build({ messages: one }, { cache, cacheKey: 'one' })
  build({ messages: other }, { cache, cacheKey: 'other' })
  const again = build({ messages: one }, { cache, cacheKey: 'one' })
  expect(again.items.every((item, index) => Object.is(item, first.items[index]))).toBe(true)
})

test('a message that cannot be sent leaves the memory fit for the next request', () => {
  const cache = new ConversationCache()
  const messages = makeHistory(1)
  build({ messages }, { cache })
  const bad: Message = { role: 'user', content: [{ type: 'image', source: {} }] }
  expect(() => build({ messages: [...messages, bad, ...makeTurn(1)] }, { cache })).toThrow('messages[4]')
  expect(build({ messages: [...messages, ...makeTurn(1)] }, { cache })).toEqual(build({ messages: [...messages, ...makeTurn(1)] }))
})

/** Edits as hosts make them, and as nobody should. */
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ role: fc.constantFrom('user' as const, 'system' as const, 'assistant' as const), content: fc.string({ maxLength: 3 }) }),
  fc.record({ role: fc.constant('tool' as const), tool_call_id: fc.constantFrom('a', 'b', 'c'), content: fc.string({ maxLength: 3 }) }),
  fc.record({
    role: fc.constant('assistant' as const),
    content: fc.array(fc.record({ type: fc.constant('tool_call' as const), id: fc.constantFrom('a', 'b', 'c'), name: fc.constant('f'), input: fc.dictionary(fc.string({ maxLength: 2 }), fc.jsonValue(), { maxKeys: 2 }) }), { maxLength: 3 }) as fc.Arbitrary<ContentBlock[]>,
  }),
)
const edits = fc.array(fc.record({ at: fc.nat(), kind: fc.constantFrom('append', 'replace', 'remove', 'copy', 'text'), message }), { minLength: 1, maxLength: 25 })

test(`whatever happens to a history, the memory changes nothing but the time (seed ${SEED})`, () => {
  fc.assert(fc.property(edits, (steps) => {
    const cache = new ConversationCache()
    let messages: Message[] = []
    for (const { at, kind, message: fresh } of steps) {
      const index = messages.length === 0 ? 0 : at % messages.length
      if (kind === 'append') messages.push(fresh)
      else if (kind === 'replace') messages[index] = fresh
      else if (kind === 'remove') messages.splice(index, 1)
      else if (kind === 'copy') messages = structuredClone(messages)
      else if (messages[index] !== undefined) messages[index].content = 'edited'
      const built = build({ messages }, { cache })
      expect(built).toEqual(build({ messages }))
    }
  }), { seed: SEED, numRuns: cases(400) })
})

test('what has no plain JSON form never counts as unchanged', () => {
  const date = new Date(0)
  expect(matchesSnapshot({ date }, takeSnapshot({ date }))).toBe(false)
  expect(matchesSnapshot([1, { a: null, b: [undefined] }], takeSnapshot([1, { a: null, b: [undefined] }]))).toBe(true)
  expect(matchesSnapshot([], takeSnapshot({}))).toBe(false)
  expect(matchesSnapshot({}, takeSnapshot([]))).toBe(false)
  expect(matchesSnapshot({ b: 1, a: 1 }, takeSnapshot({ a: 1, b: 1 }))).toBe(false)
  const nested: Record<string, unknown> = {}
  nested['self'] = nested
  expect(matchesSnapshot(nested, takeSnapshot(nested))).toBe(false)
})
