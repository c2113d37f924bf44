import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startTimeouts, type TimeoutName } from '../../src/transport/timeouts.js'
import { eventStream, serve, serveRaw, serveSocket } from './support/servers.js'
import { failureOf, openTransport, readAll } from './support/transports.js'
import { WALL_TIME } from '../support/wall-time.js'

const POST = { method: 'POST', headers: {}, body: '{}' } as const

describe('the timeouts of an exchange', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  const run = (timeouts: Parameters<typeof startTimeouts>[0]) => {
    const rung: [TimeoutName, number][] = []
    const watch = startTimeouts(timeouts, { expire: (clock, ms) => rung.push([clock, ms]) })
    const pass = async (ms: number) => {
      vi.advanceTimersByTime(ms)
      await turn()
      return rung
    }
    return { watch, pass, rung }
  }

  test('each rings in its own stage', async () => {
    const timeouts = { connectMs: 10, firstFrameMs: 20, idleMs: 30 }
    expect(await run(timeouts).pass(10)).toEqual([['connect', 10]])
    const sending = run(timeouts)
    sending.watch.enter('sending')
    expect(await sending.pass(29)).toEqual([])
    expect(await sending.pass(1)).toEqual([['idle', 30]])
    const awaiting = run(timeouts)
    awaiting.watch.enter('sending')
    awaiting.watch.enter('awaiting')
    expect(await awaiting.pass(20)).toEqual([['first_frame', 20]])
    const receiving = run(timeouts)
    receiving.watch.enter('receiving')
    expect(await receiving.pass(30)).toEqual([['idle', 30]])
  })

  test('where a stage has none, the silence clock is its clock', async () => {
    const { watch, pass } = run({ idleMs: 30 })
    await pass(20)
    watch.enter('awaiting')
    expect(await pass(20)).toEqual([])
    expect(await pass(10)).toEqual([['idle', 30]])
  })

  test('only the silence clock starts again with every byte', async () => {
    const idle = run({ idleMs: 30 })
    idle.watch.enter('receiving')
    for (let beat = 0; beat < 5; beat++) {
      expect(await idle.pass(29)).toEqual([])
      idle.watch.alive()
    }
    expect(await idle.pass(30)).toEqual([['idle', 30]])
    const first = run({ firstFrameMs: 20, idleMs: 30 })
    first.watch.enter('awaiting')
    await first.pass(10)
    first.watch.alive()
    first.watch.enter('awaiting')
    expect(await first.pass(10)).toEqual([['first_frame', 20]])
  })

  test('silence does not count while reading is suspended, and counts from the start afterwards', async () => {
    const { watch, pass } = run({ idleMs: 30 })
    watch.enter('receiving')
    watch.suspend()
    expect(await pass(500)).toEqual([])
    watch.resume()
    expect(await pass(29)).toEqual([])
    expect(await pass(1)).toEqual([['idle', 30]])
  })

  test('the total rings whatever happens, and no clock rings twice or after stop', async () => {
    const { watch, pass } = run({ totalMs: 50, idleMs: 30 })
    watch.enter('receiving')
    for (let beat = 0; beat < 4; beat++) {
      await pass(10)
      watch.alive()
    }
    expect(await pass(10)).toEqual([['total', 50]])
    expect(await pass(500)).toEqual([['total', 50]])
    const stopped = run({ totalMs: 50, idleMs: 30 })
    stopped.watch.stop()
    expect(await stopped.pass(500)).toEqual([])
  })

  test('bytes that were there when the event loop was blocked are seen before silence is declared', () => {
    const { watch, rung } = run({ idleMs: 30 })
    watch.enter('receiving')
    vi.advanceTimersByTime(30)
    watch.alive() // read in the same turn, after the timers
    return turn().then(() => expect(rung).toEqual([]))
  })

  test('zero and infinity mean off', async () => {
    expect(await run({ connectMs: 0, totalMs: Infinity, idleMs: 0 }).pass(2 ** 31)).toEqual([])
  })
})

describe('over HTTP', WALL_TIME, () => {
  test('connect: a server that never finishes the TLS handshake', async () => {
    const server = await serveRaw((socket) => void socket.on('data', () => undefined))
    const failure = await failureOf(openTransport().stream({ ...POST, url: server.url.replace('http', 'https'), timeouts: { connectMs: 40 } }))
    expect({ ...failure }).toMatchObject({ kind: 'timeout', phase: 'unsent', clock: 'connect' })
    await server.idle()
  })

  test('first frame: headers alone are none', async () => {
    const server = await serve((_request, response) => void eventStream(response))
    const stream = await openTransport().stream({ ...POST, url: server.url, timeouts: { firstFrameMs: 40 } })
    expect({ ...(await failureOf(stream.next())) }).toMatchObject({ kind: 'timeout', phase: 'answering', clock: 'first_frame' })
    await server.idle()
  })

  test('first frame: no answer at all', async () => {
    const server = await serve(() => undefined)
    const failure = await failureOf(openTransport().stream({ ...POST, url: server.url, timeouts: { firstFrameMs: 40, connectMs: 5000 } }))
    expect({ ...failure }).toMatchObject({ kind: 'timeout', phase: 'sent', clock: 'first_frame' })
    await server.idle()
  })

  test('idle: silence after the first frame; what came is answered first', async () => {
    const server = await serve((_request, response) => eventStream(response).write('data: 1\n\n'))
    const stream = await openTransport().stream({ ...POST, url: server.url, timeouts: { idleMs: 60 } })
    expect(await stream.next()).toEqual(['1'])
    expect({ ...(await failureOf(stream.next())) }).toMatchObject({ kind: 'timeout', phase: 'answering', clock: 'idle' })
    await server.idle()
  })

  test('idle: comments are life', async () => {
    const server = await serve((_request, response) => {
      const stream = eventStream(response)
      let beats = 0
      const timer = setInterval(() => {
        if (++beats < 12) return void stream.write(': beat\n\n')
        clearInterval(timer)
        stream.end('data: {"done":true}\n\n')
      }, 40)
    })
    const stream = await openTransport().stream({ ...POST, url: server.url, timeouts: { idleMs: 250 } })
    expect(await readAll(stream)).toEqual(['{"done":true}'])
  })

  test('total: in the middle of a lively stream, and of a fetch', async () => {
    const server = await serve((_request, response) => {
      const stream = eventStream(response)
      const timer = setInterval(() => stream.write('data: 1\n\n'), 5)
      response.on('close', () => clearInterval(timer))
    })
    const transport = openTransport()
    const stream = await transport.stream({ ...POST, url: server.url, timeouts: { totalMs: 60, idleMs: 5000 } })
    expect({ ...(await failureOf(readAll(stream))) }).toMatchObject({ kind: 'timeout', clock: 'total' })
    const failure = await failureOf(transport.fetch({ method: 'GET', headers: {}, url: server.url, timeouts: { totalMs: 60 } }))
    expect({ ...failure }).toMatchObject({ kind: 'timeout', clock: 'total' })
    await server.idle()
  })
})

describe('over WebSocket', WALL_TIME, () => {
  test('connect: an upgrade nobody answers', async () => {
    const server = await serve(() => undefined)
    const failure = await failureOf(openTransport().connect({ url: server.url.replace('http', 'ws'), headers: {}, connectMs: 40 }))
    expect({ ...failure }).toMatchObject({ kind: 'timeout', phase: 'unsent', clock: 'connect' })
    await server.idle()
  })

  test('first frame, idle and total', async () => {
    const server = await serveSocket((socket) => {
      socket.on('message', (message) => {
        if (String(message) !== 'nothing') socket.send('1')
        if (String(message) !== 'more') return
        const timer = setInterval(() => socket.send('2'), 5)
        socket.on('close', () => clearInterval(timer))
      })
    })
    const cases = [
      ['nothing', { firstFrameMs: 40, idleMs: 5000 }, { clock: 'first_frame', phase: 'sent' }],
      ['one', { idleMs: 60 }, { clock: 'idle', phase: 'answering' }],
      ['more', { totalMs: 60, idleMs: 5000 }, { clock: 'total', phase: 'answering' }],
    ] as const
    for (const [message, timeouts, expected] of cases) {
      const connection = await openTransport().connect({ url: server.url, headers: {} })
      const failure = await failureOf(readAll(connection.exchange(message, { timeouts })))
      expect({ ...failure }).toMatchObject({ kind: 'timeout', ...expected })
      expect(connection.state).toBe('closed')
    }
    await server.idle()
  })

  test('idle: pings of the peer and pongs to our pings are life', async () => {
    const theirs = await serveSocket((socket) => {
      socket.on('message', () => {
        let beats = 0
        const timer = setInterval(() => {
          if (++beats < 12) return socket.ping()
          clearInterval(timer)
          socket.send('done')
        }, 40)
      })
    })
    const ours = await serveSocket((socket) => void socket.on('message', () => setTimeout(() => socket.send('done'), 450)))
    for (const [server, pingMs] of [[theirs, 30_000], [ours, 40]] as const) {
      const connection = await openTransport().connect({ url: server.url, headers: {}, pingMs })
      expect(await connection.exchange('go', { timeouts: { idleMs: 250 } }).next()).toEqual(['done'])
    }
  })
})
