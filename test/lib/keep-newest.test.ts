import { expect, test } from 'vitest'
import { keepNewest } from '../../src/lib/index.js'

test('an entry that is set again is the newest, and the oldest goes where there are too many', () => {
  const kept = new Map<string, number>()
  for (const [key, value] of [['a', 1], ['b', 2], ['a', 3], ['c', 4]] as const) keepNewest(kept, key, value, 2)
  expect([...kept]).toEqual([['a', 3], ['c', 4]])
})
