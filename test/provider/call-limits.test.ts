import { describe, expect, test, vi } from 'vitest'
import { EVENTS } from '../../src/contract/index.js'
import { ask, collect, failureOf, mount, textOf, type Mounted } from '../support/mounted.js'
import { WALL_TIME } from '../support/wall-time.js'

const LONG = 'word '.repeat(20_000).trim()

/** Registers a handler of `event` that never comes back, as long as the test wants it. */
function hang(mounted: Mounted, event: string): { asked: () => number; end: () => void } {
  let asked = 0
  const off = mounted.host.coordinator.hooks.register(event, () => {
    asked++
    return new Promise<undefined>(() => undefined)
  })
  return { asked: () => asked, end: off }
}

describe('a hook that never comes back', WALL_TIME, () => {
  test.each([
    ['the request', EVENTS.llmRequest], ['the first block', EVENTS.streamBlockStart], ['a delta', EVENTS.streamBlockDelta], ['the response', EVENTS.llmResponse],
  ])('on %s holds the call no longer than its abort, and the place is free', async (_name, event) => {
    const mounted = await mount({ config: { max_concurrency: 1 } })
    const hanging = hang(mounted, event)
    const controller = new AbortController()
    const failure = failureOf(mounted.provider.complete(ask('hello'), { signal: controller.signal }))
    const outcome = event === EVENTS.llmResponse ? mounted.named(event) : undefined
    await vi.waitFor(() => expect(hanging.asked()).toBe(1), { timeout: 10_000 })
    controller.abort()
    if (outcome === undefined) expect(await failure).toMatchObject({ name: 'AbortError' })
    else await failure.catch(() => undefined)
    hanging.end()
    expect(textOf(await collect(mounted.provider.stream(ask('next'))))).toBe('You said: next')
  })

  test('holds it no longer than total_timeout', async () => {
    const mounted = await mount({ config: { max_concurrency: 1, total_timeout: 0.5 } })
    const hanging = hang(mounted, EVENTS.llmRequest)
    expect(await failureOf(mounted.provider.complete(ask('hello')))).toMatchObject({ name: 'LLMTimeoutError', code: 'total_timeout' })
    hanging.end()
  })

  test('before a retry and a fallback ends with the call too', async () => {
    const mounted = await mount()
    const hanging = hang(mounted, EVENTS.throttle)
    mounted.twin.enqueue({ status: 429, headers: { 'retry-after': '0' }, body: { error: { code: 'rate_limit_exceeded' } } })
    const controller = new AbortController()
    const failure = failureOf(mounted.provider.complete(ask('hello'), { signal: controller.signal }))
    await vi.waitFor(() => expect(hanging.asked()).toBe(1), { timeout: 10_000 })
    controller.abort()
    expect(await failure).toMatchObject({ name: 'AbortError' })
  })
})

describe('a reader that takes nothing', WALL_TIME, () => {
  test.each(['sse', 'websocket'] as const)('over %s loses its place after `timeout` with a typed error, and keeps what it has', async (transport) => {
    const mounted = await mount({ config: { transport, max_concurrency: 1, timeout: 0.3 } })
    mounted.twin.enqueue({ text: LONG, deltaChars: 2000 })
    const stream = mounted.provider.stream(ask('long'))
    const reader = stream[Symbol.asyncIterator]()
    const first = await reader.next()
    // Somebody else gets the place although the first one neither reads nor leaves.
    expect(textOf(await collect(mounted.provider.stream(ask('next'))))).toBe('You said: next')
    const events = [first.value]
    for (let step = await reader.next(); !step.done; step = await reader.next()) events.push(step.value)
    expect(events.map((event) => event?.seq)).toEqual(events.map((_, index) => index))
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { type: 'LLMTimeoutError', code: 'stalled_reader' } })
    expect(await failureOf(stream.response())).toMatchObject({ name: 'LLMTimeoutError', code: 'stalled_reader', retryable: false })
  })

  test('loses it at total_timeout', async () => {
    const mounted = await mount({ config: { max_concurrency: 1, total_timeout: 0.5 } })
    const other = await mount({ on: mounted.twin, config: { max_concurrency: 1 } })
    mounted.twin.enqueue({ text: LONG, deltaChars: 2000 })
    const stream = mounted.provider.stream(ask('long'))
    await stream[Symbol.asyncIterator]().next()
    // Of the same account, so it waits for the same place.
    expect(textOf(await collect(other.provider.stream(ask('next'))))).toBe('You said: next')
    expect(await failureOf(stream.response())).toMatchObject({ name: 'LLMTimeoutError', code: 'total_timeout' })
  })

  test('but is slow keeps it, however long the whole takes', async () => {
    const mounted = await mount({ config: { timeout: 0.3 } })
    mounted.twin.enqueue({ text: 'word '.repeat(200).trim(), deltaChars: 40 })
    let text = ''
    for await (const event of mounted.provider.stream(ask('slow'))) {
      if (event.type !== 'text.delta') continue
      text += event.text
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(text).toBe('word '.repeat(200).trim())
  })
})

test('total_timeout reaches a call that waits for a place', WALL_TIME, async () => {
  const holder = await mount({ config: { max_concurrency: 1 } })
  const mounted = await mount({ on: holder.twin, config: { max_concurrency: 1, total_timeout: 0.3 } })
  holder.twin.enqueue({ text: 'held', stallAfterEvents: 0 })
  const controller = new AbortController()
  const held = failureOf(holder.provider.complete(ask('held'), { signal: controller.signal }))
  await vi.waitFor(() => expect(holder.twin.activity().running).toBe(1), { timeout: 10_000 })
  expect(await failureOf(mounted.provider.complete(ask('waits')))).toMatchObject({ name: 'LLMTimeoutError', code: 'total_timeout' })
  expect(holder.twin.responses()).toHaveLength(1)
  controller.abort()
  await held
})
