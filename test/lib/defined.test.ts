import { expect, test } from 'vitest'
import { defined } from '../../src/lib/index.js'

test('fields without a value are left out, all others stay, null, false and 0 among them', () => {
  expect(Object.entries(defined({ a: undefined, b: null, c: false, d: 0, e: '', f: undefined }))).toEqual([['b', null], ['c', false], ['d', 0], ['e', '']])
})
