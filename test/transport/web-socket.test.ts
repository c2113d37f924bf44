import { getEventListeners } from 'node:events'
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { describe, expect, test } from 'vitest'
import type { SocketConnection } from '../../src/transport/index.js'
import { serve, serveRaw, serveSocket } from './support/servers.js'
import { failureOf, openTransport, readAll } from './support/transports.js'
import { WALL_TIME } from '../support/wall-time.js'

const HEADERS = { authorization: 'Bearer made-up', 'X-One': '1' }

async function readCount(stream: { next(): Promise<readonly string[] | undefined> }, count: number): Promise<string[]> {
  const frames: string[] = []
  while (frames.length < count) frames.push(...((await stream.next()) ?? []))
  return frames
}

function closedOf(connection: SocketConnection): Promise<[number, string]> {
  return new Promise((resolve) => connection.onClosed((code, reason) => resolve([code, reason])))
}

describe('the upgrade', () => {
  test('sends the headers, offers compression and shows the headers of the answer', async () => {
    const server = await serveSocket(() => undefined)
    server.wss.on('headers', (headers) => headers.push('X-Answer: 7'))
    const connection = await openTransport({ now: () => 42 }).connect({ url: `${server.url}a?b=c`, headers: HEADERS })
    expect([connection.headers['x-answer'], connection.openedAtMs, connection.state]).toEqual(['7', 42, 'idle'])
    expect(server.upgrades[0]).toMatchObject({ authorization: 'Bearer made-up', 'x-one': '1' })
    expect(server.upgrades[0]?.['sec-websocket-extensions']).toBe('permessage-deflate; client_max_window_bits')
  })

  test.each([[200], [307], [400], [401], [403], [404], [426], [429], [500], [503]])('answered with %i is a refusal with status, headers and body', async (status) => {
    const body = JSON.stringify({ error: { code: `e${status}` } })
    const server = await serveRaw((socket) => void socket.once('data', () => {
      socket.end(`HTTP/1.1 ${status} Word\r\nRetry-After: 9\r\nLocation: /x\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    }))
    const failure = await failureOf(openTransport().connect({ url: server.url.replace('http', 'ws'), headers: HEADERS }))
    expect([failure.kind, failure.phase, failure.status, failure.headers?.['retry-after'], failure.body]).toEqual(['refused', 'unsent', status, '9', body])
    await server.idle()
    expect(server.accepted()).toBe(1)
  })

  test('answered with a long body keeps 64 KiB of it, with a body that never ends what came', async () => {
    const server = await serve((request, response) => {
      response.writeHead(429)
      if (request.url === '/long') response.end('b'.repeat(500_000))
    })
    const failure = await failureOf(openTransport().connect({ url: `${server.url.replace('http', 'ws')}long`, headers: {} }))
    expect([failure.status, failure.body?.length]).toEqual([429, 65_536])
    await server.idle()
  })

  test('that fails without an answer is kind connect, unsent', async () => {
    const hangsUp = await serveRaw((socket) => void socket.once('data', () => socket.destroy()))
    const lies = await serveRaw((socket) => void socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: nonsense\r\n\r\n')
    }))
    for (const server of [hangsUp, lies]) {
      const failure = await failureOf(openTransport().connect({ url: server.url.replace('http', 'ws'), headers: {} }))
      expect([failure.kind, failure.phase]).toEqual(['connect', 'unsent'])
      await server.idle()
    }
  })

  test('ends with its signal', WALL_TIME, async () => {
    const server = await serve(() => undefined)
    const controller = new AbortController()
    const work = failureOf(openTransport().connect({ url: server.url.replace('http', 'ws'), headers: {}, signal: controller.signal }))
    while (server.open() === 0) await new Promise(setImmediate)
    const startMs = performance.now()
    controller.abort()
    expect((await work).kind).toBe('aborted')
    expect(performance.now() - startMs).toBeLessThan(250)
    await server.idle()
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  test('loses no message that comes with the answer', async () => {
    const server = await serveSocket((socket) => {
      socket.send('first')
      socket.send('second')
    })
    const connection = await openTransport().connect({ url: server.url, headers: {} })
    expect([await connection.receive(), await connection.receive()]).toEqual(['first', 'second'])
  })
})

describe('an exchange', () => {
  test('answers text and binary messages, small, large and compressed, in order', async () => {
    const large = JSON.stringify({ text: 'ü🙂'.repeat(100_000) })
    for (const perMessageDeflate of [false, true]) {
      const server = await serveSocket((socket) => {
        socket.on('message', (message) => {
          socket.send(`echo ${String(message)}`)
          socket.send(Buffer.from('binär'), { binary: true })
          socket.send(large)
        })
      }, { perMessageDeflate })
      const connection = await openTransport().connect({ url: server.url, headers: {} })
      const stream = connection.exchange('hällo')
      expect(connection.state).toBe('busy')
      expect(stream.status).toBe(101)
      const frames = await readCount(stream, 3)
      expect(frames.slice(0, 2)).toEqual(['echo hällo', 'binär'])
      expect(frames[2] === large).toBe(true)
      stream.release()
      expect(connection.state).toBe('idle')
      expect(await stream.next()).toBeUndefined()
    }
  })

  test('compresses a long message where the peer takes that, and no short one', async () => {
    let wire: Socket | undefined
    const server = await serveSocket((socket, request) => {
      wire = request.socket
      socket.on('message', (message: Buffer) => socket.send(String(message.length)))
    }, { perMessageDeflate: true })
    const connection = await openTransport().connect({ url: server.url, headers: {} })
    const bytesOf = async (message: string): Promise<number> => {
      const before = wire?.bytesRead ?? 0
      const stream = connection.exchange(message)
      expect(await readCount(stream, 1)).toEqual([String(message.length)])
      stream.release()
      return (wire?.bytesRead ?? 0) - before
    }
    expect(await bytesOf('word '.repeat(4_000))).toBeGreaterThan(20_000)
    expect(await bytesOf('word '.repeat(40_000))).toBeLessThan(2_000)
  })

  test('that is over leaves a socket that holds no process, and the next one holds it again', async () => {
    const server = await serveSocket((socket) => void socket.on('message', () => socket.send('done')))
    const held = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
    const connection = await openTransport().connect({ url: server.url, headers: {} })
    for (let turn = 0; turn < 2; turn++) {
      const before = held()
      const frames = connection.exchange('ask')
      const during = held()
      expect(await readCount(frames, 1)).toEqual(['done'])
      frames.release()
      expect([turn, during - held(), during - before]).toEqual([turn, 1, turn])
    }
    connection.close()
  })

  test('follows another on the same connection, and what comes between belongs to neither', async () => {
    let serverSide: WebSocket | undefined
    const server = await serveSocket((socket) => {
      serverSide = socket
      socket.on('message', (message) => socket.send(`answer to ${String(message)}`))
    })
    const connection = await openTransport().connect({ url: server.url, headers: {} })
    const first = connection.exchange('1')
    expect(() => connection.exchange('2')).toThrow('busy')
    expect(await first.next()).toEqual(['answer to 1'])
    first.release()
    first.release()
    const pong = new Promise((resolve) => serverSide?.once('pong', resolve))
    serverSide?.send('late')
    serverSide?.ping()
    await pong
    const second = connection.exchange('2')
    expect(await second.next()).toEqual(['answer to 2'])
    second.release()
    first.close() // of an exchange that is over: does nothing
    expect([connection.state, server.accepted()]).toEqual(['idle', 1])
  })

  test.each([[1000], [1001], [1008], [1009], [1011], [1012], [1013], [4000], [4999]])('ended by close code %i tells it, after what had come', async (code) => {
    const server = await serveSocket((socket) => {
      socket.on('message', () => {
        socket.send('{"a":1}')
        socket.close(code, 'why')
      })
    })
    const connection = await openTransport().connect({ url: server.url, headers: {} })
    const closed = closedOf(connection)
    const stream = connection.exchange('go')
    expect(await stream.next()).toEqual(['{"a":1}'])
    expect({ ...(await failureOf(stream.next())) }).toMatchObject({ kind: 'closed', phase: 'answering', closeCode: code, closeReason: 'why' })
    expect(await closed).toEqual([code, 'why'])
    expect(connection.state).toBe('closed')
    const failure = await failureOf(() => connection.exchange('more'))
    expect({ ...failure }).toMatchObject({ kind: 'closed', phase: 'unsent', closeCode: code })
    await server.idle()
  })

  test('whose connection goes without a close frame is cut, with 1006', async () => {
    for (const end of ['terminate', 'reset'] as const) {
      const server = await serveSocket((socket, request) => {
        socket.on('message', () => {
          if (end === 'terminate') socket.terminate()
          else request.socket.resetAndDestroy()
        })
      })
      const connection = await openTransport().connect({ url: server.url, headers: {} })
      const failure = await failureOf(connection.exchange('go').next())
      expect({ ...failure }).toMatchObject({ kind: 'cut', phase: 'sent', closeCode: 1006 })
      expect(connection.state).toBe('closed')
    }
  })

  test('whose message the system refused to take is unsent', async () => {
    let serverSide: Socket | undefined
    const server = await serveSocket((_socket, request) => void (serverSide = request.socket))
    const connection = await openTransport().connect({ url: server.url, headers: {} })
    serverSide?.resetAndDestroy() // known to the system, not yet to us
    const failure = await failureOf(connection.exchange('go').next())
    expect({ ...failure }).toMatchObject({ kind: 'cut', phase: 'unsent', closeCode: 1006 })
  })

  test('that meets a message over the limit or bytes that are no WebSocket ends with kind content', async () => {
    const tooLong = await serveSocket((socket) => void socket.on('message', () => socket.send('x'.repeat(5000))))
    const nonsense = await serveSocket((socket, request) => void socket.on('message', () => request.socket.write('nonsense')))
    const cases = [[tooLong, 1009], [nonsense, 1002]] as const
    for (const [server, closeCode] of cases) {
      const connection = await openTransport({ maxFrameBytes: 1000 }).connect({ url: server.url, headers: {} })
      expect({ ...(await failureOf(connection.exchange('go').next())) }).toMatchObject({ kind: 'content', closeCode })
    }
  })

  test('ends with its signal, the connection with it', WALL_TIME, async () => {
    const server = await serveSocket((socket) => void socket.on('message', () => socket.send('1')))
    const connection = await openTransport().connect({ url: server.url, headers: {} })
    const controller = new AbortController()
    const stream = connection.exchange('go', { signal: controller.signal })
    expect(await stream.next()).toEqual(['1'])
    const waiting = failureOf(stream.next())
    const startMs = performance.now()
    controller.abort(new Error('enough'))
    const failure = await waiting
    expect(performance.now() - startMs).toBeLessThan(250)
    expect([failure.kind, failure.phase, failure.cause]).toEqual(['aborted', 'answering', new Error('enough')])
    expect(connection.state).toBe('closed')
    await server.idle()
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  test('given up ends the connection; one whose signal has aborted is not sent and leaves it alone', async () => {
    const messages: string[] = []
    const server = await serveSocket((socket) => void socket.on('message', (message) => messages.push(String(message))))
    const connection = await openTransport().connect({ url: server.url, headers: {} })
    expect((await failureOf(() => connection.exchange('no', { signal: AbortSignal.abort() }))).kind).toBe('aborted')
    expect(connection.state).toBe('idle')
    const stream = connection.exchange('go')
    stream.close()
    stream.close()
    expect((await failureOf(stream.next())).kind).toBe('aborted')
    await server.idle()
    expect(messages).not.toContain('no')
  })
})

describe('a dead peer', WALL_TIME, () => {
  test('is noticed within two ping intervals, during an exchange and between', async () => {
    const server = await serveSocket((socket, request) => void socket.on('message', () => request.socket.pause()))
    const connection = await openTransport().connect({ url: server.url, headers: {}, pingMs: 50 })
    const closed = closedOf(connection)
    const startMs = performance.now()
    const failure = await failureOf(connection.exchange('die').next())
    const elapsedMs = performance.now() - startMs
    expect({ ...failure }).toMatchObject({ kind: 'timeout', clock: 'idle', phase: 'sent' })
    expect(elapsedMs).toBeGreaterThan(49)
    expect(elapsedMs).toBeLessThan(300)
    expect((await closed)[0]).toBe(1006)

    const silent = await serveSocket((_socket, request) => void request.socket.pause())
    const idle = await openTransport().connect({ url: silent.url, headers: {}, pingMs: 40 })
    expect((await closedOf(idle))[0]).toBe(1006)
    expect(idle.state).toBe('closed')
  })

  test('is not one that answers pings and says nothing else, nor one we do not read', async () => {
    let serverSide: WebSocket | undefined
    const server = await serveSocket((socket) => {
      serverSide = socket
      socket.on('message', () => {
        for (let index = 0; index < 300; index++) socket.send('x'.repeat(1000))
      })
    })
    const connection = await openTransport().connect({ url: server.url, headers: {}, pingMs: 20 })
    const fivePings = async () => {
      for (let count = 0; count < 5; count++) await new Promise((resolve) => serverSide?.once('ping', resolve))
    }
    await fivePings()
    expect(connection.state).toBe('idle')
    const stream = connection.exchange('flood')
    await fivePings()
    expect(connection.state).toBe('busy')
    expect(await readCount(stream, 300)).toHaveLength(300)
  })
})

describe('a connection its caller speaks over', () => {
  test('sends and receives one message at a time until the end, and takes no exchange', async () => {
    const server = await serveSocket((socket) => {
      socket.on('message', (message) => {
        socket.send(`${String(message)} 1`)
        socket.send(`${String(message)} 2`)
        if (String(message) === 'bye') socket.close(1000)
      })
    })
    const connection = await openTransport().connect({ url: server.url, headers: {} })
    await connection.send('hello')
    expect(connection.state).toBe('busy')
    expect(() => connection.exchange('x')).toThrow('busy')
    expect([await connection.receive(), await connection.receive()]).toEqual(['hello 1', 'hello 2'])
    await connection.send('bye')
    expect([await connection.receive(), await connection.receive(), await connection.receive(), await connection.receive()]).toEqual(['bye 1', 'bye 2', undefined, undefined])
    expect({ ...(await failureOf(connection.send('late'))) }).toMatchObject({ phase: 'unsent', closeCode: 1000 })
  })

  test('waits no longer than its signal, and loses nothing by that', async () => {
    let serverSide: WebSocket | undefined
    const server = await serveSocket((socket) => void (serverSide = socket))
    const connection = await openTransport().connect({ url: server.url, headers: {} })
    const controller = new AbortController()
    const waiting = failureOf(connection.receive({ signal: controller.signal }))
    controller.abort()
    expect((await waiting).kind).toBe('aborted')
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    serverSide?.send('still here')
    expect(await connection.receive()).toBe('still here')
  })
})

describe('closing', () => {
  test('tells the peer code and reason, and everybody who listens once', async () => {
    const seen: unknown[] = []
    const server = await serveSocket((socket) => void socket.on('close', (code, reason) => seen.push([code, String(reason)])))
    const connection = await openTransport().connect({ url: server.url, headers: {} })
    let unwanted = 0
    connection.onClosed(() => unwanted++)()
    const closed = Promise.all([closedOf(connection), closedOf(connection)])
    connection.close(4001, 'done')
    connection.close()
    expect(await closed).toEqual([[4001, 'done'], [4001, 'done']])
    expect(await closedOf(connection)).toEqual([4001, 'done'])
    await server.idle()
    expect([seen, unwanted]).toEqual([[[4001, 'done']], 0])
  })

  test('ends an exchange under way, and the socket of a peer that does not answer', async () => {
    let onPaused: (() => void) | undefined
    const paused = new Promise<void>((resolve) => (onPaused = resolve))
    const server = await serveSocket((socket, request) => void socket.on('message', () => {
      request.socket.pause()
      onPaused?.()
    }))
    const connection = await openTransport().connect({ url: server.url, headers: {} })
    const waiting = failureOf(connection.exchange('go').next())
    await paused
    connection.close()
    expect((await waiting).kind).toBe('aborted')
    expect((await closedOf(connection))[0]).toBe(1006)
  })

  test('the transport ends every connection and every attempt, twice without harm', async () => {
    const server = await serveSocket((socket) => void socket.on('message', () => socket.send('1')))
    const mute = await serve(() => undefined)
    const transport = openTransport()
    const connections = await Promise.all([1, 2].map(() => transport.connect({ url: server.url, headers: {} })))
    const waiting = failureOf(readAll(connections[0]?.exchange('go') ?? Promise.reject(new Error('no connection')) as never))
    const attempt = failureOf(transport.connect({ url: mute.url.replace('http', 'ws'), headers: {} }))
    while (mute.open() === 0) await new Promise(setImmediate)
    await Promise.all([transport.close(), transport.close()])
    expect([(await waiting).kind, (await attempt).kind]).toEqual(['aborted', 'aborted'])
    expect(connections.map(({ state }) => state)).toEqual(['closed', 'closed'])
    await Promise.all([server.idle(), mute.idle()])
    expect((await failureOf(transport.connect({ url: server.url, headers: {} }))).kind).toBe('aborted')
  })
})
