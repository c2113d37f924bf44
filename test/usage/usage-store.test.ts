import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { ObservedCall } from '../../src/contract/index.js'
import { openDatabase } from '../../src/lib/index.js'
import { createUsageRecorder, openUsageStore, type UsageRecord, type UsageStore } from '../../src/usage/index.js'

const NOW = Date.UTC(2026, 10, 20, 12)
const DAY = 86_400_000
const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function openFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-usage-'))
  ends.push(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'usage.db')
  const open = async (): Promise<UsageStore> => {
    const store = await openUsageStore(path)
    ends.push(() => store.close())
    return store
  }
  return { path, open }
}

const record = (more: Partial<UsageRecord> = {}): UsageRecord => ({
  id: randomUUID(), at_ms: NOW, session: 's1', agent: 'explorer', key: 'laptop', role: 'coding', model: 'gpt-5.5', lane: 'codex', status: 'ok', error_type: '', duration_ms: 900, first_delta_ms: 200,
  fresh_tokens: 100, cached_tokens: 1000, cache_written_tokens: 0, reasoning_tokens: 5, output_tokens: 25, retries: 0, degraded: 0, cache_break: '', cost_usd: '', ...more,
})

describe('the store of usage', () => {
  test('adds calls up by group, the greatest share first', async () => {
    const store = await (await openFolder()).open()
    store.add([
      record(), record({ role: 'fast', retries: 2, degraded: 1, cache_break: 'instructions', first_delta_ms: 400 }), record({ role: 'fast', status: 'error', error_type: 'RateLimitError', output_tokens: 0, first_delta_ms: null }),
    ])
    const common = { cache_written_tokens: 0 }
    expect(store.totals({ by: 'role' })).toEqual([
      { name: 'fast', calls: 2, errors: 1, fresh_tokens: 200, cached_tokens: 2000, ...common, reasoning_tokens: 10, output_tokens: 25, retries: 2, degraded: 1, cache_breaks: 1, cache_break: 'instructions', first_delta_ms: 400, share_percent: 60 },
      { name: 'coding', calls: 1, errors: 0, fresh_tokens: 100, cached_tokens: 1000, ...common, reasoning_tokens: 5, output_tokens: 25, retries: 0, degraded: 0, cache_breaks: 0, first_delta_ms: 200, share_percent: 40 },
    ])
    expect(store.totals().map(({ calls, share_percent }) => [calls, share_percent])).toEqual([[3, 100]])
    expect(store.totals({ by: 'role', sinceMs: NOW + 1 })).toEqual([])
  })

  test('counts a record once, however often it is added', async () => {
    const { open } = await openFolder()
    const [one, other] = [await open(), await open()]
    const twice = record()
    one.add([twice])
    other.add([twice, record({ cost_usd: '0.25' })])
    expect(one.totals().map(({ calls, cost_usd }) => [calls, cost_usd])).toEqual([[2, '0.250000']])
  })

  test('opens a file of before the keys, and goes on with it from two processes', async () => {
    const { path, open } = await openFolder()
    const one = await open()
    one.add([record({ role: 'fast' })])
    one.close()
    const database = await openDatabase(path)
    database.exec('ALTER TABLE calls DROP COLUMN key')
    database.close()
    const [again, other] = [await open(), await open()]
    again.add([record({ at_ms: NOW - 40 * DAY })])
    other.add([record({ key: 'desk', at_ms: NOW - 40 * DAY })])
    again.rotate(NOW)
    expect(again.totals({ by: 'key' }).map(({ name, calls }) => [name, calls])).toEqual([['', 1], ['desk', 1], ['laptop', 1]])
  })

  test('adds old calls up by day and forgets the oldest days, without a change of the totals', async () => {
    const store = await (await openFolder()).open()
    const old = Array.from({ length: 30 }, (_, index) => record({ at_ms: NOW - 40 * DAY + index, session: `s${index}` }))
    store.add([...old, record(), record({ at_ms: NOW - 500 * DAY })])
    store.rotate(NOW)
    const [whole] = store.totals()
    expect(whole).toMatchObject({ calls: 31, fresh_tokens: 3100, first_delta_ms: 200 })
    expect(store.totals({ by: 'session' }).map(({ name, calls }) => [name, calls])).toEqual([['', 30], ['s1', 1]])
    store.rotate(NOW)
    expect(store.totals()).toEqual([whole])
  })
})

describe('the recorder', () => {
  const call = (): ObservedCall => ({
    id: randomUUID(), sessionId: `root-0123456789abcdef_explorer`, request: { messages: [{ role: 'user', content: 'a secret prompt' }] },
    route: { requested_model: 'm', resolved_model: 'm', served_model: 'm', provider: 'p', lane: 'codex', attempts: [], transport_reason: '' },
  })
  const response = { content: [], usage: { input_tokens: 10, output_tokens: 2, total_tokens: 12, cache_read_tokens: 4 } }

  test('writes what ended, by the agent that its session names, and nothing of the prompt', async () => {
    const { open, path } = await openFolder()
    const recorder = createUsageRecorder({ open: () => openUsageStore(path), warn: expect.unreachable, now: () => NOW })
    recorder.begin(call())?.ended({ response })
    await recorder.close()
    await recorder.close()
    const store = await open()
    expect(store.totals({ by: 'agent' })).toMatchObject([{ name: 'explorer', calls: 1, fresh_tokens: 6, cached_tokens: 4, output_tokens: 2 }])
    const { readFile } = await import('node:fs/promises')
    for (const file of [path, `${path}-wal`]) expect((await readFile(file).catch(() => Buffer.alloc(0))).includes('secret')).toBe(false)
  })

  test('a disk that is full costs one warning and no call, and what waited is written later', async () => {
    vi.useFakeTimers()
    ends.push(() => vi.useRealTimers())
    const kept: UsageRecord[] = []
    let full = true
    const warnings: string[] = []
    const store = { add: (records: readonly UsageRecord[]) => { if (full) throw new Error('database or disk is full'); kept.push(...records) }, totals: () => [], rotate: () => undefined, close: () => undefined }
    const recorder = createUsageRecorder({ open: async () => store, warn: (message) => void warnings.push(message), now: () => NOW })
    for (let count = 0; count < 5; count++) {
      recorder.begin(call())?.ended({ response })
      await vi.advanceTimersByTimeAsync(15_000)
    }
    expect([warnings, kept.length]).toEqual([['usage is not kept for now: database or disk is full. Calls go on'], 0])
    full = false
    await vi.advanceTimersByTimeAsync(15_000)
    expect(kept).toHaveLength(5)
    await recorder.close()
  })
})
