import { describe, expect, test } from 'vitest'
import { createConcurrencyLimiter, createMemoryLedger, type ConcurrencyLimiter } from '../../src/account/index.js'
import { cases, SEED } from '../support/made-up.js'

interface Clock {
  ms: number
  timers: { atMs: number; run: () => void }[]
  advance(ms: number): Promise<void>
}

function createClock(): Clock {
  const clock: Clock = {
    ms: 0,
    timers: [],
    async advance(ms) {
      clock.ms += ms
      for (const timer of clock.timers.filter(({ atMs }) => atMs <= clock.ms)) {
        clock.timers.splice(clock.timers.indexOf(timer), 1)
        timer.run()
      }
      await settle()
    },
  }
  return clock
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

function createBench(limit?: number): { limiter: ConcurrencyLimiter; clock: Clock } {
  const clock = createClock()
  const limiter = createConcurrencyLimiter({
    limit,
    now: () => clock.ms,
    schedule(ms, run) {
      const timer = { atMs: clock.ms + ms, run }
      clock.timers.push(timer)
      return () => { if (clock.timers.includes(timer)) clock.timers.splice(clock.timers.indexOf(timer), 1) }
    },
  })
  return { limiter, clock }
}

/** Fills the places, then lets the named ones queue; what it answers tells who came in, in order. */
async function queue(limiter: ConcurrencyLimiter, names: { name: string; key?: string; interactive?: boolean; signal?: AbortSignal }[]) {
  const fill = limiter.limit - limiter.running
  const holders = await Promise.all(Array.from({ length: fill }, () => limiter.acquire({ key: 'holder' })))
  const order: string[] = []
  const releases: (() => void)[] = []
  const waits = names.map(({ name, ...options }) => limiter.acquire(options).then((release) => {
    order.push(name)
    releases.push(release)
  }))
  await settle()
  return { holders, order, releases, waits }
}

test('gives six places unless told otherwise, the next call waits for one, and giving back twice counts once', async () => {
  const { limiter } = createBench()
  const { holders, order } = await queue(limiter, [{ name: 'seventh' }, { name: 'eighth' }])
  expect([limiter.limit, limiter.running, limiter.waiting]).toEqual([6, 6, 2])
  holders[0]?.()
  holders[0]?.()
  await settle()
  expect(order).toEqual(['seventh'])
  expect([limiter.running, limiter.waiting]).toEqual([6, 1])
})

test.each([0, -3, 1, 1.9])('has one place at least (limit %d)', (limit) => {
  expect(createBench(limit).limiter.limit).toBe(1)
})

test('places go round the keys, first come first served within one', async () => {
  const { limiter } = createBench(1)
  const { holders, order, releases } = await queue(limiter, [
    { name: 'a1', key: 'a' }, { name: 'a2', key: 'a' }, { name: 'a3', key: 'a' }, { name: 'b1', key: 'b' }, { name: 'c1', key: 'c' }, { name: 'b2', key: 'b' },
  ])
  holders[0]?.()
  for (let turn = 0; turn < 6; turn++) {
    await settle()
    releases[turn]?.()
  }
  expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3'])
})

test('interactive calls go ahead, but after eight in a row a waiting background call has its turn', async () => {
  const { limiter } = createBench(1)
  const { holders, order, releases } = await queue(limiter, [
    { name: 'background 1', key: 'a' }, { name: 'background 2', key: 'a' },
    ...Array.from({ length: 10 }, (_value, index) => ({ name: `interactive ${index + 1}`, key: 'a', interactive: true })),
  ])
  holders[0]?.()
  for (let turn = 0; turn < 12; turn++) {
    await settle()
    releases[turn]?.()
  }
  expect(order.slice(0, 8)).toEqual(Array.from({ length: 8 }, (_value, index) => `interactive ${index + 1}`))
  expect(order.slice(8)).toEqual(['background 1', 'interactive 9', 'interactive 10', 'background 2'])
})

test('a wait that is aborted rejects with its reason, leaves its place in the line and no listener', async () => {
  const { limiter } = createBench(1)
  const abort = new AbortController()
  const { holders, order, waits } = await queue(limiter, [{ name: 'leaves', signal: abort.signal }, { name: 'stays' }])
  abort.abort(new Error('gone'))
  await expect(waits[0]).rejects.toThrow('gone')
  expect(limiter.waiting).toBe(1)
  holders[0]?.()
  await settle()
  expect(order).toEqual(['stays'])
  await expect(limiter.acquire({ signal: abort.signal })).rejects.toThrow('gone')
  expect(limiter.running).toBe(1)
})

test('an abort after the place was given takes nothing back', async () => {
  const { limiter } = createBench(1)
  const abort = new AbortController()
  const { holders, waits, releases } = await queue(limiter, [{ name: 'served', signal: abort.signal }])
  holders[0]?.()
  await waits[0]
  abort.abort(new Error('late'))
  expect(limiter.running).toBe(1)
  releases[0]?.()
  expect([limiter.running, limiter.waiting]).toEqual([0, 0])
})

describe('refusals for too many calls', () => {
  test('halve the limit, once for those of one moment, down to one; successes bring it back one by one', async () => {
    const { limiter, clock } = createBench(6)
    const limits: number[] = []
    for (let moment = 0; moment < 4; moment++) {
      for (let call = 0; call < 5; call++) limiter.observeRateLimited()
      limits.push(limiter.limit)
      await clock.advance(2000)
    }
    expect(limits).toEqual([3, 1, 1, 1])
    const served: number[] = []
    for (let target = 2; target <= 6; target++) {
      let count = 0
      while (limiter.limit < target) {
        limiter.observeServed()
        count++
      }
      served.push(count)
    }
    expect(served).toEqual([4, 4, 6, 8, 10])
    for (let more = 0; more < 100; more++) limiter.observeServed()
    expect(limiter.limit).toBe(6)
  })

  test('begin the count of successes anew', () => {
    const { limiter, clock } = createBench(2)
    limiter.observeRateLimited()
    for (let call = 0; call < 3; call++) limiter.observeServed()
    clock.ms += 100
    limiter.observeRateLimited()
    for (let call = 0; call < 3; call++) limiter.observeServed()
    expect(limiter.limit).toBe(1)
    limiter.observeServed()
    expect(limiter.limit).toBe(2)
  })

  test('hold new calls back for as long as told, ten seconds at most, with one timer and only while somebody waits', async () => {
    const { limiter, clock } = createBench(4)
    limiter.observeRateLimited(1500)
    expect(clock.timers).toHaveLength(0)
    const abort = new AbortController()
    let served = 0
    const first = limiter.acquire().then((release) => {
      served++
      release()
    })
    const second = limiter.acquire({ signal: abort.signal })
    expect([clock.timers.length, limiter.waiting]).toEqual([1, 2])
    abort.abort(new Error('gone'))
    await expect(second).rejects.toThrow('gone')
    await clock.advance(1499)
    expect(served).toBe(0)
    await clock.advance(1)
    await first
    expect([served, clock.timers.length]).toEqual([1, 0])
    limiter.observeRateLimited(600_000)
    const third = limiter.acquire()
    await clock.advance(9999)
    expect(limiter.waiting).toBe(1)
    await clock.advance(1)
    ;(await third)()
    limiter.observeRateLimited(Number.NaN)
    ;(await limiter.acquire())()
  })

  test('hold nobody for ever where the clock stands still', async () => {
    const limiter = createConcurrencyLimiter({ limit: 2, now: () => 5 })
    limiter.observeRateLimited(20)
    ;(await limiter.acquire())()
    ;(await limiter.acquire())()
    expect(limiter.running).toBe(0)
  })

  test('leave no timer when the last who waits goes away', async () => {
    const { limiter, clock } = createBench(1)
    limiter.observeRateLimited(5000)
    const abort = new AbortController()
    const wait = limiter.acquire({ signal: abort.signal })
    abort.abort(new Error('gone'))
    await expect(wait).rejects.toThrow('gone')
    expect(clock.timers).toHaveLength(0)
  })

  test('that come while calls run let them end and admit fewer behind them', async () => {
    const { limiter } = createBench(4)
    const { holders, order } = await queue(limiter, [{ name: 'one' }, { name: 'two' }, { name: 'three' }])
    limiter.observeRateLimited()
    expect([limiter.limit, limiter.running]).toEqual([2, 4])
    holders[0]?.()
    holders[1]?.()
    await settle()
    expect([order, limiter.running]).toEqual([[], 2])
    holders[2]?.()
    await settle()
    expect([order, limiter.running]).toEqual([['one'], 2])
  })
})

/** mulberry32: small, seeded, good enough to shuffle with. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

describe('over random lives', () => {
  test(`never more than the limit begin, nobody starves, and at the end nothing is left (seed ${SEED})`, async () => {
    const random = createRandom(SEED)
    const pick = (count: number) => Math.floor(random() * count)
    for (let life = 0; life < cases(30); life++) {
      const { limiter, clock } = createBench(1 + pick(6))
      const most = limiter.limit
      const running: (() => void)[] = []
      let begun = 0
      let gone = 0
      let asked = 0
      const waiting = new Map<number, { since: number; abort: AbortController; key: string; ahead: number }>()
      const longest = { turns: 0 }
      const ask = () => {
        const id = asked++
        const abort = new AbortController()
        const key = `k${pick(4)}`
        waiting.set(id, { since: begun, abort, key, ahead: waiting.size })
        limiter.acquire({ key, interactive: random() < 0.5, signal: abort.signal }).then((release) => {
          const entry = waiting.get(id)!
          waiting.delete(id)
          // One that begins must have found a place.
          expect(limiter.running).toBeLessThanOrEqual(most)
          // Nine places for each background call of four keys ahead of it is the worst that the rules allow.
          longest.turns = Math.max(longest.turns, begun - entry.since - 9 * 4 * (entry.ahead + 1))
          begun++
          running.push(release)
        }, () => {
          waiting.delete(id)
          gone++
        })
      }
      for (let step = 0; step < 200; step++) {
        const dice = random()
        if (dice < 0.5) ask()
        else if (dice < 0.8 && running.length > 0) {
          const [release] = running.splice(pick(running.length), 1)
          release?.()
          if (random() < 0.2) release?.()
          limiter.observeServed()
        } else if (dice < 0.85) limiter.observeRateLimited(random() < 0.5 ? pick(3000) : undefined)
        else if (dice < 0.9 && waiting.size > 0) [...waiting.values()][pick(waiting.size)]?.abort.abort(new Error('gone'))
        const before = limiter.running
        const limitBefore = limiter.limit
        await clock.advance(pick(500))
        // Cuts may leave more running than the new limit; then no new one begins.
        expect(limiter.running).toBeLessThanOrEqual(Math.max(before, limitBefore, limiter.limit))
        expect(limiter.running).toBe(running.length)
      }
      for (let turn = 0; limiter.waiting > 0 && turn < 1000; turn++) {
        running.shift()?.()
        await clock.advance(10_000)
      }
      running.splice(0).forEach((release) => release())
      expect([limiter.waiting, limiter.running, begun + gone, longest.turns, clock.timers.length]).toEqual([0, 0, asked, 0, 0])
    }
  })
})

describe('ten thousand calls that wait in one process', () => {
  /** The ledger itself, and how many it knew of at most. */
  function createWatched() {
    const ledger = createMemoryLedger()
    const seen = { most: 0, words: 0 }
    const step: typeof ledger.step = (request) => {
      const outcome = ledger.step(request)
      seen.words++
      if (!(outcome instanceof Promise)) seen.most = Math.max(seen.most, outcome.waiting)
      return outcome
    }
    return { seen, limiter: createConcurrencyLimiter({ limit: 6, ledger: { ...ledger, step } }) }
  }

  test('all run, the keys by turns; the ledger knows of a few hundred at a time', async () => {
    const { limiter, seen } = createWatched()
    const order: string[] = []
    const calls = Array.from({ length: 10_000 }, (_value, at) => ({ key: `k${at % 50}`, name: `${at}` }))
    const start = ({ key, name, interactive = false }: { key: string; name: string; interactive?: boolean }) => limiter.acquire({ key, interactive }).then(async (release) => {
      order.push(name)
      await settle()
      release()
    })
    const waits = calls.map(start)
    expect([limiter.running, limiter.waiting, seen.most]).toEqual([6, 9994, 256])
    const late = [start({ key: 'late', name: 'late' }), start({ key: 'urgent', name: 'urgent', interactive: true })]
    await Promise.all([...waits, ...late])
    expect([order.length, new Set(order).size, limiter.running, limiter.waiting]).toEqual([10_002, 10_002, 0, 0])
    // The urgent one passes those that wait, the late one whatever its key has not waited for.
    expect(order.indexOf('urgent')).toBeLessThan(20)
    expect(order.indexOf('late')).toBeLessThan(600)
    // A word for each that joined while it was told, for each that left, and for some hundred at once.
    expect(seen.words).toBeLessThan(11_000)
  })

  test('that give up leave nothing behind, whether the ledger knew of them or not', async () => {
    const { limiter } = createWatched()
    const held = await Promise.all(Array.from({ length: 6 }, () => limiter.acquire()))
    const giveUp = new AbortController()
    const waits = Array.from({ length: 10_000 }, (_value, at) => limiter.acquire({ key: `k${at}`, signal: giveUp.signal }).catch((error: unknown) => error))
    const last = limiter.acquire({ key: 'last' })
    giveUp.abort(new Error('made up'))
    expect(new Set((await Promise.all(waits)).map(String))).toEqual(new Set(['Error: made up']))
    expect(limiter.waiting).toBe(1)
    held[0]?.()
    ;(await last)()
    for (const release of held) release()
    expect([limiter.running, limiter.waiting]).toEqual([0, 0])
  })
})
