import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { costOf } from '../../src/account/index.js'
import { ask, mountOnTwin, type Mounted } from '../support/mounted.js'

const MINUTE = 60_000
const WINDOW = 300

let clock: { ms: number }
let mounted: Mounted
let waits: number[]

/** A plan whose window of five hours holds some hundred and seventy calls of the upper tier, or as `holds` says, on a clock that stands still between them. */
async function mount(config: Record<string, unknown>, holds = 160_000): Promise<void> {
  const now = () => clock.ms
  mounted = await mountOnTwin({
    twin: { now, planUse: { models: { 'gpt-6-luna': 0.2 }, holds: { primary: holds, secondary: 1e12 }, decimals: 2 } },
    config,
    parts: {
      now,
      delay: async (ms) => {
        waits.push(ms)
        clock.ms += 10 * MINUTE
      },
    },
  })
  setUsed(0)
}

const setUsed = (used_percent: number, minutesLeft = WINDOW) => mounted.twin.setRateLimits({ primary: { used_percent, window_minutes: WINDOW, reset_at: Math.floor(clock.ms / 1000) + minutesLeft * 60 }, secondary: null })
const usage = { input_tokens: 800, input_tokens_details: { cached_tokens: 0 }, output_tokens: 100, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 900 }

async function call(role: string | undefined) {
  mounted.twin.enqueue({ text: 'done', usage })
  const { provider } = mounted
  const answer = await (role === undefined ? provider.complete(ask('hello')) : provider.delegate(role, ask('hello')).response())
  clock.ms += MINUTE
  return { model: mounted.twin.responses().at(-1)?.body?.['model' as never] as unknown, admission: (answer.metadata?.['route'] as { admission?: Record<string, unknown> }).admission, degradation: answer.degradation }
}

beforeEach(() => {
  clock = { ms: Date.UTC(2026, 10, 20, 8) }
  waits = []
})
afterEach(() => mounted.close())

const work = async (minutes: number) => {
  for (let minute = 0; minute < minutes; minute += 1) await call('coding')
}

describe('admission by forecast', () => {
  test('a role steps down a tier while its window would not last, an essential one never, and both say so', async () => {
    await mount({ admission: 'forecast' }, 80_000)
    await work(12)
    const stepped = await call('coding')
    const window = { limit_id: 'codex', window_minutes: WINDOW, used_percent: expect.any(Number) as number, reserve_percent: expect.any(Number) as number, runs_out_at: expect.stringMatching(/^2026-11-20T/) as string, resets_at: '2026-11-20T13:00:00.000Z' }
    expect(stepped).toEqual({
      model: 'gpt-6-luna', admission: { action: 'step_down', ...window, from_model: 'gpt-6.1-sol', to_model: 'gpt-6-luna' },
      degradation: { requested: 'gpt-6.1-sol', actual: 'gpt-6-luna', reason: 'a lower tier: the quota window of 300 minutes would not last until 2026-11-20T13:00:00.000Z' },
    })
    expect(mounted.named('provider:admission')[0]).toMatchObject({ provider: 'openai-chatgpt', role: 'coding', action: 'step_down', from_model: 'gpt-6.1-sol', to_model: 'gpt-6-luna', limit_id: 'codex' })
    expect(await call('critical-ops')).toEqual({ model: 'gpt-6.1-sol', admission: undefined, degradation: undefined })
    expect(waits).toEqual([])
  })

  test('once only the reserve is left other calls wait, those without a role too, until the window is reset', async () => {
    await mount({ admission: 'forecast' })
    await work(12)
    setUsed(98.6, 45)
    await call('critical-ops')
    expect(await call('critical-ops')).toMatchObject({ model: 'gpt-6.1-sol', admission: undefined })
    const waited = await call('coding')
    expect(waited).toMatchObject({ model: 'gpt-6.1-sol', admission: { action: 'wait', waited_ms: expect.any(Number) as number } })
    expect(waits.length).toBeGreaterThan(1)
    expect(mounted.named('provider:admission').filter(({ action }) => action === 'wait')).toHaveLength(1)
    setUsed(99.5, 45)
    await call('critical-ops')
    waits = []
    expect(await call(undefined)).toMatchObject({ admission: { action: 'wait' } })
    expect(waits.length).toBeGreaterThan(0)
    expect(mounted.named('provider:admission').at(-1)).not.toHaveProperty('role')
  })

  test('a call whose metadata names an essential role keeps its place; a wait ends with its signal', async () => {
    await mount({ admission: 'forecast' })
    await work(12)
    setUsed(97, 45)
    await call('critical-ops')
    mounted.twin.enqueue({ text: 'done', usage })
    await mounted.provider.complete(ask('hello', { metadata: { role: 'critical-ops' } }))
    expect(waits).toEqual([])
    await expect(mounted.provider.complete(ask('hello'), { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow()
  })

  test('a window that is reset in days is not waited for', async () => {
    await mount({ admission: 'forecast' })
    await work(2)
    mounted.twin.setRateLimits({ primary: null, secondary: { used_percent: 99.9, window_minutes: 10_080, reset_at: Math.floor(clock.ms / 1000) + 3 * 86_400 } })
    await call('critical-ops')
    await expect(mounted.provider.delegate('coding', ask('hello')).response()).rejects.toMatchObject({ name: 'QuotaExceededError', code: 'window_reserved' })
  })

  test('off, which is the default, nothing is asked and nothing changes', async () => {
    await mount({})
    await work(14)
    setUsed(99.5, 45)
    expect(await call('coding')).toEqual({ model: 'gpt-6.1-sol', admission: undefined, degradation: undefined })
    expect([mounted.named('provider:admission'), waits]).toEqual([[], []])
    expect(costOf('gpt-6.1-sol', usage)).toBe('0.0026')
  })
})
