import { describe, expect, test } from 'vitest'
import type { HookResult } from '../../src/contract/index.js'
import { createHooks, type HostHooks } from '../../src/host/hooks.js'

interface Bench {
  hooks: HostHooks
  warnings: string[]
  clock: { ms: number }
}

function createBench(): Bench {
  const warnings: string[] = []
  const clock = { ms: Date.UTC(2026, 10, 20, 12) }
  const hooks = createHooks({ sessionId: 's-1', parentId: 'p-1', warn: (message) => warnings.push(message), now: () => clock.ms })
  return { hooks, warnings, clock }
}

/** Registers a handler that answers `result` at once and one that answers it later; both ways must come out the same. */
const WAYS: [string, (result: HookResult | undefined) => () => HookResult | undefined | Promise<HookResult | undefined>][] = [
  ['synchronous', (result) => () => result],
  ['asynchronous', (result) => async () => result],
]

describe.each(WAYS)('results of %s handlers', (_way, answer) => {
  test('nothing returned means continue', async () => {
    const { hooks } = createBench()
    hooks.register('e', answer(undefined))
    expect(await hooks.emit('e', {})).toEqual({ action: 'continue' })
  })

  test('deny wins over everything and ends the chain', async () => {
    const { hooks } = createBench()
    const late: string[] = []
    hooks.register('e', answer({ action: 'ask_user', approval_prompt: 'sure?' }))
    hooks.register('e', answer({ action: 'inject_context', context_injection: 'a' }))
    hooks.register('e', answer({ action: 'deny', reason: 'no' }))
    hooks.register('e', () => void late.push('ran'))
    expect(await hooks.emit('e', {})).toEqual({ action: 'deny', reason: 'no' })
    expect(late).toEqual([])
  })

  test('ask_user wins over inject_context, whatever their order, and the first question stands', async () => {
    const { hooks } = createBench()
    hooks.register('e', answer({ action: 'inject_context', context_injection: 'a' }))
    hooks.register('e', answer({ action: 'ask_user', approval_prompt: 'first?' }))
    hooks.register('e', answer({ action: 'ask_user', approval_prompt: 'second?' }))
    expect(await hooks.emit('e', {})).toEqual({ action: 'ask_user', approval_prompt: 'first?' })
  })

  test('several inject_context join with a blank line and keep the settings of the first', async () => {
    const { hooks } = createBench()
    hooks.register('e', answer({ action: 'inject_context', context_injection: 'b', ephemeral: false, context_injection_role: 'user' }), { priority: 2 })
    hooks.register('e', answer({ action: 'inject_context', context_injection: 'a', ephemeral: true, context_injection_role: 'system' }), { priority: 1 })
    hooks.register('e', answer({ action: 'modify', data: { x: 1 } }))
    expect(await hooks.emit('e', {})).toEqual({
      action: 'inject_context', context_injection: 'a\n\nb', ephemeral: true, context_injection_role: 'system',
    })
  })

  test('modify hands its data to the next handler and the emit answers continue with the changed data', async () => {
    const { hooks } = createBench()
    const seen: unknown[] = []
    hooks.register('e', answer({ action: 'modify', data: { step: 1 } }))
    hooks.register('e', (_event, data) => {
      seen.push(data)
      return { action: 'modify', data: { ...data, step: 2 } }
    })
    hooks.register('e', answer({ action: 'modify' }))
    expect(await hooks.emit('e', { step: 0 })).toEqual({ action: 'continue', data: { step: 2 } })
    expect(seen).toEqual([{ step: 1 }])
  })
})

test('lower priority runs first, ties run in the order of registration, and the default is 0', async () => {
  const { hooks } = createBench()
  const order: string[] = []
  const note = (name: string) => () => void order.push(name)
  hooks.register('e', note('five'), { priority: 5 })
  hooks.register('e', note('first of nought'))
  hooks.register('e', note('minus'), { priority: -1, name: 'minus' })
  hooks.register('e', note('second of nought'), { priority: 0 })
  await hooks.emit('e', {})
  expect(order).toEqual(['minus', 'first of nought', 'second of nought', 'five'])
  expect(hooks.listHandlers('e')[0]).toBe('minus')
})

test('a handler that answers a promise is awaited before the next one runs', async () => {
  const { hooks } = createBench()
  const order: string[] = []
  hooks.register('e', () => void order.push('sync before'))
  hooks.register('e', async () => {
    await new Promise((resolve) => setImmediate(resolve))
    order.push('slow')
  })
  hooks.register('e', () => void order.push('sync after'))
  const emitted = hooks.emit('e', {})
  expect(order).toEqual(['sync before'])
  await emitted
  expect(order).toEqual(['sync before', 'slow', 'sync after'])
})

test('an emit whose handlers answer nothing has run them all when it returns', () => {
  const { hooks } = createBench()
  const order: number[] = []
  hooks.register('e', () => void order.push(1))
  hooks.register('e', () => void order.push(2))
  void hooks.emit('e', {})
  expect(order).toEqual([1, 2])
})

test('a handler that throws or rejects is reported by name and passed over, the others run', async () => {
  const { hooks, warnings } = createBench()
  const order: string[] = []
  hooks.register('e', () => { throw new Error('boom') }, { name: 'thrower' })
  hooks.register('e', () => void order.push('between'))
  hooks.register('e', async () => { throw new Error('later boom') }, { name: 'rejecter' })
  hooks.register('e', () => void order.push('last'))
  expect(await hooks.emit('e', {})).toEqual({ action: 'continue' })
  expect(order).toEqual(['between', 'last'])
  expect(warnings).toEqual([
    'hook thrower failed on e and was passed over: boom',
    'hook rejecter failed on e and was passed over: later boom',
  ])
})

test('handlers see session_id, parent_id and timestamp; the event’s own fields win, the timestamp is the host’s', async () => {
  const { hooks, clock } = createBench()
  const seen: unknown[] = []
  hooks.register('e', (_event, data) => void seen.push(data))
  const data = { x: 1 }
  await hooks.emit('e', data)
  clock.ms += 5
  await hooks.emit('e', { session_id: 'other', parent_id: null, timestamp: 'mine' })
  expect(seen).toEqual([
    { x: 1, session_id: 's-1', parent_id: 'p-1', timestamp: '2026-11-20T12:00:00.000Z' },
    { session_id: 'other', parent_id: null, timestamp: '2026-11-20T12:00:00.005Z' },
  ])
  expect(data).toEqual({ x: 1 })
})

test('an unregistered handler is gone, also while the emit runs for the next one, and twice is harmless', async () => {
  const { hooks } = createBench()
  const order: string[] = []
  const away = hooks.register('e', () => {
    order.push('once')
    away()
  })
  hooks.register('e', () => void order.push('stays'))
  await hooks.emit('e', {})
  await hooks.emit('e', {})
  away()
  expect(order).toEqual(['once', 'stays', 'stays'])
})

test('hasHandlers follows registration', () => {
  const { hooks } = createBench()
  expect(hooks.hasHandlers('e')).toBe(false)
  const away = hooks.register('e', () => undefined)
  expect(hooks.hasHandlers('e')).toBe(true)
  away()
  expect(hooks.hasHandlers('e')).toBe(false)
})

test('what is no hook result counts as continue', async () => {
  const { hooks } = createBench()
  for (const value of ['text', 7, null, {}, { action: 'from the future' }]) hooks.register('e', () => value as unknown as undefined)
  expect(await hooks.emit('e', {})).toEqual({ action: 'continue' })
})

test('one emit with one synchronous handler costs well under 0.4 µs', () => {
  const { hooks } = createBench()
  let heard = 0
  hooks.register('llm:stream_block_delta', () => void heard++)
  const nsPerEmit = (count: number) => {
    const before = process.cpuUsage()
    for (let index = 0; index < count; index++) {
      void hooks.emit('llm:stream_block_delta', { request_id: 'r', block_index: 0, block_type: 'text', sequence: index, text: 'abc' })
    }
    const { user, system } = process.cpuUsage(before)
    return ((user + system) * 1000) / count
  }
  nsPerEmit(50_000)
  // Short laps: one of them falls between a busy machine's switches.
  const best = Math.min(...Array.from({ length: 30 }, () => nsPerEmit(10_000)))
  expect(heard).toBe(350_000)
  expect(best).toBeLessThan(400)
})
