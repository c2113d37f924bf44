import { expect, test } from 'vitest'
import { WireCallIds, isWireCallId } from '../../src/responses/wire-call-id.js'
import { itemsOf } from './build-support.js'

test('an id that the API takes stays as it is', () => {
  for (const id of ['call_1', 'a', 'A-b_9', 'x'.repeat(64)]) expect(new WireCallIds().wireId(id)).toBe(id)
})

test.each(['x'.repeat(65), 'x'.repeat(446), '', 'a b', 'call|fc_1', 'ä', 'call.1', '\ud83d\ude00'])('the id %j becomes one that it takes, the same each time', (id) => {
  const ids = new WireCallIds()
  expect(isWireCallId(ids.wireId(id))).toBe(true)
  expect(ids.wireId(id)).toBe(ids.wireId(id))
  expect(new WireCallIds().wireId(id)).toBe(ids.wireId(id))
})

test('ids with a long common beginning, and the calls that share an id, stay apart', () => {
  const ids = new WireCallIds()
  const wireIds = [ids.wireId(`${'x'.repeat(80)}1`), ids.wireId(`${'x'.repeat(80)}2`), ids.wireId('call_0'), ids.wireId('call_0', 1), ids.wireId('call_0', 2)]
  expect(new Set(wireIds).size).toBe(wireIds.length)
  expect(wireIds[2]).toBe('call_0')
})

test('a hash that meets an id of the history, or another hash, is taken again', () => {
  const ids = new WireCallIds((text) => (text.includes('\u0000\u0000') ? `again${text.slice(-1)}` : 'same'))
  expect(ids.wireId('call_same')).toBe('call_same')
  expect(ids.wireId('x y')).toBe('call_again1')
  expect(ids.wireId('x z')).toBe('call_again2')
  expect(ids.wireId('call_again1')).not.toBe('call_again1')
})

test('a call and its result get the same id on the wire, and the history keeps its own', () => {
  const id = 'call_'.repeat(20)
  const messages = [
    { role: 'assistant' as const, content: [{ type: 'tool_call' as const, id, name: 'f', input: {} }] },
    { role: 'tool' as const, tool_call_id: id, content: 'ok' },
  ]
  const [call, output] = itemsOf(messages)
  expect(call?.['call_id']).toMatch(/^call_[0-9a-f]{16}$/)
  expect(output?.['call_id']).toBe(call?.['call_id'])
  expect(messages[1]).toEqual({ role: 'tool', tool_call_id: id, content: 'ok' })
})
