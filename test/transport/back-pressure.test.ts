import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { eventStream, serve, serveSocket } from './support/servers.js'
import { openTransport } from './support/transports.js'
import { WALL_TIME } from '../support/wall-time.js'

const EVENT_BYTES = 8 * 1024
const EVENTS = 4_000
/** Both systems' socket buffers and Node's own; what a socket may hold grows with use up to 4 + 6 MiB on Linux. */
const BUFFERS_BYTES = 16 * 1024 * 1024

/** Waits until the count stays the same: nothing flows any more. */
async function settled(count: () => number): Promise<number> {
  let last = -1
  for (let calm = 0; calm < 4; ) {
    await delay(25)
    if (count() === last) calm++
    else calm = 0
    last = count()
  }
  return last
}

/** Writes events one after the other, each when the system has taken the one before; counts what it took. */
function pour(write: (text: string, done: (error?: Error | null) => void) => void, finish: () => void): { taken: () => number } {
  let taken = 0
  const next = (index: number): void => {
    if (index === EVENTS) return finish()
    write(JSON.stringify({ index, text: 'x'.repeat(EVENT_BYTES) }), (error) => {
      if (error) return
      taken += EVENT_BYTES
      next(index + 1)
    })
  }
  next(0)
  return { taken: () => taken }
}

async function expectPaced(stream: { next(): Promise<readonly string[] | undefined> }, taken: () => number): Promise<void> {
  const first = await stream.next()
  const held = await settled(taken)
  expect(held).toBeGreaterThan(0)
  expect(held).toBeLessThan(BUFFERS_BYTES)
  expect(await settled(taken)).toBe(held)
  let expected = 0
  for (let batch = first; batch && expected < EVENTS; batch = expected < EVENTS ? await stream.next() : undefined) {
    for (const frame of batch) expect(frame.startsWith(`{"index":${expected++},`)).toBe(true)
  }
  expect(expected).toBe(EVENTS)
}

test('over HTTP a consumer that stops stops the server, and gets everything when it goes on', WALL_TIME, async () => {
  let poured: { taken: () => number } | undefined
  const server = await serve((_request, response) => {
    const stream = eventStream(response)
    poured = pour((text, done) => stream.write(`data: ${text}\n\n`, done), () => stream.end())
  })
  const stream = await openTransport().stream({ method: 'POST', url: server.url, headers: {}, body: '{}', timeouts: { idleMs: 150 } })
  await expectPaced(stream, () => poured?.taken() ?? 0)
  expect(await stream.next()).toBeUndefined()
})

test.each([false, true])('over WebSocket likewise, compressed: %s, and the silence of a paused socket is nobody’s death', async (perMessageDeflate) => {
  let poured: { taken: () => number } | undefined
  const server = await serveSocket((socket) => {
    socket.on('message', () => (poured = pour((text, done) => socket.send(text, done), () => undefined)))
  }, { perMessageDeflate: perMessageDeflate && { threshold: 0 } })
  const timeouts = perMessageDeflate ? { pingMs: 2000, idleMs: 5000 } : { pingMs: 75, idleMs: 150 }
  const connection = await openTransport().connect({ url: server.url, headers: {}, pingMs: timeouts.pingMs })
  const stream = connection.exchange('go', { timeouts: { idleMs: timeouts.idleMs } })
  if (!perMessageDeflate) return expectPaced(stream, () => poured?.taken() ?? 0)
  // 32 MB of the same letter deflate to less than the buffers hold: only the order can be seen
  let expected = 0
  while (expected < EVENTS) for (const frame of (await stream.next()) ?? []) expect(frame.startsWith(`{"index":${expected++},`)).toBe(true)
})

test('messages nobody receives stop the server too', async () => {
  let poured: { taken: () => number } | undefined
  const server = await serveSocket((socket) => {
    poured = pour((text, done) => socket.send(text, done), () => undefined)
  }, { perMessageDeflate: false })
  const connection = await openTransport().connect({ url: server.url, headers: {} })
  await expectPaced({ next: async () => [(await connection.receive()) ?? ''] }, () => poured?.taken() ?? 0)
})

test('over WebSocket half a message stops the server too while the one before is looked at, and comes whole to whoever waits', async () => {
  const piece = 'x'.repeat(EVENT_BYTES)
  let taken = 0
  const server = await serveSocket((socket) => {
    const next = (index: number): void =>
      socket.send(piece, { fin: index === EVENTS }, (error) => {
        if (error) return
        taken += EVENT_BYTES
        if (index < EVENTS) next(index + 1)
      })
    socket.on('message', () => socket.send('short', () => next(1)))
  })
  const connection = await openTransport().connect({ url: server.url, headers: {}, pingMs: 75 })
  const stream = connection.exchange('go', { timeouts: { idleMs: 150 } })
  expect(await stream.next()).toEqual(['short'])
  expect(await settled(() => taken)).toBeLessThan(BUFFERS_BYTES)
  expect((await stream.next())?.map((text) => text.length)).toEqual([EVENTS * EVENT_BYTES])
})
