import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CallClocks } from '../../src/provider/limit-call.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

/** The codes of what expired, each with the moment it did. */
function watch(limits: { totalTimeoutMs?: number; idleTimeoutMs?: number }) {
  const startedMs = performance.now()
  const expired: [code: string | undefined, atMs: number][] = []
  const clocks = new CallClocks({ provider: 'p', ...limits }, (reason) => void expired.push([reason.code, performance.now() - startedMs]))
  return { clocks, expired }
}

describe('the clocks of a call', () => {
  test('end it when it has taken longer than its whole limit, and leave no timer once they are stopped', () => {
    const { clocks, expired } = watch({ totalTimeoutMs: 2000 })
    vi.advanceTimersByTime(1999)
    expect(expired).toEqual([])
    vi.advanceTimersByTime(1)
    expect(expired).toEqual([['total_timeout', 2000]])
    const other = watch({ totalTimeoutMs: 2000 })
    other.clocks.offered()
    other.clocks.stop()
    clocks.stop()
    expect(vi.getTimerCount()).toBe(0)
    expect(watch({}).expired).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('count the time that something waits for its reader from when it was offered last', () => {
    const { clocks, expired } = watch({ idleTimeoutMs: 300 })
    clocks.offered()
    vi.advanceTimersByTime(100)
    clocks.taken()
    vi.advanceTimersByTime(100)
    clocks.offered()
    vi.advanceTimersByTime(299)
    expect(expired).toEqual([])
    vi.advanceTimersByTime(1)
    expect(expired).toEqual([['stalled_reader', 500]])
  })

  test('end nothing while the reader has taken all, and count again with the next offer', () => {
    const { clocks, expired } = watch({ idleTimeoutMs: 300 })
    clocks.offered()
    clocks.taken()
    vi.advanceTimersByTime(10_000)
    expect([expired, vi.getTimerCount()]).toEqual([[], 0])
    clocks.offered()
    vi.advanceTimersByTime(300)
    expect(expired).toEqual([['stalled_reader', 10_300]])
  })

  test.each([undefined, 0, -1, 2 ** 31])('give a reader 300 s where the limit on silence is %s', (idleTimeoutMs) => {
    const { clocks, expired } = watch(idleTimeoutMs === undefined ? {} : { idleTimeoutMs })
    clocks.offered()
    vi.advanceTimersByTime(299_999)
    expect(expired).toEqual([])
    vi.advanceTimersByTime(1)
    expect(expired).toEqual([['stalled_reader', 300_000]])
  })

  test('take the longest limit that a timer can have', () => {
    const { clocks, expired } = watch({ idleTimeoutMs: 2 ** 31 - 1 })
    clocks.offered()
    vi.advanceTimersByTime(2 ** 31 - 1)
    expect(expired).toEqual([['stalled_reader', 2 ** 31 - 1]])
  })
})
