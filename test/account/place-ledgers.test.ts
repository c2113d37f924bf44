import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createConcurrencyLimiter, createFileLedger, createMemoryLedger, createRedisLedger, type PlaceLedger } from '../../src/account/index.js'
import { describeFleet } from '../../src/account/describe-fleet.js'
import { createFallbackLedger } from '../../src/account/fallback-ledger.js'
import { dropOwners, RECOVERY_MS, stepPlaces } from '../../src/account/place-rule.js'
import { createPlaceState, LEASE_MS, type PlaceOwner, type PlaceRequest } from '../../src/account/place-state.js'
import { hashRule } from '../../src/account/translate-places.mjs'
import { createRedisConnection } from '../../src/auth/index.js'
import { delay } from '../../src/lib/index.js'
import { startRedis } from '../support/redis.js'

const redisInstalled = spawnSync('redis-server', ['--version']).status === 0
if (!redisInstalled) process.stderr.write('skipped: places in Redis, because no redis-server is installed\n')

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'places-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** Ledgers of one account, as several processes would have them. */
async function openMany(kind: 'file' | 'redis', count: number): Promise<PlaceLedger[]> {
  if (kind === 'file') {
    const path = await folder()
    return Array.from({ length: count }, () => createFileLedger({ folder: path, account: 'one' }))
  }
  const redis = await startRedis(await folder())
  onTestFinished(() => redis.stop())
  return Array.from({ length: count }, () => createRedisLedger({ connection: createRedisConnection({ url: redis.url }), account: 'one' }))
}

/** Asks how things stand, and wants nothing. */
const onlooking = (seq: number): PlaceRequest => ({
  name: 'onlooker', machine: 'other', pid: 1, version: '0', seq, most: 6, running: 0, joined: [], left: [], whole: true, returning: false, served: 0, refusedMs: -1, waitedUntilMs: 0,
})

function limiterOver(ledger: PlaceLedger, limit = 6) {
  const limiter = createConcurrencyLimiter({ limit, ledger, self: { machine: 'made-up', version: '0' } })
  onTestFinished(() => limiter.close())
  return limiter
}

test('the rule in Redis is a translation of the rule as it stands', async () => {
  const translated = await readFile(new URL('../../src/account/place-rule-lua.ts', import.meta.url), 'utf8')
  expect(translated.split('\n')[0]).toBe(`// Generated from place-rule.ts ${hashRule()} by \`node build.config.mjs places\`.`)
})

/** The same ledger, with the number of requests made to it. */
function counting(ledger: PlaceLedger): { counted: PlaceLedger; asked: () => number } {
  let requests = 0
  const counted: PlaceLedger = { ...ledger, get immediate() { return ledger.immediate }, step: (request) => (requests++, ledger.step(request)) }
  return { counted, asked: () => requests }
}

test('calls that begin at once take places ahead in a file where many are free, and what they leave is told soon; of a few places none is taken ahead', async () => {
  const [many, few, onlooker] = await openMany('file', 3) as [PlaceLedger, PlaceLedger, PlaceLedger]
  onTestFinished(() => onlooker.close())
  let seq = 0
  const running = async () => (await onlooker.step(onlooking(++seq))).running
  const timers = new Set<() => void>()
  const schedule = (_ms: number, run: () => void) => {
    timers.add(run)
    return () => void timers.delete(run)
  }
  const { counted, asked } = counting(many)
  const limiter = createConcurrencyLimiter({ limit: 10_000, ledger: counted, schedule, now: () => 1, self: { machine: 'made-up', version: '0' } })
  const places = [await limiter.acquire()]
  for (let n = 1; n < 200; n++) places.push(limiter.tryAcquire() ?? (await limiter.acquire()))
  const ahead = (await running()) - 200
  expect([limiter.running, asked() < 100, ahead >= 0 && ahead <= 16]).toEqual([200, true, true])
  for (const run of [...timers]) run()
  expect(await running()).toBe(200)
  for (const release of places) release()
  await limiter.close()

  const narrow = counting(few)
  const small = limiterOver(narrow.counted)
  const own = [await small.acquire()]
  for (let n = 1; n < 6; n++) own.push(small.tryAcquire() ?? (await small.acquire()))
  expect([await running(), narrow.asked(), small.tryAcquire()]).toEqual([6, 6, undefined])
  for (const release of own) release()
})

test('a file hears of a place that nobody waits for with the next call\'s word, or soon after; at once where somebody waits, and at the end', async () => {
  const [ledger, other, onlooker] = await openMany('file', 3) as [PlaceLedger, PlaceLedger, PlaceLedger]
  onTestFinished(() => onlooker.close())
  const timers: (() => void)[] = []
  const schedule = (_ms: number, run: () => void) => {
    timers.push(run)
    return () => void timers.splice(timers.indexOf(run), 1)
  }
  const limiter = createConcurrencyLimiter({ limit: 2, ledger, schedule, self: { machine: 'made-up', version: '0' } })
  let seq = 0
  const counted = async () => (await onlooker.step(onlooking(++seq))).running
  const first = await limiter.acquire()
  first()
  const late = await counted()
  const second = await limiter.acquire()
  expect([late, await counted(), limiter.running]).toEqual([1, 1, 1])
  second()
  timers.at(-1)?.()
  const soon = await counted()
  const held = [await limiter.acquire(), await limiter.acquire()]
  const waiter = limiterOver(other, 2).acquire()
  await vi.waitFor(async () => expect((await onlooker.step(onlooking(++seq))).waiting).toBe(1), 10_000)
  // Its own word since then has told it of the one that waits.
  limiter.observeRateLimited()
  held[0]?.()
  held[1]?.()
  const release = await waiter
  release()
  const last = await limiter.acquire()
  last()
  await limiter.close()
  await vi.waitFor(async () => expect(await counted()).toBe(0), 10_000)
  expect(soon).toBe(0)
})

test('a place that a file has not heard the return of is taken again without a word to it, until it is told, and not while it gives none', async () => {
  const [ledger, onlooker] = await openMany('file', 2) as [PlaceLedger, PlaceLedger]
  onTestFinished(() => onlooker.close())
  let steps = 0
  const counted: PlaceLedger = { ...ledger, get immediate() { return ledger.immediate }, step: (request) => (steps++, ledger.step(request)) }
  const timers: (() => void)[] = []
  const schedule = (_ms: number, run: () => void) => {
    timers.push(run)
    return () => void timers.splice(timers.indexOf(run), 1)
  }
  const limiter = createConcurrencyLimiter({ limit: 2, ledger: counted, schedule, self: { machine: 'made-up', version: '0' } })
  const first = await limiter.acquire()
  first()
  first()
  const before = steps
  const again = limiter.tryAcquire()
  const asked = [steps - before, limiter.running]
  // Of two, one has to ask.
  const another = limiter.tryAcquire()
  const askedForAnother = steps - before
  another?.()
  timers.at(-1)?.()
  const told = (await onlooker.step(onlooking(1))).running
  const afterTold = steps
  const third = limiter.tryAcquire()
  const askedAfterTold = steps - afterTold
  third?.()
  again?.()
  limiter.observeRateLimited(1500)
  const refused = limiter.tryAcquire()
  expect({ asked, askedForAnother, told, askedAfterTold, refused, running: limiter.running }).toEqual({ asked: [0, 1], askedForAnother: 1, told: 1, askedAfterTold: 1, refused: undefined, running: 0 })
  await limiter.close()
})

describe.each(['file', ...(redisInstalled ? ['redis' as const] : [])] as const)('places counted in a %s', (kind) => {
  test('are six for all processes together, and the longest waiting key is next', async () => {
    const ledgers = await openMany(kind, 5)
    const onlooker = ledgers[4]!
    onTestFinished(() => onlooker.close())
    const limiters = ledgers.slice(0, 4).map((ledger) => limiterOver(ledger))
    const releases = await Promise.all(limiters.slice(0, 3).flatMap((limiter) => [limiter.acquire({ key: 'holder' }), limiter.acquire({ key: 'holder' })]))
    const order: string[] = []
    const waiting: Promise<unknown>[] = []
    for (const [key, at] of [['a', 3], ['a', 3], ['b', 2], ['c', 1]] as const) {
      waiting.push(limiters[at]!.acquire({ key }).then((release) => {
        order.push(key)
        release()
      }))
      for (let seq = 1; (await onlooker.step(onlooking(seq))).waiting < waiting.length; seq++) await delay(5)
    }
    expect(order).toEqual([])
    releases[0]?.()
    await Promise.all(waiting)
    expect(order).toEqual(['a', 'b', 'c', 'a'])
    for (const release of releases) release()
  })

  test('come back in less than five seconds from one that is silent, and its calls count again when it speaks', async () => {
    const [dead, living] = (await openMany(kind, 2)) as [PlaceLedger, PlaceLedger]
    const request: PlaceRequest = {
      name: 'silent', machine: 'other', pid: 1, version: '0', seq: 1, most: 2, running: 0, joined: [{ id: 'x', key: 'k', interactive: false }, { id: 'y', key: 'k', interactive: false }],
      left: [], whole: true, returning: false, served: 0, refusedMs: -1, waitedUntilMs: 0,
    }
    expect((await dead.step(request)).granted).toEqual(['x', 'y'])
    onTestFinished(() => dead.close())
    const limiter = limiterOver(living, 2)
    const startedMs = performance.now()
    const release = await limiter.acquire({ key: 'k' })
    expect(performance.now() - startedMs).toBeLessThan(5000)
    // It was only asleep: what it says of changes means nothing, the whole counts.
    const partial = { ...request, seq: 2, running: 2, joined: [], left: ['x', 'y'], whole: false }
    expect(await dead.step(partial)).toMatchObject({ unknown: true })
    expect(await dead.step({ ...partial, seq: 3, left: [], whole: true })).toMatchObject({ unknown: false, running: 3, limit: 2 })
    release()
  }, 15_000)

  test('show a process without calls too, once, with when it was heard of, until it ends', async () => {
    const [mine, other] = (await openMany(kind, 2)) as [PlaceLedger, PlaceLedger]
    const limiter = createConcurrencyLimiter({ ledger: mine, self: { machine: 'made-up', version: '7' } })
    const onlooker = limiterOver(other)
    const list = async () => (await onlooker.inspect()).members.map(({ machine, version, idle, running, silent_seconds }) => ({ machine, version, idle, running, silent_seconds }))
    const shown = { machine: 'made-up', version: '7', idle: true, running: 0, silent_seconds: 0 }
    const before = await list()
    limiter.open()
    await vi.waitFor(async () => expect(await list()).toEqual([shown]), 10_000)
    const place = await limiter.acquire()
    const busy = await list()
    place()
    await vi.waitFor(async () => expect(await list()).toEqual([shown]), 10_000)
    await limiter.close()
    expect([before, busy, await list()]).toEqual([[], [{ ...shown, idle: false, running: 1 }], []])
  })

  test('a refusal one process saw cuts the limit of all, and holds new calls of all for as long as it says', async () => {
    const [one, other] = (await openMany(kind, 2)).map((ledger) => limiterOver(ledger, 4)) as [ReturnType<typeof limiterOver>, ReturnType<typeof limiterOver>]
    const first = await one.acquire()
    one.observeRateLimited(300)
    const startedMs = performance.now()
    await delay(20)
    const second = await other.acquire()
    expect(other.limit).toBe(2)
    expect(performance.now() - startedMs).toBeGreaterThan(200)
    first()
    second()
  })
})

test.runIf(redisInstalled)('a Redis that was away gives no place of one that it takes for dead before that one could speak', async () => {
  const [ledger] = await openMany('redis', 1) as [PlaceLedger]
  onTestFinished(() => ledger.close())
  const wish = (name: string): PlaceRequest => ({
    name, machine: 'other', pid: 1, version: '0', seq: 1, most: 1, running: 0, joined: [{ id: name, key: 'k', interactive: false }],
    left: [], whole: true, returning: false, served: 0, refusedMs: -1, waitedUntilMs: 0,
  })
  const waiter: PlaceOwner = { name: 'waiter', machine: 'other', pid: 1, version: '0' }
  expect((await ledger.step(wish('holder'))).granted).toEqual(['holder'])
  await delay(700)
  expect(await ledger.step(wish('waiter'))).toMatchObject({ granted: [], waiting: 1 })
  await delay(LEASE_MS - 500)
  expect(await ledger.beat?.(waiter)).toEqual({ known: false, granted: [] })
  expect(await ledger.step({ ...wish('waiter'), seq: 2 })).toMatchObject({ granted: [], pauseUntilMs: expect.any(Number) })
  expect(await ledger.step({ ...wish('holder'), seq: 2, running: 1, joined: [], returning: true })).toMatchObject({ running: 1, waiting: 1 })
})

test.runIf(redisInstalled)('a Redis that is started anew with what it had a while ago counts nobody by it, and gives nothing before all could say what they run', async () => {
  const path = await folder()
  const open = async () => {
    const redis = await startRedis(path)
    onTestFinished(() => redis.stop())
    const connection = createRedisConnection({ url: redis.url })
    onTestFinished(() => connection.close())
    return { redis, connection, ledger: createRedisLedger({ connection, account: 'one' }) }
  }
  const holder: PlaceRequest = { ...onlooking(1), name: 'holder', most: 2, running: 1 }
  const waiter: PlaceRequest = { ...onlooking(1), name: 'waiter', most: 2, joined: [{ id: 'w', key: 'k', interactive: false }] }
  const before = await open()
  await before.ledger.step(holder)
  const kept = await before.connection.command('GET', 'amplifier-chatgpt:{one}:places')
  await before.ledger.step({ ...holder, seq: 2, running: 2, whole: false })
  await before.redis.stop()
  const after = await open()
  await after.connection.command('SET', 'amplifier-chatgpt:{one}:places', String(kept))
  await after.connection.command('ZADD', 'amplifier-chatgpt:{one}:places:seen', String(Date.now()), 'holder')
  const first = await after.ledger.step(waiter)
  expect(first).toMatchObject({ granted: [], running: 0, waiting: 1, pauseUntilMs: expect.any(Number) })
  expect(first.pauseUntilMs - first.nowMs).toBe(RECOVERY_MS)
  expect(await after.ledger.beat?.(holder)).toEqual({ known: false, granted: [] })
  await after.ledger.step({ ...holder, seq: 3, running: 2, returning: true })
  expect(await after.ledger.step({ ...waiter, seq: 2, whole: false, joined: [], waitedUntilMs: first.pauseUntilMs })).toMatchObject({ granted: [], running: 2, waiting: 1, pauseUntilMs: 0 })
  // What one server has counted since its start is not forgotten because a process brings the script anew.
  await after.connection.command('SCRIPT', 'FLUSH')
  expect(await after.ledger.step({ ...waiter, seq: 3, whole: false, joined: [] })).toMatchObject({ unknown: false, running: 2, waiting: 1, pauseUntilMs: 0 })
})

test.runIf(redisInstalled)('Redis and TypeScript decide alike over random lives', async () => {
  const redis = await startRedis(await folder())
  onTestFinished(() => redis.stop())
  const connection = createRedisConnection({ url: redis.url })
  onTestFinished(() => connection.close())
  const ledger = createRedisLedger({ connection, account: 'random' })
  const state = createPlaceState()
  let seed = 20_261_121
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below
  const running = [0, 0, 0]
  const waiting: string[][] = [[], [], []]
  for (let turn = 1; turn <= 400; turn++) {
    const at = random(3)
    const joined = Array.from({ length: random(3) }, (_value, index) => ({ id: `${turn}-${index}`, key: `k${random(4)}`, interactive: random(2) === 0 }))
    const left = waiting[at]!.length > 0 && random(4) === 0 ? [waiting[at]!.pop()!] : []
    running[at] = Math.max(0, running[at]! - random(2))
    const request: PlaceRequest = {
      name: `o${at}`, machine: `m${at}`, pid: at, version: '0', seq: turn, most: 3 + at, running: running[at]!, joined, left,
      whole: false, returning: false, served: random(4), refusedMs: random(20) === 0 ? 0 : -1, waitedUntilMs: 0,
    }
    const ask = (whole: boolean) => ({ ...request, whole, ...(whole ? { left: [], joined: [...waiting[at]!.map((id) => ({ id, key: 'again', interactive: false })), ...joined] } : {}) })
    let theirs = await ledger.step(ask(false))
    let ours = stepPlaces(state, ask(false), theirs.nowMs, [], [])
    if (theirs.unknown) {
      expect(ours.unknown).toBe(true)
      theirs = await ledger.step(ask(true))
      ours = stepPlaces(state, ask(true), theirs.nowMs, [], [])
    }
    expect({ ...theirs, machines: 0 }).toEqual(JSON.parse(JSON.stringify({ ...ours, machines: 0 })))
    waiting[at]!.push(...joined.map(({ id }) => id))
    for (const { owner, id } of theirs.grants) {
      const index = Number(owner.slice(1))
      waiting[index] = waiting[index]!.filter((other) => other !== id)
    }
    running[at] = running[at]! + theirs.granted.length
  }
})

test('a process without calls that has missed two of its words is shown no more', () => {
  const present = [25_000, 26_000, 90_000].map((atMs) => ({ name: `heard of at ${atMs}`, machine: 'm', pid: 1, version: '0', atMs }))
  const { members } = describeFleet(createPlaceState(), 100_500, { scope: 'account', present })
  expect(members.map(({ silent_seconds }) => silent_seconds)).toEqual([75, 11])
})

/** Places in memory for several processes; what a request of one gives to another is told when `tell` is called. */
function openTogether() {
  const state = createPlaceState()
  const watchers = new Map<string, (ids: readonly string[]) => void>()
  const pending: { owner: string; id: string }[] = []
  const note = (grants: readonly { owner: string; id: string }[], asking: string) => void pending.push(...grants.filter(({ owner }) => owner !== asking))
  return {
    state,
    dropAll(owners: readonly string[]) { note(dropOwners(state, owners, 0, []), '') },
    tell() { for (const { owner, id } of pending.splice(0)) watchers.get(owner)?.([id]) },
    open: (): PlaceLedger => ({
      scope: 'account', immediate: true,
      step(request) {
        const outcome = stepPlaces(state, request, 0, [], [])
        note(outcome.grants, request.name)
        return outcome
      },
      beat: async ({ name }) => ({ known: state.owners.some((owner) => owner.name === name), granted: [] }),
      watch(owner, granted) {
        watchers.set(owner.name, granted)
        return () => void watchers.delete(owner.name)
      },
      inspect: async () => describeFleet(state, 0, { scope: 'account' }),
      close: async () => undefined,
    }),
  }
}

test('a place that a process hears of after it stood still for a lease is not taken: it says anew that it waits', async () => {
  const together = openTogether()
  let asleepMs = 0
  const [holder, third] = [limiterOver(together.open(), 1), limiterOver(together.open(), 1)]
  const sleeper = createConcurrencyLimiter({ limit: 1, ledger: together.open(), now: () => asleepMs, self: { machine: 'made-up', version: 'sleeper' } })
  onTestFinished(() => sleeper.close())
  const held = await holder.acquire()
  let begun = false
  const waiting = sleeper.acquire().then((release) => {
    begun = true
    return release
  })
  held()
  expect(together.state.owners).toMatchObject([{ version: 'sleeper', granted: [expect.any(String)] }])
  asleepMs = 5000
  together.dropAll(together.state.owners.map(({ name }) => name))
  const next = await third.acquire()
  together.tell()
  await delay(0)
  expect([begun, sleeper.waiting, third.running]).toEqual([false, 1, 1])
  next()
  together.tell()
  ;(await waiting)()
  expect([begun, sleeper.running]).toEqual([true, 0])
})

test('a place that was given before a process stood still for a lease is another\'s when it wakes: a call that has not left asks anew', async () => {
  const together = openTogether()
  let asleepMs = 0
  const third = limiterOver(together.open(), 1)
  const sleeper = createConcurrencyLimiter({ limit: 1, ledger: together.open(), now: () => asleepMs, self: { machine: 'made-up', version: 'sleeper' } })
  onTestFinished(() => sleeper.close())
  const place = await sleeper.acquire()
  const heldAtOnce = sleeper.holds(place)
  asleepMs = 5000
  together.dropAll(together.state.owners.map(({ name }) => name))
  const others = await third.acquire()
  const heldAwake = sleeper.holds(place)
  place()
  let begun = false
  const anew = sleeper.acquire().then((given) => {
    begun = true
    return given
  })
  await delay(0)
  expect([heldAtOnce, heldAwake, begun, third.running]).toEqual([true, false, false, 1])
  others()
  together.tell()
  expect(sleeper.holds(await anew)).toBe(true)
})

test('a ledger that has lost sight of a process counts its calls anew, and those that have not left by then ask anew', async () => {
  const together = openTogether()
  const limiter = limiterOver(together.open(), 3)
  const before = await limiter.acquire()
  together.dropAll(together.state.owners.map(({ name }) => name))
  const after = await limiter.acquire()
  expect([limiter.holds(before), limiter.holds(after), together.state.owners.map(({ running }) => running)]).toEqual([false, true, [1]])
})

test('a process that stood still while it waited for the ledger asks again, and takes no share beside it', async () => {
  let nowMs = 0
  let answers = 0
  const shared = createMemoryLedger()
  const ledger: PlaceLedger = {
    scope: 'account', immediate: false,
    async step(request) {
      if (++answers > 1) return shared.step(request)
      nowMs += 6000
      throw new Error('timed out')
    },
    inspect: () => shared.inspect(), close: async () => undefined,
  }
  const warnings: string[] = []
  const fallback = createFallbackLedger({ ledger, local: createMemoryLedger(), shared: true, warn: (share) => warnings.push(share), now: () => nowMs })
  const limiter = limiterOver(fallback)
  ;(await limiter.acquire())()
  expect([fallback.scope, warnings, limiter.limit]).toEqual(['account', [], 6])
})

test('a ledger that cannot be reached is left for a share of the places, with one warning, and taken up again by itself', async () => {
  const shared = createMemoryLedger()
  let away = false
  const ledger: PlaceLedger = {
    scope: 'account', immediate: false,
    async step(request) {
      if (away) throw new Error('away')
      return { ...(await shared.step(request)), machines: 3 }
    },
    async beat() {
      if (away) throw new Error('away')
      return { known: true, granted: [] }
    },
    inspect: () => shared.inspect(),
    close: async () => undefined,
  }
  const warnings: string[] = []
  let nowMs = 0
  const fallback = createFallbackLedger({ ledger, local: createMemoryLedger(), shared: true, warn: (share) => warnings.push(share), now: () => nowMs })
  const limiter = limiterOver(fallback, 6)
  const first = await limiter.acquire()
  away = true
  const second = await limiter.acquire()
  const third = limiter.acquire()
  await delay(300)
  expect([warnings, limiter.limit, limiter.running, limiter.waiting, fallback.scope]).toEqual([['2 of 6'], 2, 2, 1, 'process'])
  first()
  ;(await third)()
  away = false
  nowMs = 5000
  await delay(1000)
  expect([fallback.scope, warnings]).toEqual(['account', ['2 of 6']])
  ;(await limiter.acquire())()
  expect(limiter.limit).toBe(6)
  second()
})

test('a process that missed its last word is given a place after all others that wait, whatever their class', () => {
  const state = createPlaceState()
  const wait = (name: string, interactive: boolean): PlaceRequest => ({ ...onlooking(1), name, most: 1, joined: [{ id: name, key: name, interactive }] })
  stepPlaces(state, { ...onlooking(1), name: 'holder', most: 1, running: 1 }, 0, [], [])
  for (const [name, interactive] of [['quiet', true], ['heard', false]] as const) stepPlaces(state, wait(name, interactive), 0, [], [])
  const first = stepPlaces(state, { ...onlooking(2), name: 'holder', most: 1, whole: false }, 1, [], ['quiet'])
  const second = stepPlaces(state, { ...onlooking(2), name: 'heard', most: 1, running: 0, left: ['heard'], whole: false }, 2, [], ['quiet'])
  expect([first, second].map(({ grants }) => grants.map(({ owner }) => owner))).toEqual([['heard'], ['quiet']])
})

test('a share goes by the machines of the last ten minutes, also where the ledger has lost its data since', async () => {
  const shared = createMemoryLedger()
  const told = [3, 1]
  const ledger: PlaceLedger = {
    scope: 'account', immediate: false, inspect: () => shared.inspect(), close: async () => undefined,
    async step(request) {
      const machines = told.shift()
      if (machines === undefined) throw new Error('away')
      return { ...(await shared.step(request)), machines }
    },
  }
  const warnings: string[] = []
  const limiter = limiterOver(createFallbackLedger({ ledger, local: createMemoryLedger(), shared: true, warn: (share) => warnings.push(share) }))
  ;(await limiter.acquire())()
  await vi.waitFor(() => expect(told).toEqual([]), 10_000)
  await limiter.acquire()
  expect([warnings, limiter.limit]).toEqual([['2 of 6'], 2])
})
