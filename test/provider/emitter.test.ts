import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { EVENTS, type Hooks } from '../../src/contract/index.js'
import { createRedactor } from '../../src/lib/index.js'
import { CallEmitter, createEmitter, type Emitter } from '../../src/provider/emitter.js'
import { openAnnouncer } from '../../src/provider/sink.js'

const SECRET = 'sk-proj-0123456789abcdef0123456789abcdef'
const payload = { request_id: 'r', error: { type: 'E', msg: 'm' } }

function emitterOf(hooks: Partial<Hooks>): { emitter: Emitter; warnings: string[] } {
  const warnings: string[] = []
  const redactor = createRedactor()
  redactor.register(SECRET)
  return { emitter: createEmitter(hooks as Hooks, redactor, (message) => void warnings.push(message)), warnings }
}

describe('an emitter', () => {
  test('emits under the event\'s name, and waits for a promise that the host shares only once', async () => {
    const seen: unknown[] = []
    const shared = Promise.resolve({ action: 'continue' as const })
    const { emitter } = emitterOf({ emit: (event, data) => { seen.push([event, data]); return shared } })
    await emitter.emit('streamAborted', payload)
    expect(emitter.emit('streamAborted', payload)).toBeUndefined()
    expect(seen).toEqual([[EVENTS.streamAborted, payload], [EVENTS.streamAborted, payload]])
  })

  test.each(['throws', 'rejects'])('goes on with a warning without secrets where the host\'s emit %s', async (way) => {
    const broken = new Error(`no: Bearer ${SECRET}`)
    const { emitter, warnings } = emitterOf({ emit: () => { if (way === 'throws') throw broken; return Promise.reject(broken) } })
    await emitter.emit('streamAborted', payload)
    expect(warnings).toEqual([expect.stringMatching(/^a hook of the host failed: Error: no: /)])
    expect(warnings.join('')).not.toContain(SECRET)
  })

  test('takes an event for heard unless the host says that it is not', () => {
    const { emitter, warnings } = emitterOf({ hasHandlers: (event) => { if (event === EVENTS.retry) throw new Error('broken'); return event === EVENTS.throttle } })
    expect([emitter.heard('throttle'), emitter.heard('streamAborted'), emitter.heard('retry'), warnings.length]).toEqual([true, false, true, 1])
    expect(emitterOf({}).emitter.heard('streamAborted')).toBe(true)
  })

  test('tells of blocks, and of a break, where anybody listens to one of their events', () => {
    const listen = (...events: string[]) => openAnnouncer(emitterOf({ hasHandlers: (event) => events.includes(event) }).emitter)
    expect([listen(), listen(EVENTS.llmRequest)]).toEqual([undefined, undefined])
    for (const event of [EVENTS.streamBlockStart, EVENTS.streamBlockDelta, EVENTS.streamBlockEnd, EVENTS.streamAborted]) expect(listen(event)).toBeDefined()
  })
})

describe('the emitter of one call', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  const hang = () => {
    const controller = new AbortController()
    let settle = () => undefined as void
    const pending = new Promise<unknown>((resolve) => (settle = () => void resolve(undefined)))
    const emitter = new CallEmitter({ emit: () => pending, heard: (key) => key === 'retry' }, controller.signal)
    const emit = () => {
      const done = vi.fn()
      void emitter.emit('streamAborted', payload)?.then(done)
      return done
    }
    return { controller, emit, settle, emitter }
  }

  test('waits for a handler, and no longer than the call\'s signal', async () => {
    const { controller, emit, emitter } = hang()
    expect([emitter.heard('retry'), emitter.heard('throttle')]).toEqual([true, false])
    const done = emit()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(done).not.toHaveBeenCalled()
    controller.abort()
    await vi.advanceTimersByTimeAsync(0)
    expect(done).toHaveBeenCalledOnce()
  })

  test('gives the handlers of a stopped call\'s last events a second, and no timer stays where they need less', async () => {
    const { controller, emit, settle } = hang()
    controller.abort()
    const done = emit()
    await vi.advanceTimersByTimeAsync(999)
    expect(done).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(done).toHaveBeenCalledOnce()
    const quick = emit()
    settle()
    await vi.advanceTimersByTimeAsync(0)
    expect([quick.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0])
  })

  test('has nothing to wait for where no handler has', () => {
    expect(new CallEmitter({ emit: () => undefined, heard: () => true }, new AbortController().signal).emit('streamAborted', payload)).toBeUndefined()
  })
})
