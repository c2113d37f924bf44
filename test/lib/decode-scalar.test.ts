import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeMoment, decodeNumber, formatMoment, momentAfter } from '../../src/lib/index.js'
import { cases, SEED } from '../support/made-up.js'

const AT = Date.UTC(2026, 10, 21, 15, 42, 27)

describe('a moment is read from', () => {
  test.each([
    ['seconds', AT / 1000], ['seconds as text', String(AT / 1000)], ['milliseconds', AT], ['milliseconds as text', ` ${AT} `],
    ['ISO 8601', '2026-11-21T15:42:27Z'], ['ISO 8601 without a zone, as UTC', '2026-11-21T15:42:27'], ['with a space', '2026-11-21 15:42:27'],
    ['with an offset', '2026-11-21T17:42:27+02:00'], ['with an offset without a colon', '2026-11-21 17:42:27+0200'],
    ['with microseconds', '2026-11-21T15:42:27.000999+00:00'],
    ['an HTTP date', 'Sat, 21 Nov 2026 15:42:27 GMT'], ['RFC 850', 'Saturday, 21-Nov-26 15:42:27 GMT'], ['asctime', 'Sat Nov 21 15:42:27 2026'],
  ])('%s', (_name, value) => {
    expect(decodeMoment(value)).toBe(AT)
  })

  test('a date alone is its beginning in UTC', () => {
    expect(decodeMoment('2026-11-21')).toBe(Date.UTC(2026, 10, 21))
  })
})

test.each([1e18, 1e13 * 1000, '1e300', -1, 0, Number.NaN, Number.POSITIVE_INFINITY, '', ' ', 'soon', 'hello 5', '-5', '2026-13-40T00:00:00Z', '+275760-09-13T00:00:00Z', null, [], {}, true])(
  'no moment is read from %j', (value) => {
    expect(decodeMoment(value)).toBeUndefined()
  })

test('a number is read from text too, and is absent out of its range', () => {
  const range = { least: 0, most: 100 }
  expect([0, '100', ' 7.5 ', '1e2', 101, -1, '', '0x10', 'NaN', '1_0', null, Number.NaN].map((value) => decodeNumber(value, range)))
    .toEqual([0, 100, 7.5, 100, undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined])
})

test('nothing from outside makes either throw, and what is written reads back as the same moment', () => {
  const anything = fc.oneof(fc.anything(), fc.double(), fc.maxSafeInteger(), fc.bigInt(), fc.string(), fc.date().map(String), fc.double().map(String))
  fc.assert(fc.property(anything, anything, (value, span) => {
    for (const at of [decodeMoment(value), momentAfter(AT, decodeNumber(span))]) {
      const text = formatMoment(at)
      expect(decodeMoment(text)).toBe(at)
    }
    if (typeof value === 'number') expect(decodeMoment(formatMoment(value))).toBe(formatMoment(value) === undefined ? undefined : Math.trunc(value))
  }), { seed: SEED, numRuns: cases(2000) })
})
