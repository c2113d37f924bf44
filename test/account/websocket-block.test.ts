import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { COOL_DOWN_MS, createStateFile, createWebSocketBlock } from '../../src/account/index.js'
import { ask, mount } from '../support/mounted.js'

const START = Date.UTC(2026, 10, 20, 12)

async function openPlace() {
  const folder = await mkdtemp(join(tmpdir(), 'amplifier-websocket-block-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return () => createStateFile(join(folder, 'state.json')).persisted('account', 'websocket')
}

test('what one process learned holds for the next one, until the minute is over', async () => {
  const clock = { ms: START }
  const place = await openPlace()
  const first = createWebSocketBlock({ now: () => clock.ms, persisted: place(), machine: 'a' })
  first.set('the server wants HTTP (426)', { byServer: true })
  await first.flush()
  clock.ms += 20_000
  const next = createWebSocketBlock({ now: () => clock.ms, persisted: place(), machine: 'a' })
  await vi.waitFor(() => expect(next.current()?.reason).toBe('the server wants HTTP (426)'), 10_000)
  expect(next.current()?.leftMs).toBeGreaterThan(COOL_DOWN_MS - 21_000)
  next.clear()
  await next.flush()
  const last = place()
  expect([next.current(), await last.load()]).toEqual([undefined, {}])
})

test("what a machine's own network did is not held against another machine, what the server said is", async () => {
  const place = await openPlace()
  const of = (machine: string) => createWebSocketBlock({ now: () => START, persisted: place(), machine })
  const learner = of('a')
  learner.set('the upgrade failed (ECONNRESET)', { byServer: false })
  await learner.flush()
  const [same, other] = [of('a'), of('b')]
  await vi.waitFor(() => expect(same.current()?.reason).toBe('the upgrade failed (ECONNRESET)'), 10_000)
  expect(other.current()).toBeUndefined()
})

test.each([['no object', 7], ['of the far future', { reason: 'x', until_ms: START + 9e12 }], ['without a reason', { until_ms: START + 1000 }], ['over', { reason: 'x', until_ms: START - 1 }], ['hostile', { reason: 'x'.repeat(9999), until_ms: '2026', machine: {} }]])('what was kept and is %s blocks for a minute at most', async (_what, stored) => {
  const persisted = { load: async () => stored, save: async () => undefined }
  const block = createWebSocketBlock({ now: () => START, persisted })
  await Promise.resolve()
  expect(block.current()?.leftMs ?? 0).toBeLessThanOrEqual(COOL_DOWN_MS)
})

test('a second mount of the account asks no upgrade that the first one was refused', async () => {
  const first = await mount({ twin: { websocket: false }, config: { transport: 'auto' } })
  await first.provider.complete(ask('hello'))
  const second = await mount({ on: first.twin, config: { transport: 'auto' } })
  expect((await second.provider.complete(ask('hello'))).metadata?.route).toMatchObject({ transport: 'sse', transport_reason: expect.stringMatching(/^the server wants HTTP \(426\); WebSocket is probed again in \d+ s$/) as string })
  expect(first.twin.requests.filter(({ path, method }) => method === 'GET' && path.endsWith('/responses'))).toHaveLength(1)
})
