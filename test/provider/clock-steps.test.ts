import { afterEach, expect, test, vi } from 'vitest'
import { COOL_DOWN_MS, createCatalog, createWebSocketBlock } from '../../src/account/index.js'
import { startElapsed } from '../../src/lib/index.js'
import { TransportChoice } from '../../src/provider/transport-choice.js'
import { TransportFailure } from '../../src/transport/transport.js'
import { ask, collect, mountOnTwin, textOf, type Mounted } from '../support/mounted.js'

const DAY = 86_400_000
const open: Mounted[] = []
afterEach(async () => {
  for (const mounted of open.splice(0)) await mounted.close()
})

test('what has passed is what the further of both clocks says, and never less than nothing', () => {
  let wall = 1000
  let steady = 5
  const elapsed = startElapsed(() => wall, () => steady)
  const seen: number[] = []
  for (const [wallStep, steadyStep] of [[0, 0], [10, 10], [-DAY, 10], [2 * DAY, 10]] as const) {
    wall += wallStep
    steady += steadyStep
    seen.push(elapsed())
  }
  expect(seen).toEqual([0, 10, 20, DAY + 10])
})

test('calls behind a 429 go on when the server said, also where the clock is set back a day meanwhile', async () => {
  let skewMs = 0
  const mounted = await mountOnTwin({ parts: { now: () => Date.now() + skewMs } })
  open.push(mounted)
  const { provider, twin } = mounted
  await provider.complete(ask('first'))
  twin.enqueue({ status: 429, headers: { 'retry-after': '1' }, body: { error: { code: 'rate_limit_exceeded', message: 'Slowly.' } } })
  const refused = provider.complete(ask('refused'))
  await vi.waitFor(() => expect(mounted.named('provider:throttle')).toHaveLength(1), { timeout: 10_000 })
  skewMs = -DAY
  const behind = Array.from({ length: 8 }, async (_, index) => textOf(await collect(provider.stream(ask(`behind ${index}`)))))
  expect(await Promise.all(behind)).toEqual(Array.from({ length: 8 }, (_, index) => `You said: behind ${index}`))
  await refused
})

test('a model list that could not be had is asked for again in time after the clock was set back', async () => {
  let skewMs = 0
  let asked = 0
  const catalog = createCatalog({
    now: () => Date.now() + skewMs, ttlMs: 20, failureTtlMs: 20,
    fetchModels: async () => {
      asked++
      if (asked === 1) throw new Error('away')
      return { models: [{ slug: `m${asked}` }] }
    },
  })
  expect((await catalog.list()).source).toBe('fallback')
  skewMs = -DAY
  await vi.waitFor(async () => expect((await catalog.list()).source).toBe('live'), { timeout: 10_000, interval: 5 })
  skewMs = -2 * DAY
  const before = asked
  await vi.waitFor(async () => {
    await catalog.list()
    expect(asked).toBeGreaterThan(before)
  }, { timeout: 10_000, interval: 5 })
})

test('a WebSocket that was refused is probed again within a minute, whatever the wall clock does', () => {
  let nowMs = Date.UTC(2026, 10, 21)
  const choice = new TransportChoice('auto', createWebSocketBlock({ now: () => nowMs }))
  choice.blocked(new TransportFailure('no', { kind: 'refused', phase: 'unsent', status: 403 }))
  nowMs -= DAY
  const seconds = Number(/again in (\d+) s/.exec(choice.current().reason)?.[1])
  expect(seconds).toBeLessThanOrEqual(COOL_DOWN_MS / 1000)
  nowMs += DAY + COOL_DOWN_MS
  expect(choice.current()).toEqual({ kind: 'websocket', reason: 'preferred, probing again' })
})
