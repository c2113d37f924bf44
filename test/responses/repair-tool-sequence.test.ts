import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ContentBlock, JsonObject, Message } from '../../src/contract/index.js'
import type { MappedMessage } from '../../src/responses/message-items.js'
import { NO_RESULT } from '../../src/responses/repair-tool-sequence.js'
import { createSettledHistory, settleHistory } from '../../src/responses/settled-history.js'
import type { WireEntry } from '../../src/responses/wire-entry.js'
import { build, deepFreeze, judgeItems, parseItems, PROVENANCE } from './build-support.js'
import { cases, SEED } from '../support/made-up.js'

const calls = (...ids: string[]): Message => ({ role: 'assistant', content: ids.map((id) => ({ type: 'tool_call', id, name: `do_${id}`, input: {} })) })
const result = (id: string, content = `result ${id}`): Message => ({ role: 'tool', tool_call_id: id, content })
const say = (content: string): Message => ({ role: 'user', content })

/** The history in short: `+a` a call, `-a=text` its output, else the text of a message. */
function sketch(messages: Message[]): { items: string[]; repairs: string[] } {
  const built = build({ messages })
  const items = parseItems(built).map((item) => {
    if (item['type'] === 'message') return (item['content'] as { text: string }[]).map(({ text }) => text).join('')
    return item['type'] === 'function_call' ? `+${String(item['call_id'])}` : `-${String(item['call_id'])}=${String(item['output'])}`
  })
  return { items, repairs: built.repairs.map(({ tool_call_id: id, tool_name: name }) => `${id} ${name}`) }
}

describe('a history of tool calls', () => {
  test.each<[string, Message[], string[], string[]]>([
    ['in order stays as it is', [calls('a', 'b'), result('a'), result('b'), say('u')], ['+a', '+b', '-a=result a', '-b=result b', 'u'], []],
    ['with results in another order stays as it is', [calls('a', 'b'), result('b'), result('a')], ['+a', '+b', '-b=result b', '-a=result a'], []],
    ['parted over messages of one turn stays as it is', [calls('a'), calls('b'), result('a'), result('b')], ['+a', '+b', '-a=result a', '-b=result b'], []],
    ['gets the result that is missing at the end', [calls('a')], ['+a', `-a=${NO_RESULT}`], ['a do_a']],
    ['gets it before the user speaks', [calls('a', 'b'), result('b'), say('stop'), calls('c'), result('c')],
      ['+a', '+b', '-b=result b', `-a=${NO_RESULT}`, 'stop', '+c', '-c=result c'], ['a do_a']],
    ['gets it before the next answer', [calls('a'), { role: 'assistant', content: 'sorry' }], ['+a', `-a=${NO_RESULT}`, 'sorry'], ['a do_a']],
    ['has a late result moved to its call', [calls('a'), say('u'), result('a'), say('v')], ['+a', '-a=result a', 'u', 'v'], ['a do_a']],
    ['has a result before its call moved behind it', [result('a'), calls('a'), say('u')], ['+a', '-a=result a', 'u'], ['a do_a']],
    ['loses a result without a call', [say('u'), result('x'), say('v')], ['u', 'v'], ['x unknown']],
    ['loses a second result', [calls('a'), result('a', '1'), result('a', '2'), say('u')], ['+a', '-a=1', 'u'], ['a unknown']],
    ['loses a call that is there twice', [calls('a'), calls('a'), result('a')], ['+a', '-a=result a'], ['a do_a']],
    ['loses a result that nothing names', [say('u'), { role: 'tool', content: 'r' }], ['u'], [' unknown']],
  ])('%s', (_title, messages, items, repairs) => {
    expect(sketch(messages)).toEqual({ items, repairs })
  })

  test('whose ids are used again in every turn keeps its pairs', () => {
    const { items, repairs } = sketch([calls('0'), result('0', 'x'), say('u'), calls('0'), say('v'), calls('0'), result('0', 'z')])
    const [, , , second, , , third] = items
    expect(repairs).toEqual(['0 do_0'])
    expect(items).toEqual([
      '+0', '-0=x', 'u', second, `-${second?.slice(1)}=${NO_RESULT}`, 'v', third, `-${third?.slice(1)}=z`,
    ])
    expect(new Set(['+0', second, third]).size).toBe(3)
  })
})

describe('calls at once by the thousand', () => {
  const output = (id: string): WireEntry => ({ kind: 'output', id, name: undefined, output: '"x"' })
  const call = (id: string): WireEntry => ({ kind: 'call', id, name: 'do', custom: false, rest: '"name":"do","arguments":"{}"' })
  /** µs of CPU for each of them */
  const settle = (count: number, drop: (index: number) => boolean): number => {
    const ids = Array.from({ length: count }, (_each, index) => `c${index}`)
    const mapped = [{ entries: ids.map(call) }, ...ids.filter((_id, index) => !drop(index)).map((id) => ({ entries: [output(id)] }))]
    const before = process.cpuUsage()
    const { repairs } = settleHistory(mapped as unknown as MappedMessage[], createSettledHistory())
    const { user, system } = process.cpuUsage(before)
    expect(repairs).toHaveLength(drop(7) ? 1 : 0)
    return (user + system) / count
  }
  test.each<[string, (index: number) => boolean]>([
    ['in order', () => false],
    ['one of them without its result', (index) => index === 7],
  ])('cost as much each as by the hundred, %s', (_title, drop) => {
    settle(1_000, drop)
    const [few, lots] = [1_000, 16_000].map((count) => Math.min(settle(count, drop), settle(count, drop))) as [number, number]
    // Looked for in a list it was ten times as much.
    expect(lots).toBeLessThan(5 * few)
  })
})

/** Any history a host may come to after interrupts, edits, compaction and switches of provider. */
const ids = fc.constantFrom('a', 'b', 'c', 'call_1', '', 'x'.repeat(70), 'x'.repeat(71), 'ä|fc_1')
const names = fc.constantFrom('read', 'sql', 'a.b')
const blocks: fc.Arbitrary<ContentBlock> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('tool_call' as const), id: ids, name: names, input: fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 2 }) }) },
  fc.record({ type: fc.constant('tool_call' as const), id: ids, name: names, input: fc.constant({ input: 'raw' }), custom: fc.constant(true) }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant('text' as const), text: fc.string({ unit: 'binary', maxLength: 5 }), phase: fc.constantFrom('commentary', 'final_answer', undefined) }) },
  fc.record({
    type: fc.constant('thinking' as const), thinking: fc.string({ maxLength: 3 }),
    content: fc.tuple(fc.constantFrom('enc', ''), fc.constantFrom('rs_1', 'rs_2', null), fc.constantFrom(PROVENANCE, { ...PROVENANCE, account: 'other' })),
  }),
)
const results: fc.Arbitrary<ContentBlock> = fc.record({ type: fc.constant('tool_result' as const), tool_call_id: ids, output: fc.oneof(fc.string({ maxLength: 5 }), fc.jsonValue()) })
const messages: fc.Arbitrary<Message[]> = fc.array(fc.oneof(
  { weight: 3, arbitrary: fc.record({ role: fc.constant('assistant' as const), content: fc.array(blocks, { maxLength: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ role: fc.constant('tool' as const), tool_call_id: ids, content: fc.string({ maxLength: 5 }) }) },
  fc.record({ role: fc.constant('user' as const), content: fc.array(results, { maxLength: 3 }) }),
  fc.record({ role: fc.constantFrom('user' as const, 'system' as const, 'assistant' as const), content: fc.string({ maxLength: 5 }) }),
  fc.record({ role: fc.constant('function' as const), name: names, content: fc.string({ maxLength: 3 }) }),
), { maxLength: 14 }) as fc.Arbitrary<Message[]>

describe(`any history (seed ${SEED})`, () => {
  test('becomes an input that the backend takes, and stays what it was', () => {
    fc.assert(fc.property(messages, (history) => {
      const before = structuredClone(history)
      const built = build({ messages: deepFreeze(history) })
      expect(judgeItems(parseItems(built))).toEqual([])
      expect(history).toEqual(before)
    }), { seed: SEED, numRuns: cases(1500) })
  })

  test('is repaired once: what came out needs no repair and comes out the same', () => {
    fc.assert(fc.property(messages, (history) => {
      const once = build({ messages: history })
      const again = build({ messages: toHistory(parseItems(once), String(once.fields['instructions'])) })
      expect(again.items).toEqual(once.items)
      expect(again.repairs).toEqual([])
    }), { seed: SEED, numRuns: cases(1500) })
  })

  test('with nothing to repair is sent in its own order', () => {
    fc.assert(fc.property(messages, (history) => {
      const clean = toHistory(parseItems(build({ messages: history })), '')
      const longer = [...clean, say('next')]
      expect(build({ messages: longer }).items.slice(0, -1)).toEqual(build({ messages: clean }).items)
    }), { seed: SEED, numRuns: cases(500) })
  })
})

/** A history that holds just these items; what follows a call in one answer stays in one message with it. */
function toHistory(items: JsonObject[], instructions: string): Message[] {
  const history: Message[] = [{ role: 'system', content: instructions }]
  let answer: ContentBlock[] | undefined
  for (const item of items) {
    const blocks = toBlocks(item)
    if (blocks === undefined) {
      answer = undefined
      history.push(toMessage(item))
    } else if (answer === undefined) {
      history.push({ role: 'assistant', content: blocks })
      if (blocks[0]?.type === 'tool_call') answer = blocks
    } else answer.push(...blocks)
  }
  return history
}

function toBlocks(item: JsonObject): ContentBlock[] | undefined {
  switch (item['type']) {
    case 'function_call':
      return [{ type: 'tool_call', id: String(item['call_id']), name: String(item['name']), input: JSON.parse(String(item['arguments'])) as JsonObject }]
    case 'custom_tool_call':
      return [{ type: 'tool_call', id: String(item['call_id']), name: String(item['name']), input: { input: item['input'] }, custom: true }]
    case 'reasoning': {
      const [summary] = item['summary'] as { text: string }[]
      return [{ type: 'thinking', thinking: summary?.text ?? '', content: [item['encrypted_content'], item['id'] ?? null, PROVENANCE] }]
    }
    default:
      if (item['role'] !== 'assistant') return undefined
      return (item['content'] as { text: string }[]).map(({ text }) => ({ type: 'text', text, phase: item['phase'] }))
  }
}

function toMessage(item: JsonObject): Message {
  if (item['type'] === 'message') {
    return { role: item['role'] === 'developer' ? 'developer' : 'user', content: (item['content'] as { text: string }[]).map(({ text }) => ({ type: 'text', text })) }
  }
  return { role: 'tool', tool_call_id: String(item['call_id']), content: String(item['output']) }
}
