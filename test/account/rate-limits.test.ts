import { describe, expect, test } from 'vitest'
import { createQuota } from '../../src/account/index.js'

const NOW = Date.UTC(2026, 10, 20, 12)
const inSeconds = (seconds: number) => String(NOW / 1000 + seconds)
const iso = (seconds: number) => new Date(NOW + seconds * 1000).toISOString()
const createBench = () => createQuota({ now: () => NOW })

describe('headers', () => {
  test('give one window for each length, whatever the place it is listed at', () => {
    const quota = createBench()
    quota.observeHeaders({
      'X-Codex-Primary-Used-Percent': '12.5', 'X-Codex-Primary-Window-Minutes': '300', 'X-Codex-Primary-Reset-At': inSeconds(600),
      'X-Codex-Secondary-Used-Percent': '40', 'X-Codex-Secondary-Window-Minutes': '10080', 'X-Codex-Secondary-Reset-After-Seconds': '90',
      'x-codex-plan-type': 'plus', 'x-codex-primary-over-secondary-limit-percent': '3',
    })
    quota.observeHeaders({
      'x-codex-primary-used-percent': '41', 'x-codex-primary-window-minutes': '10079', 'x-codex-primary-reset-at': inSeconds(120),
    })
    expect(quota.windows()).toEqual([
      { limit_id: 'codex', window_minutes: 300, used_percent: 12.5, resets_at: iso(600), source: 'headers', observed_at: iso(0), age_seconds: 0 },
      { limit_id: 'codex', window_minutes: 10_079, used_percent: 41, resets_at: iso(120), source: 'headers', observed_at: iso(0), age_seconds: 0 },
    ])
    expect(quota.planType).toBe('plus')
  })

  test('with empty strings, rubbish or nothing used say nothing', () => {
    const quota = createBench()
    quota.observeHeaders({
      'x-codex-primary-used-percent': '', 'x-codex-primary-window-minutes': '', 'x-codex-primary-reset-at': '',
      'x-codex-secondary-used-percent': 'NaN', 'x-codex-secondary-window-minutes': '300', 'x-codex-plan-type': '', 'x-codex-active-limit': '',
    })
    quota.observeHeaders({ 'x-codex-primary-used-percent': '0', 'x-codex-primary-window-minutes': '0', 'x-codex-primary-reset-at': '0' })
    expect(quota.windows()).toEqual([])
    expect(quota.planType).toBeUndefined()
    quota.observeHeaders({ 'x-codex-primary-used-percent': '7', 'x-codex-primary-window-minutes': '', 'x-codex-primary-reset-at': '' })
    expect(quota.windows()).toEqual([{ limit_id: 'codex', window_minutes: 0, used_percent: 7, source: 'headers', observed_at: iso(0), age_seconds: 0 }])
  })

  test('of other limits are found by their names, with dashes or underscores', () => {
    const quota = createBench()
    quota.observeHeaders({
      'x-codex-primary-used-percent': '10', 'x-codex-primary-window-minutes': '300',
      'x-codex-bengalfox-primary-used-percent': '99', 'x-codex-bengalfox-primary-window-minutes': '300', 'x-codex-bengalfox-limit-name': 'Spark',
      x_other_secondary_used_percent: '5', x_other_secondary_window_minutes: '60',
    })
    expect(quota.windows().map((window) => [window.limit_id, window.used_percent])).toEqual([['codex', 10], ['codex_bengalfox', 99], ['other', 5]])
  })

  test('of the general family are a copy where the active limit has a family of its own', () => {
    const quota = createBench()
    quota.observeHeaders({
      'x-codex-active-limit': 'codex_bengalfox', 'x-codex-primary-used-percent': '99', 'x-codex-primary-window-minutes': '300',
      'x-codex-bengalfox-primary-used-percent': '99', 'x-codex-bengalfox-primary-window-minutes': '300',
    })
    expect(quota.windows().map((window) => window.limit_id)).toEqual(['codex_bengalfox'])
    const other = createBench()
    other.observeHeaders({ 'x-codex-active-limit': 'codex_luna', 'x-codex-primary-used-percent': '99', 'x-codex-primary-window-minutes': '300' })
    expect(other.windows().map((window) => window.limit_id)).toEqual(['codex_luna'])
  })
})

describe('events', () => {
  test('give the limit they name and the additional ones, leniently', () => {
    const quota = createBench()
    quota.observeEvent({
      type: 'codex.rate_limits', plan_type: 'pro', metered_limit_name: 'codex',
      rate_limits: {
        allowed: true, limit_reached: false, primary: { used_percent: 3, window_minutes: 300, reset_at: NOW / 1000 + 60 },
        secondary: { used_percent: '8', window_minutes: '10080', reset_at: '' },
      },
      credits: { has_credits: false }, additional_rate_limits: [
        { limit_name: 'Spark', metered_feature: 'codex_bengalfox', rate_limit: { primary_window: { used_percent: 1, limit_window_seconds: 18_001, reset_after_seconds: 30 } } },
        null, { limit_name: '' }, 'text',
      ],
    })
    quota.observeEvent('not an object')
    quota.observeEvent({ rate_limits: [1] })
    expect(quota.windows()).toEqual([
      { limit_id: 'codex', window_minutes: 300, used_percent: 3, resets_at: iso(60), source: 'event', observed_at: iso(0), age_seconds: 0 },
      { limit_id: 'codex', window_minutes: 10_080, used_percent: 8, source: 'event', observed_at: iso(0), age_seconds: 0 },
      { limit_id: 'codex_bengalfox', window_minutes: 301, used_percent: 1, resets_at: iso(30), source: 'event', observed_at: iso(0), age_seconds: 0 },
    ])
    expect(quota.planType).toBe('pro')
  })

  test('and the usage endpoint’s answer says the same in its own words', () => {
    const quota = createBench()
    quota.observeUsage({
      plan_type: 'plus', rate_limit: { primary_window: { used_percent: 55, limit_window_seconds: 18_000, reset_after_seconds: 10, reset_at: NOW / 1000 + 10 }, secondary_window: null },
      additional_rate_limits: { codex_spark: { rate_limit: { primary_window: { used_percent: 2, limit_window_seconds: 3600 } } } },
    })
    expect(quota.windows().map((window) => [window.limit_id, window.window_minutes, window.used_percent, window.source])).toEqual([
      ['codex', 300, 55, 'usage'], ['codex_spark', 60, 2, 'usage'],
    ])
  })
})
