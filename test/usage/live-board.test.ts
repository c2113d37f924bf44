import { expect, test } from 'vitest'
import type { ObservedCall } from '../../src/contract/index.js'
import { createLiveBoard } from '../../src/usage/index.js'

const call = (index: number): ObservedCall => ({
  id: `call-${index}`, sessionId: `s${index}`, request: { messages: [], metadata: { agent: `agent-${index}` } },
  route: { role: `role-${index}`, requested_model: `m${index}`, resolved_model: `m${index}`, served_model: 'unknown', provider: 'p', attempts: [], transport_reason: '' },
})
const response = { content: [], usage: { input_tokens: 10, output_tokens: 2, total_tokens: 12, cache_read_tokens: 4 } }

test('a call is shown with its steps while it runs, and with what it used when it has ended', () => {
  const clock = { ms: Date.UTC(2026, 10, 20) }
  const board = createLiveBoard({ now: () => clock.ms })
  const watch = board.begin(call(1))
  for (const phase of ['queued', 'connecting', 'waiting', 'streaming'] as const) {
    watch?.phase(phase)
    clock.ms += 10
  }
  const shown = {
    id: 'call-1', started_at: '2026-11-20T00:00:00.000Z', session: 's1', agent: 'agent-1', role: 'role-1', requested_model: 'm1', model: 'm1', transport: '', attempt: 1,
    phases: [{ phase: 'queued', at_ms: 0 }, { phase: 'connecting', at_ms: 10 }, { phase: 'waiting', at_ms: 20 }, { phase: 'streaming', at_ms: 30 }],
  }
  expect(board.snapshot().running).toEqual([shown])
  watch?.ended({ response })
  expect(board.snapshot()).toMatchObject({
    running: [], recent: [{ ...shown, ended: { status: 'ok', duration_ms: 40, input_tokens: 10, cached_tokens: 4, output_tokens: 2 } }], totals: { calls: 1, input_tokens: 10 },
  })
})

test('a day of calls, each with names of its own, leaves no more behind than an hour of them', () => {
  const board = createLiveBoard()
  const sizes = [2000, 40_000].map((count) => {
    for (let index = 0; index < count; index++) {
      const watch = board.begin(call(index))
      watch?.phase('queued')
      watch?.ended({ response })
    }
    return JSON.stringify([board.snapshot(), board.counts()]).length
  })
  expect(sizes[1]).toBeLessThan((sizes[0] ?? 0) * 1.1)
  expect(board.snapshot().totals.calls).toBe(42_000)
})
