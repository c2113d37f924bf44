import { getEventListeners } from 'node:events'
import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { StreamEvent } from '../../src/contract/index.js'
import { ask, mountOnTwin, type Mounted } from '../support/mounted.js'

const open: Mounted[] = []
afterEach(async () => {
  for (const mounted of open.splice(0)) await mounted.close()
})

/** What the call has under way when the caller gives it up; `start` begins it. */
type Moment = (scene: { mounted: Mounted; start: () => void; seen: () => StreamEvent | undefined }) => Promise<void> | void

const microtasks = (turns: number): Moment => async ({ start }) => {
  start()
  for (let turn = 0; turn < turns; turn++) await Promise.resolve()
}
const eventLoop = (turns: number): Moment => async ({ start }) => {
  start()
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const MOMENTS: [string, Moment][] = [
  ['before the call', () => undefined],
  ['in the tick of the call', ({ start }) => start()],
  ...[1, 2, 3, 4, 6, 9, 14, 25].map((turns): [string, Moment] => [`after ${turns} turns of the microtask queue`, microtasks(turns)]),
  ...[1, 2, 3, 5].map((turns): [string, Moment] => [`after ${turns} turns of the event loop`, eventLoop(turns)]),
  ['when the server has the request', async ({ mounted: { twin }, start }) => {
    const before = twin.responses().length
    start()
    await vi.waitFor(() => expect(twin.responses().length).toBeGreaterThan(before), { timeout: 10_000, interval: 1 })
  }],
  ['at its first event', async ({ start, seen }) => {
    start()
    await vi.waitFor(() => expect(seen()).toBeDefined(), { timeout: 10_000, interval: 1 })
  }],
]

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

/** Runs a call that is given up at the moment, then one that is not, and looks at what is left of both. */
async function giveUpAt(mounted: Mounted, moment: Moment): Promise<void> {
  const { provider, twin } = mounted
  const request = ask('hello', { conversation_id: 'one' })
  const before = timers()
  const controller = new AbortController()
  const events: StreamEvent[] = []
  const stream = provider.stream(request, { signal: controller.signal })
  let reading: Promise<void> | undefined
  const start = () => {
    reading = (async () => {
      for await (const event of stream) events.push(event)
    })()
  }
  // An await of nothing would be a turn already, and the request has left by then.
  const reached = moment({ mounted, start, seen: () => events[0] })
  if (reached) await reached
  controller.abort()
  if (!reading) start()
  await reading
  const outcome: unknown = await stream.response().then(() => 'answered before', (error: Error) => error.name)
  expect(['AbortError', 'answered before']).toContain(outcome)
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index))
  expect(events.filter(({ type }) => type === 'error' || type === 'message.end')).toHaveLength(1)
  expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  await expect(provider.complete(request)).resolves.toMatchObject({ finish_reason: 'stop' })
  // Of each kind at most the one that serves the next turn: what was given up has ended. In the turn after the wait's own timer has ended.
  const endMs = performance.now() + 10_000
  while (performance.now() < endMs && (timers() > before || twin.openConnections().websocket > 1)) {
    await delay(2)
    await immediate()
  }
  expect(twin.openConnections().websocket).toBeLessThanOrEqual(1)
  expect(timers()).toBeLessThanOrEqual(before)
}

describe.each(['sse', 'websocket'] as const)('a call over %s that is given up', (transport) => {
  test.each(MOMENTS)('%s, as the first of a mount, leaves nothing, and the next is served', async (_title, moment) => {
    const mounted = await mountOnTwin({ config: { transport } })
    open.push(mounted)
    await giveUpAt(mounted, moment)
    await mounted.close()
    expect(mounted.named('llm:request')).toHaveLength(mounted.named('llm:response').length)
  })

  test('at every moment in turn, on a connection that stands, leaves one connection at most', async () => {
    const mounted = await mountOnTwin({ config: { transport } })
    open.push(mounted)
    await mounted.provider.complete(ask('hello', { conversation_id: 'one' }))
    for (const [, moment] of MOMENTS) await giveUpAt(mounted, moment)
    await mounted.provider.close()
    await vi.waitFor(() => expect(mounted.twin.openConnections().websocket).toBe(0), { timeout: 10_000 })
  })
})
