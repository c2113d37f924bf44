import { describe, expect, test } from 'vitest'
import { createQuota } from '../../src/account/index.js'
import { buildQuotaTrace, forecastAnHourAhead } from '../soak/quota-traces.mjs'

const START = Date.UTC(2026, 10, 20, 8)
const MINUTE = 60_000

function play(points: readonly (readonly [minute: number, used: number])[], { resetsAfter = 300, at = points.at(-1)?.[0] ?? 0 } = {}) {
  const clock = { ms: START }
  const quota = createQuota({ now: () => clock.ms })
  for (const [minute, used] of points) {
    clock.ms = START + minute * MINUTE
    quota.observeHeaders({ 'x-codex-primary-used-percent': String(used), 'x-codex-primary-window-minutes': '300', 'x-codex-primary-reset-at': String(START / 1000 + resetsAfter * 60) })
  }
  clock.ms = START + at * MINUTE
  return quota.outlook()[0]?.pace
}
const steady = (minutes: number, perMinute: number) => Array.from({ length: minutes }, (_, minute) => [minute * 2, minute * 2 * perMinute] as const)

describe('the pace of a window', () => {
  test('is unknown before there are four samples', () => {
    expect(play(steady(3, 0.5))).toBeUndefined()
    expect(play(steady(4, 0.5))).toMatchObject({ percent_per_hour: 30, samples: 4, since: new Date(START).toISOString() })
  })

  test('says when a window that fills evenly is full, without an error', () => {
    expect(play(steady(60, 0.5))).toEqual({ percent_per_hour: 30, runs_out_at: new Date(START + 200 * MINUTE).toISOString(), error_minutes: 0, since: new Date(START).toISOString(), samples: 60 })
  })

  test('names no end where the window is reset before', () => {
    expect(play(steady(60, 0.3))).toMatchObject({ percent_per_hour: 18 })
    expect(play(steady(60, 0.3))).not.toHaveProperty('runs_out_at')
  })

  test('is bent little by a burst', () => {
    const burst = steady(60, 0.4).map(([minute, used]) => [minute, used + (minute > 100 ? 8 : 0)] as const)
    expect(play(burst)?.percent_per_hour).toBeCloseTo(24, -1)
  })

  test('falls while nothing is drawn', () => {
    expect(play(steady(30, 0.5), { at: 200 })?.percent_per_hour).toBeLessThan(15)
  })

  test('begins anew with the window', () => {
    const clock = { ms: START }
    const quota = createQuota({ now: () => clock.ms })
    for (let minute = 0; minute < 200; minute += 2) {
      clock.ms = START + minute * MINUTE
      const isNew = minute >= 100
      quota.observeHeaders({
        'x-codex-primary-used-percent': String(isNew ? (minute - 100) * 0.2 : 40 + minute * 0.5), 'x-codex-primary-window-minutes': '300',
        'x-codex-primary-reset-at': String(START / 1000 + (isNew ? 400 : 100) * 60),
      })
    }
    expect(quota.outlook()[0]?.pace).toMatchObject({ percent_per_hour: 12, since: new Date(START + 100 * MINUTE).toISOString() })
  })

  test('is known to the next process', async () => {
    let kept: unknown
    const persisted = { load: async () => kept, save: async (value: unknown) => void (kept = JSON.parse(JSON.stringify(value))) }
    const clock = { ms: START }
    const first = createQuota({ now: () => clock.ms, persisted })
    for (const [minute, used] of steady(60, 0.5)) {
      clock.ms = START + minute * MINUTE
      first.observeHeaders({ 'x-codex-primary-used-percent': String(used), 'x-codex-primary-window-minutes': '300', 'x-codex-primary-reset-at': String(START / 1000 + 18_000) })
    }
    await first.flush()
    const second = createQuota({ now: () => clock.ms, persisted })
    await second.ready()
    expect(second.outlook()).toEqual(first.outlook())
  })

  // node test/soak/forecast.mjs plays more of them, from any seed.
  test('an hour ahead of the end is within six minutes in nine of ten traces of eight hours', () => {
    const off = Array.from({ length: 20 }, (_, index) => Math.abs(forecastAnHourAhead(createQuota, buildQuotaTrace(1000 + index, START)).offMinutes))
    expect(off.filter((minutes) => minutes <= 6).length, `off by ${off.map((minutes) => minutes.toFixed(1)).join(', ')}`).toBeGreaterThanOrEqual(18)
  })
})
