import { expect, test } from 'vitest'
import { createStamp } from '../../src/lib/index.js'

test('a stamp is the present time in ISO 8601, also where the clock stands, goes on and is set back', () => {
  let nowMs = Date.parse('2026-01-02T03:04:05.006Z')
  const stamp = createStamp(() => nowMs)
  const read = (ms: number) => {
    nowMs += ms
    return stamp()
  }
  expect([read(0), read(0), read(994), read(-1000)]).toEqual([
    '2026-01-02T03:04:05.006Z', '2026-01-02T03:04:05.006Z', '2026-01-02T03:04:06.000Z', '2026-01-02T03:04:05.000Z',
  ])
})
