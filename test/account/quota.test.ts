import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { createQuota, createStateFile, type Quota } from '../../src/account/index.js'
import { cases, SEED } from '../support/made-up.js'

const START = Date.UTC(2026, 10, 20, 12)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const folders: string[] = []
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })))
})

function createBench(): { quota: Quota; clock: { ms: number } } {
  const clock = { ms: START }
  return { quota: createQuota({ now: () => clock.ms }), clock }
}

const headers = (active: string, used: number, resetsAtMs: number) => ({
  'x-codex-active-limit': active, 'x-codex-primary-used-percent': String(used), 'x-codex-primary-window-minutes': '300',
  'x-codex-primary-reset-at': String(resetsAtMs / 1000),
})

describe('a model with a used-up quota', () => {
  test('is skipped until its reset, then exactly one caller probes, and a served probe clears it', () => {
    const { quota, clock } = createBench()
    expect(quota.verdict('m')).toEqual({ probe: false })
    quota.observeExhausted({ model: 'm', resetsAtMs: START + HOUR })
    expect(quota.verdict('m')).toEqual({ exhaustedUntilMs: START + HOUR, probe: false })
    expect(quota.verdict('other')).toEqual({ probe: false })
    clock.ms = START + HOUR
    expect(quota.inspect('m')).toEqual({ probe: true })
    expect(Array.from({ length: 12 }, () => quota.verdict('m').probe)).toEqual([true, ...Array.from({ length: 11 }, () => false)])
    expect(quota.verdict('m').exhaustedUntilMs).toBeGreaterThan(clock.ms)
    quota.observeServed('m')
    expect(quota.verdict('m')).toEqual({ probe: false })
  })

  test('that refuses its probe is skipped until the new reset', () => {
    const { quota, clock } = createBench()
    quota.observeExhausted({ model: 'm', resetsAtMs: START + HOUR })
    clock.ms = START + HOUR
    expect(quota.verdict('m').probe).toBe(true)
    quota.observeExhausted({ model: 'm', resetsAtMs: START + 3 * HOUR })
    expect(quota.verdict('m')).toEqual({ exhaustedUntilMs: START + 3 * HOUR, probe: false })
  })

  test('has its probe passed on when it is given back, or when nothing is heard of it for two minutes', () => {
    const { quota, clock } = createBench()
    quota.observeExhausted({ model: 'm', resetsAtMs: START + HOUR })
    clock.ms = START + HOUR
    expect(quota.verdict('m').probe).toBe(true)
    quota.releaseProbe('m')
    expect(quota.verdict('m').probe).toBe(true)
    clock.ms += 2 * MINUTE - 1
    expect(quota.verdict('m').probe).toBe(false)
    clock.ms += 1
    expect(quota.verdict('m').probe).toBe(true)
  })

  test('without a reset is probed after 5 minutes, then twice as late each time, an hour at most', () => {
    const { quota, clock } = createBench()
    const waits: number[] = []
    for (let round = 0; round < 6; round++) {
      quota.observeExhausted({ model: 'm' })
      const { exhaustedUntilMs = 0 } = quota.verdict('m')
      waits.push((exhaustedUntilMs - clock.ms) / MINUTE)
      clock.ms = exhaustedUntilMs
      expect(quota.verdict('m').probe).toBe(true)
    }
    expect(waits).toEqual([5, 10, 20, 40, 60, 60])
  })

  test('counts refusals of calls that were under way together as one', () => {
    const { quota, clock } = createBench()
    for (let call = 0; call < 6; call++) {
      quota.observeExhausted({ model: 'm' })
      clock.ms += 1000
    }
    expect(quota.verdict('m')).toEqual({ exhaustedUntilMs: START + 5 * MINUTE, probe: false })
    quota.observeExhausted({ model: 'm', resetsAtMs: START + HOUR })
    quota.observeExhausted({ model: 'm' })
    expect(quota.verdict('m').exhaustedUntilMs).toBe(START + HOUR)
  })

  test.each([['past', START - 1], ['years away', START + 400 * 24 * HOUR]])('takes a reset that is %s for none', (_title, resetsAtMs) => {
    const { quota } = createBench()
    quota.observeExhausted({ model: 'm', resetsAtMs })
    expect(quota.verdict('m').exhaustedUntilMs).toBe(START + 5 * MINUTE)
  })

  test('takes the end of the full window for the reset that the refusal does not name', () => {
    const { quota } = createBench()
    quota.observeHeaders({
      ...headers('premium', 100, START + 2 * HOUR),
      'x-codex-secondary-used-percent': '60', 'x-codex-secondary-window-minutes': '10080', 'x-codex-secondary-reset-at': String(START / 1000 + 86_400),
    }, 'm')
    quota.observeExhausted({ model: 'm', limitId: 'premium' })
    expect(quota.verdict('m').exhaustedUntilMs).toBe(START + 2 * HOUR)
  })

  test('stays marked when a call that began before the refusal ends well, and is cleared by one that began after', () => {
    const { quota, clock } = createBench()
    clock.ms += 1000
    quota.observeExhausted({ model: 'm', resetsAtMs: START + HOUR })
    clock.ms += 1000
    quota.observeServed('m')
    quota.observeServed('m', { startedAtMs: START })
    expect(quota.verdict('m').exhaustedUntilMs).toBe(START + HOUR)
    quota.observeServed('m', { startedAtMs: START + 1500 })
    expect(quota.verdict('m')).toEqual({ probe: false })
  })
})

describe('a limit that models share', () => {
  test('exhausts the models known to draw on it once its windows stand at 100 %, and their probe is one', () => {
    const { quota, clock } = createBench()
    quota.observeHeaders(headers('premium', 40, START + HOUR), 'a')
    quota.observeHeaders(headers('premium', 41, START + HOUR), 'b')
    quota.observeHeaders({
      'x-codex-active-limit': 'codex_spark', 'x-codex-spark-primary-used-percent': '1', 'x-codex-spark-primary-window-minutes': '300',
    }, 'spark')
    clock.ms += MINUTE
    quota.observeHeaders(headers('premium', 100, START + HOUR), 'a')
    quota.observeExhausted({ model: 'a', limitId: 'premium', resetsAtMs: START + HOUR })
    for (const model of ['a', 'b']) expect(quota.verdict(model)).toEqual({ exhaustedUntilMs: START + HOUR, probe: false })
    for (const model of ['spark', 'never seen']) expect(quota.verdict(model)).toEqual({ probe: false })
    clock.ms = START + HOUR
    expect([quota.verdict('b').probe, quota.verdict('a').probe, quota.verdict('b').probe]).toEqual([true, false, false])
    quota.observeServed('b', { startedAtMs: clock.ms })
    expect(quota.verdict('b')).toEqual({ probe: false })
    expect(quota.verdict('a').probe).toBe(true)
  })

  test('exhausts nobody but the refused model where its windows do not say so', () => {
    const { quota } = createBench()
    quota.observeHeaders(headers('premium', 40, START + HOUR), 'a')
    quota.observeHeaders(headers('premium', 40, START + HOUR), 'b')
    quota.observeExhausted({ model: 'a', limitId: 'premium', resetsAtMs: START + HOUR })
    expect(quota.verdict('b')).toEqual({ probe: false })
  })

  test('does not exhaust a model that has served since its refusals began', () => {
    const { quota, clock } = createBench()
    quota.observeExhausted({ model: 'a', resetsAtMs: START + HOUR })
    clock.ms += 1000
    quota.observeHeaders(headers('premium', 100, START + HOUR), 'b')
    quota.observeServed('b', { startedAtMs: clock.ms })
    quota.observeExhausted({ model: 'a', limitId: 'premium', resetsAtMs: START + HOUR })
    expect(quota.verdict('b')).toEqual({ probe: false })
    expect(quota.verdict('a').exhaustedUntilMs).toBe(START + HOUR)
  })
})

describe('windows', () => {
  test('tell their age and are left out once they have been reset', () => {
    const { quota, clock } = createBench()
    quota.observeHeaders(headers('', 70, START + HOUR))
    clock.ms += 30_400
    expect(quota.windows()).toEqual([
      { limit_id: 'codex', window_minutes: 300, used_percent: 70, resets_at: new Date(START + HOUR).toISOString(), source: 'headers', observed_at: new Date(START).toISOString(), age_seconds: 30 },
    ])
    clock.ms = START + HOUR
    expect(quota.windows()).toEqual([])
  })
})

describe('the kept state', () => {
  const openFile = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'quota-'))
    folders.push(folder)
    return join(folder, 'state.json')
  }
  const open = async (path: string, clock: { ms: number }) => {
    const quota = createQuota({ now: () => clock.ms, persisted: createStateFile(path).persisted('account', 'quota') })
    await quota.ready()
    return quota
  }

  test('outlives a restart: exhaustion, windows and whose limit is whose', async () => {
    const path = await openFile()
    const clock = { ms: START }
    const before = await open(path, clock)
    before.observeHeaders(headers('premium', 30, START + HOUR), 'b')
    before.observeHeaders(headers('premium', 100, START + HOUR), 'a')
    before.observeExhausted({ model: 'a', limitId: 'premium', resetsAtMs: START + HOUR })
    await before.flush()
    clock.ms += MINUTE
    const after = await open(path, clock)
    expect(after.verdict('a')).toEqual({ exhaustedUntilMs: START + HOUR, probe: false })
    expect(after.verdict('b')).toEqual({ exhaustedUntilMs: START + HOUR, probe: false })
    expect(after.windows()).toEqual([{ ...before.windows()[0], age_seconds: 60 }])
  })

  test('takes of two processes whatever was observed last, a clearing too', async () => {
    const path = await openFile()
    const clock = { ms: START }
    const [first, second] = [await open(path, clock), await open(path, clock)]
    first.observeExhausted({ model: 'a', resetsAtMs: START + HOUR })
    first.observeExhausted({ model: 'c', resetsAtMs: START + HOUR })
    await first.flush()
    clock.ms += 1000
    second.observeExhausted({ model: 'b', resetsAtMs: START + HOUR })
    await second.flush()
    expect(second.verdict('a').exhaustedUntilMs).toBe(START + HOUR)
    clock.ms += 1000
    second.observeServed('a', { startedAtMs: clock.ms })
    await second.flush()
    clock.ms += 1000
    first.observeExhausted({ model: 'd', resetsAtMs: START + HOUR })
    await first.flush()
    const third = await open(path, clock)
    expect(['a', 'b', 'c', 'd'].map((model) => third.verdict(model).exhaustedUntilMs)).toEqual([undefined, START + HOUR, START + HOUR, START + HOUR])
    expect(first.verdict('a')).toEqual({ probe: false })
  })

  test('figures that only moved are written together, and flush leaves nothing to be written', async () => {
    const clock = { ms: START }
    let writes = 0
    let stored: unknown
    const quota = createQuota({
      now: () => clock.ms,
      persisted: { load: async () => stored, save: async (value) => { writes++; stored = JSON.parse(JSON.stringify(value)) } },
    })
    for (let used = 0; used < 50; used++) quota.observeHeaders(headers('premium', used, START + HOUR), 'a')
    expect(writes).toBe(0)
    await quota.flush()
    await quota.flush()
    expect(writes).toBe(1)
    quota.observeHeaders(headers('premium', 49, START + HOUR), 'a')
    await quota.flush()
    expect(writes).toBe(1)
    // The same figure, seen again half a minute later: another process is to know that it is not old.
    clock.ms += 30_000
    quota.observeHeaders(headers('premium', 49, START + HOUR), 'a')
    await quota.flush()
    expect(writes).toBe(2)
    const again = createQuota({ now: () => clock.ms, persisted: { load: async () => stored, save: async () => undefined } })
    await again.ready()
    expect(again.windows()[0]).toMatchObject({ used_percent: 49, age_seconds: 0 })
  })

  test.each([
    ['no object', 7], ['of the wrong shape', { windows: {}, marks: [], limit_of: 'x' }],
    ['full of nonsense', { windows: [null, { limit_id: 1 }], marks: { 'model:m': { until_ms: 'soon' } }, limit_of: { m: 3 } }],
    ['from the far future', { marks: { 'model:m': { until_ms: START + 9e12, observed_at_ms: START + 9e12 } } }],
  ])('that is %s counts as none', async (_title, stored) => {
    const quota = createQuota({ now: () => START, persisted: { load: async () => stored, save: async () => undefined } })
    await quota.ready()
    expect(quota.verdict('m')).toEqual({ probe: false })
    expect(quota.windows()).toEqual([])
  })

  test('that cannot be read or written stops nothing', async () => {
    const quota = createQuota({ persisted: { load: () => Promise.reject(new Error('EIO')), save: () => Promise.reject(new Error('EROFS')) } })
    quota.observeExhausted({ model: 'm' })
    await quota.flush()
    expect(quota.verdict('m').exhaustedUntilMs).toBeDefined()
  })
})

describe('whatever happens in whatever order', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('ask' as const), model: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ kind: fc.constant('refuse' as const), model: fc.constantFrom('a', 'b', 'c'), reset: fc.option(fc.integer({ min: -60, max: 600 }), { nil: undefined }), full: fc.boolean() }),
    fc.record({ kind: fc.constant('serve' as const), model: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ kind: fc.constant('wait' as const), minutes: fc.integer({ min: 0, max: 90 }) }),
  )

  test(`one probe at a time, a verdict is either or, and a served probe always ends the skipping (seed ${SEED})`, () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { quota, clock } = createBench()
      const probing = new Map<string, number>()
      for (const action of steps) {
        clock.ms += 1
        if (action.kind === 'wait') clock.ms += action.minutes * MINUTE
        else if (action.kind === 'refuse') {
          const resetsAtMs = action.reset === undefined ? undefined : clock.ms + action.reset * MINUTE
          quota.observeHeaders(headers('premium', action.full ? 100 : 50, clock.ms + HOUR), action.model)
          quota.observeExhausted({ model: action.model, limitId: 'premium', resetsAtMs })
          probing.delete(action.model)
          const { exhaustedUntilMs = 0, probe } = quota.verdict(action.model)
          expect(probe).toBe(false)
          expect(exhaustedUntilMs).toBeGreaterThan(clock.ms)
        } else if (action.kind === 'serve') {
          quota.observeServed(action.model, { startedAtMs: clock.ms })
          probing.delete(action.model)
          expect(quota.verdict(action.model)).toEqual({ probe: false })
        } else {
          const seen = quota.inspect(action.model)
          const verdict = quota.verdict(action.model)
          expect(verdict).toEqual(seen)
          expect(verdict.probe && verdict.exhaustedUntilMs !== undefined).toBe(false)
          if (verdict.exhaustedUntilMs !== undefined) expect(verdict.exhaustedUntilMs).toBeGreaterThan(clock.ms)
          if (!verdict.probe) continue
          expect(clock.ms - (probing.get(action.model) ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(2 * MINUTE)
          probing.set(action.model, clock.ms)
        }
      }
      // Nothing is skipped for ever.
      clock.ms += 63 * 24 * HOUR
      for (const model of ['a', 'b', 'c']) expect(quota.inspect(model).exhaustedUntilMs).toBeUndefined()
    }), { seed: SEED, numRuns: cases(500) })
  })
})

describe('figures that no date and no window can hold', () => {
  test.each([
    ['seconds until the reset', { 'x-codex-primary-reset-after-seconds': '9999999999999' }],
    ['a reset in nanoseconds', { 'x-codex-primary-reset-at': '1795275747000000000' }],
    ['a reset with an exponent', { 'x-codex-primary-reset-at': '1e300' }],
  ])('%s: the window is shown without it', (_name, headers) => {
    const { quota } = createBench()
    quota.observeHeaders({ 'x-codex-primary-used-percent': '12', 'x-codex-primary-window-minutes': '300', ...headers }, 'm')
    expect(quota.windows()).toEqual([{ limit_id: 'codex', window_minutes: 300, used_percent: 12, source: 'headers', observed_at: expect.any(String) as string, age_seconds: 0 }])
  })

  test('of a state that an earlier version kept are passed over, and the model is asked', async () => {
    const stored = {
      windows: [{ limit_id: 'codex', window_minutes: 300, used_percent: 12, resets_at_ms: 1e19, source: 'headers', observed_at_ms: START - 1 },
        { limit_id: 'codex', window_minutes: 10080, used_percent: 1e300, source: 'headers', observed_at_ms: START - 1 }],
      marks: { 'model:m': { until_ms: 1e19, observed_at_ms: START - 1 }, 'model:n': { until_ms: START + 400 * 86_400_000, observed_at_ms: START - 1 } },
    }
    const quota = createQuota({ now: () => START, persisted: { load: async () => stored, save: async () => undefined } })
    await quota.ready()
    expect(quota.windows()).toEqual([{ limit_id: 'codex', window_minutes: 300, used_percent: 12, source: 'headers', observed_at: expect.any(String) as string, age_seconds: 0 }])
    expect([quota.verdict('m'), quota.verdict('n')]).toEqual([{ probe: false }, { probe: false }])
  })

  test('whatever a server tells, it can be shown, kept and read back', async () => {
    const scalar = fc.oneof(fc.double(), fc.double().map(String), fc.maxSafeInteger().map(String), fc.string(), fc.constant(null))
    const figures = fc.record({ used_percent: scalar, window_minutes: scalar, reset_at: scalar, reset_after_seconds: scalar }, { requiredKeys: [] })
    await fc.assert(fc.asyncProperty(figures, figures, async (primary, secondary) => {
      let kept: unknown
      const persisted = { load: async () => kept, save: async (value: unknown) => { kept = JSON.parse(JSON.stringify(value)) } }
      const quota = createQuota({ now: () => START, persisted })
      quota.observeEvent({ rate_limits: { primary, secondary } }, 'm')
      quota.observeHeaders(Object.fromEntries(Object.entries(primary).map(([name, value]) => [`x-codex-primary-${name.replaceAll('_', '-')}`, String(value)])), 'm')
      const shown = quota.windows()
      await quota.flush()
      const again = createQuota({ now: () => START, persisted })
      await again.ready()
      expect(again.windows()).toEqual(shown)
    }), { seed: SEED, numRuns: 300, examples: [[{}, { used_percent: -0, window_minutes: '1' }]] })
  })
})
