import { expect, test } from 'vitest'
import { ItemTracker } from '../../src/responses/find-item.js'

const added = (type: string, place: { output_index?: number; id?: string; call_id?: string } = {}) => {
  const { output_index, ...ids } = place
  return { type: 'response.output_item.added' as const, ...(output_index === undefined ? {} : { output_index }), item: { type, ...ids } }
}

test('a delta without a place and a name goes to the newest unfinished item of its kind', () => {
  const tracker = new ItemTracker()
  const first = tracker.forItem(added('function_call', { output_index: 0, id: 'a' }))
  const second = tracker.forItem(added('function_call', { output_index: 1, id: 'b' }))
  tracker.forItem(added('message', { output_index: 2, id: 'c' }))
  expect(tracker.forDelta({}, 'call')).toBe(second)
  second.done = true
  expect(tracker.forDelta({}, 'call')).toBe(first)
  first.done = true
  const third = tracker.forDelta({}, 'call')
  expect([first, second].includes(third)).toBe(false)
  expect(tracker.items).toHaveLength(4)
})

test.each([[{ output_index: 1 }], [{ item_id: 'b' }], [{ call_id: 'call_b' }]])('a delta that names another item (%j) gets one of its own', (reference) => {
  const tracker = new ItemTracker()
  const open = tracker.forItem(added('function_call', { output_index: 0, id: 'a', call_id: 'call_a' }))
  const made = tracker.forDelta(reference, 'call')
  expect(made).not.toBe(open)
  expect(tracker.forDelta(reference, 'call')).toBe(made)
  expect([made.index, made.itemId, made.callId]).toEqual([
    'output_index' in reference ? 1 : undefined, 'item_id' in reference ? 'b' : undefined, 'call_id' in reference ? 'call_b' : undefined,
  ])
})

test('an item keeps the place and the ids that it was first given', () => {
  const tracker = new ItemTracker()
  const item = tracker.forDelta({ output_index: 0 }, 'call')
  expect(tracker.forItem({ ...added('function_call', { output_index: 0, id: 'a', call_id: 'call_a' }) })).toBe(item)
  expect([item.index, item.itemId, item.callId]).toEqual([0, 'a', 'call_a'])
  tracker.forDelta({ item_id: 'a', output_index: 7 }, 'call')
  expect([item.index, item.itemId, item.callId]).toEqual([0, 'a', 'call_a'])
})

test('a delta at the place of a finished item is of that item, unless it names another', () => {
  const tracker = new ItemTracker()
  const item = tracker.forItem(added('function_call', { output_index: 0, id: 'a' }))
  item.done = true
  expect(tracker.forDelta({ output_index: 0 }, 'call')).toBe(item)
  expect(tracker.forDelta({ output_index: 0, item_id: 'a' }, 'call')).toBe(item)
  expect(tracker.forDelta({ output_index: 0, item_id: 'b' }, 'call')).not.toBe(item)
})

test('a place that is not finished keeps its item, whatever id the delta has', () => {
  const tracker = new ItemTracker()
  const item = tracker.forItem(added('function_call', { output_index: 0, id: 'a' }))
  tracker.forItem(added('message', { output_index: 1, id: 'm' }))
  expect(tracker.forDelta({ output_index: 0, item_id: 'b' }, 'call')).toBe(item)
})

test('a call id that is no text names nothing', () => {
  const tracker = new ItemTracker()
  const reference = { call_id: 5 } as unknown as { call_id: string }
  expect(tracker.forDelta(reference, 'call').callId).toBeUndefined()
})

test('an id is found whether it is the item\'s or the call\'s, and no id finds nothing', () => {
  const tracker = new ItemTracker()
  const item = tracker.forItem(added('function_call', { output_index: 0, id: 'a', call_id: 'call_a' }))
  expect([tracker.find({ id: 'a' }), tracker.find({ call_id: 'call_a' }), tracker.find({ id: 'x', call_id: 'call_a' }), tracker.find({}), tracker.find({ id: 'x' })])
    .toEqual([item, item, item, undefined, undefined])
})
