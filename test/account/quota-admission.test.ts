import { describe, expect, test } from 'vitest'
import { createQuota, createQuotaAdmission } from '../../src/account/index.js'
import { buildDemand, runTrace } from '../soak/admission-traces.mjs'

const START = Date.UTC(2026, 10, 20, 8)
const HOUR = 3_600_000

/** A quota on a clock, with an admission that has watched fifty calls, or so many, of a percent in as many minutes. */
function watched({ calls = 50, essentialEvery = Infinity }: { calls?: number; essentialEvery?: number } = {}) {
  const clock = { ms: START }
  const now = () => clock.ms
  const quota = createQuota({ now })
  const tell = (used: number, leftHours: number) => quota.observeHeaders({
    'x-codex-primary-used-percent': String(used), 'x-codex-primary-window-minutes': '300', 'x-codex-primary-reset-at': String(Math.floor((clock.ms + leftHours * HOUR) / 1000)),
  })
  const admission = createQuotaAdmission({ quota, now })
  for (let call = 0; call <= calls; call += 1) {
    tell(call, 5 - call / 60)
    clock.ms += 60_000
    admission.begin({ essential: call % essentialEvery === 0 && essentialEvery < Infinity, steppedDown: false })(1)
  }
  return { admission, tell, clock }
}

describe('admission by forecast', () => {
  test('lets calls go as asked while nothing is known, and while the window lasts', () => {
    const quota = createQuota()
    expect(createQuotaAdmission({ quota }).judge({ essential: false })).toEqual({ action: 'as_asked' })
    const { admission, tell } = watched()
    tell(51, 0.5)
    expect(admission.judge({ essential: false })).toEqual({ action: 'as_asked' })
  })

  test('lets others step down while what is asked for exceeds what is left, and never essential calls', () => {
    const { admission, tell } = watched()
    tell(51, 4.2)
    expect(admission.judge({ essential: false })).toEqual({
      action: 'step_down', window: expect.objectContaining({ window_minutes: 300, used_percent: 51, runs_out_at: expect.stringMatching(/^2026-11-20T09:3/) as string }) as unknown,
    })
    expect(admission.judge({ essential: true })).toEqual({ action: 'as_asked' })
  })

  test('keeps more for essential calls the more of them there were, and lets the reserve go as the reset comes near', () => {
    const reserveOf = (essentialEvery: number, leftHours: number, calls: number): number => {
      const { admission, tell } = watched({ essentialEvery, calls })
      tell(calls + 1, leftHours)
      const verdict = admission.judge({ essential: false })
      return verdict.action === 'as_asked' ? 0 : (verdict.window?.reserve_percent ?? NaN)
    }
    const [many, few, late] = [reserveOf(3, 4, 50), reserveOf(10, 4, 50), reserveOf(10, 0.2, 95)]
    expect(many).toBeGreaterThan(few)
    expect(few).toBeGreaterThan(late)
    expect(late).toBeLessThan(8)
    expect(late).toBeGreaterThan(0)
  })

  test('calls that run count before any figure has them', () => {
    const { admission, tell } = watched({ calls: 90 })
    tell(91, 0.3)
    expect(admission.judge({ essential: false }).action).not.toBe('wait')
    const ends = Array.from({ length: 8 }, () => admission.begin({ essential: false, steppedDown: false }))
    expect(admission.judge({ essential: false }).action).toBe('wait')
    for (const end of ends) {
      end()
      end(3)
    }
    expect(admission.judge({ essential: false }).action).not.toBe('wait')
  })

  // Forty of them, of random seeds: node test/soak/admission.mjs
  test.each([2001, 2002, 2007])('eight hours of agents, seed %i: no essential turn is refused, and the window is used', (seed) => {
    const demand = buildDemand(seed)
    const on = runTrace({ createQuota, createAdmission: createQuotaAdmission }, demand, START)
    const off = runTrace({ createQuota }, demand, START)
    expect([on.essentialRefused, on.refused, off.essentialRefused > 0]).toEqual([0, 0, true])
    if (demand.sufficed) expect(on.usedAtReset).toBeGreaterThan(95)
  }, 30_000)
})
