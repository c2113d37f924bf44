import { expect, test } from 'vitest'
import { canonicalJson } from '../../src/responses/canonical-json.js'

test('equal values have one text, whatever order their keys were set in, at any depth', () => {
  const text = '{"a":[{"c":1,"d":null},"z","a"],"b":{"B":2,"a":1,"e":false}}'
  expect(canonicalJson({ b: { e: false, a: 1, B: 2 }, a: [{ d: null, c: 1 }, 'z', 'a'] })).toBe(text)
  expect(canonicalJson({ a: [{ c: 1, d: null }, 'z', 'a'], b: { B: 2, a: 1, e: false } })).toBe(text)
})

test('values that differ, in the order of a list too, have different texts', () => {
  expect(new Set([{ a: 1 }, { a: '1' }, { a: [1, 2] }, { a: [2, 1] }, { a: null }, {}, null, []].map(canonicalJson)).size).toBe(8)
})

test('what JSON has no text for is null', () => {
  expect(canonicalJson(undefined)).toBe('null')
})
