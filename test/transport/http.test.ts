import { getEventListeners, once } from 'node:events'
import { Agent } from 'undici'
import { describe, expect, test } from 'vitest'
import type { TransportFailure } from '../../src/transport/index.js'
import { eventStream, onCleanup, serve, serveRaw } from './support/servers.js'
import { failureOf, openTransport, readAll } from './support/transports.js'
import { WALL_TIME } from '../support/wall-time.js'

const POST = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' } as const

describe('fetch', () => {
  test('answers any status with headers in lower case, and sends what it was given', async () => {
    const seen: unknown[] = []
    const server = await serve((request, response, body) => {
      seen.push([request.method, request.url, request.headers['x-one'], body.toString()])
      response.writeHead(404, { 'X-Answer': 'A', 'Set-Cookie': ['a=1', 'b=2'] }).end('nicht gefunden: ü')
    })
    const reply = await openTransport().fetch({ method: 'POST', url: `${server.url}a/b?c=d`, headers: { 'X-One': '1' }, body: 'körper' })
    expect([reply.status, reply.body, reply.headers['x-answer'], reply.headers['set-cookie']]).toEqual([404, 'nicht gefunden: ü', 'A', 'a=1, b=2'])
    expect(seen).toEqual([['POST', '/a/b?c=d', '1', 'körper']])
  })

  test('never follows a redirect', async () => {
    const server = await serve((_request, response) => response.writeHead(307, { location: '/elsewhere' }).end())
    const reply = await openTransport().fetch({ method: 'GET', url: server.url, headers: { authorization: 'Bearer made-up' } })
    expect([reply.status, reply.headers['location'], server.accepted()]).toEqual([307, '/elsewhere', 1])
  })

  test('refuses a body over the limit', async () => {
    const server = await serve((_request, response) => response.end('x'.repeat(5000)))
    const failure = await failureOf(openTransport({ maxFrameBytes: 1000 }).fetch({ method: 'GET', url: server.url, headers: {} }))
    expect({ ...failure }).toMatchObject({ kind: 'content', phase: 'answering', status: 200 })
  })

  test('refuses plain text to another machine, and what is no web address, before anything is sent', async () => {
    const transport = openTransport()
    const cases = [['http://192.0.2.1/', 'ERR_PLAIN_TEXT'], ['http://a.example/', 'ERR_PLAIN_TEXT'], ['ftp://localhost/', 'ERR_INVALID_URL'], ['nonsense', 'ERR_INVALID_URL']] as const
    for (const [url, systemCode] of cases) {
      const failure = await failureOf(transport.fetch({ method: 'GET', url, headers: {} }))
      expect({ ...failure }).toMatchObject({ kind: 'connect', phase: 'unsent', systemCode })
    }
    for (const url of ['ws://192.0.2.1/', 'http://localhost/']) {
      expect({ ...(await failureOf(transport.connect({ url, headers: {} }))) }).toMatchObject({ kind: 'connect', phase: 'unsent' })
    }
  })

  test('reports a header that cannot be sent without showing its value', async () => {
    const server = await serve((_request, response) => response.end())
    const failure = await failureOf(openTransport().fetch({ method: 'GET', url: server.url, headers: { authorization: 'Bearer made\nup' } }))
    expect({ ...failure }).toMatchObject({ kind: 'content', phase: 'unsent' })
    expect(failure.message).not.toContain('made')
  })
})

describe('stream', () => {
  test('answers frames in order, and undefined at the end as often as asked', async () => {
    const server = await serve((_request, response) => {
      const stream = eventStream(response, { 'X-Id': '7' })
      stream.write('data: 1\n\nda')
      stream.write('ta: 2\n\n')
      stream.end('data: {"three":3}')
    })
    const stream = await openTransport().stream({ ...POST, url: server.url })
    expect([stream.status, stream.headers['x-id']]).toEqual([200, '7'])
    expect(await readAll(stream)).toEqual(['1', '2', '{"three":3}'])
    expect(await stream.next()).toBeUndefined()
  })

  test('tells a refusal with its status, headers and at most 64 KiB of its body, which no log prints', async () => {
    const server = await serve((_request, response) => response.writeHead(429, { 'Retry-After': '7' }).end('b'.repeat(200_000)))
    const failure = await failureOf(openTransport().stream({ ...POST, url: server.url }))
    expect({ ...failure }).toMatchObject({ kind: 'refused', phase: 'answering', status: 429 })
    expect([failure.headers?.['retry-after'], failure.body]).toEqual(['7', 'b'.repeat(65_536)])
    expect(Object.keys(failure)).not.toContain('body')
  })

  test('tells a refusal whose body breaks off or never comes as far as it came', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(500, { 'content-length': '100' })
      response.write('half', () => response.destroy())
    })
    const failure = await failureOf(openTransport().stream({ ...POST, url: server.url }))
    expect([failure.kind, failure.status, failure.body]).toEqual(['refused', 500, 'half'])
  })

  test.each([[301], [304], [401], [403], [503]])('a %i is a refusal', async (status) => {
    const server = await serve((_request, response) => response.writeHead(status, { location: '/x' }).end())
    expect((await failureOf(openTransport().stream({ ...POST, url: server.url }))).status).toBe(status)
    expect(server.accepted()).toBe(1)
  })

  test('a success that is no event stream is refused with its body, but a missing type is forgiven', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/untyped') response.writeHead(200).end('data: {"a":1}\n\n')
      else response.writeHead(200, { 'content-type': 'text/html' }).end('<p>sign in</p>')
    })
    const transport = openTransport()
    const failure = await failureOf(transport.stream({ ...POST, url: server.url }))
    expect([failure.kind, failure.phase, failure.status, failure.body]).toEqual(['content', 'answering', 200, '<p>sign in</p>'])
    expect(await readAll(await transport.stream({ ...POST, url: `${server.url}untyped` }))).toEqual(['{"a":1}'])
  })

  test('a connection that breaks gives what had come, a whole last event included, and then the failure', async () => {
    const server = await serve((_request, response) => {
      const stream = eventStream(response)
      stream.write('data: {"one":1}\n\ndata: {"two":2}\n', () => response.destroy())
    })
    const stream = await openTransport().stream({ ...POST, url: server.url })
    const frames: string[] = []
    const failure = await failureOf(async () => {
      for (;;) frames.push(...((await stream.next()) ?? []))
    })
    expect(frames).toEqual(['{"one":1}', '{"two":2}'])
    expect([failure.kind, failure.phase]).toEqual(['cut', 'answering'])
    expect((await failureOf(stream.next())).kind).toBe('cut')
  })

  test('an event over the limit fails with kind content and ends the connection', async () => {
    const server = await serve((_request, response) => eventStream(response).write(`data: {"a":1}\n\ndata: ${'x'.repeat(5000)}`))
    const stream = await openTransport({ maxFrameBytes: 1000 }).stream({ ...POST, url: server.url })
    expect(await stream.next()).toEqual(['{"a":1}'])
    expect((await failureOf(stream.next())).kind).toBe('content')
    await server.idle()
  })

  test('slow bytes, one at a time, make the same frames', async () => {
    const bytes = Buffer.from('data: {"t":"ü🙂"}\r\n\r\n: beat\r\n\r\ndata: {"u":"漢"}\r\n\r\n')
    const server = await serve((_request, response) => {
      const stream = eventStream(response)
      const write = (at: number): void => {
        if (at === bytes.length) return void stream.end()
        stream.write(bytes.subarray(at, at + 1), () => setImmediate(write, at + 1))
      }
      write(0)
    })
    expect(await readAll(await openTransport().stream({ ...POST, url: server.url }))).toEqual(['{"t":"ü🙂"}', '{"u":"漢"}'])
  })

  test('an event of 10 MB is one frame', async () => {
    const data = JSON.stringify({ text: 'x'.repeat(10 * 1024 * 1024) })
    const server = await serve((_request, response) => void eventStream(response).end(`data: ${data}\n\n`))
    const frames = await readAll(await openTransport().stream({ ...POST, url: server.url }))
    expect([frames.length, frames[0] === data]).toEqual([1, true])
  })
})

describe('how far a failed exchange had come', () => {
  test('unsent, where nobody listens', async () => {
    const server = await serveRaw(() => undefined)
    const gone = await serveRaw(() => undefined)
    expect(gone.port).not.toBe(server.port)
    const closed = await closedPort()
    const failure = await failureOf(openTransport().stream({ ...POST, url: `http://127.0.0.1:${closed}/` }))
    expect({ ...failure }).toMatchObject({ kind: 'connect', phase: 'unsent', systemCode: 'ECONNREFUSED' })
  })

  test('unsent, where the name is unknown', async () => {
    const failure = await failureOf(openTransport().stream({ ...POST, url: 'https://name.invalid/' }))
    expect({ ...failure }).toMatchObject({ kind: 'connect', phase: 'unsent' })
    expect(failure.systemCode).toMatch(/^E(NOTFOUND|AI_AGAIN)$/)
  })

  test('unsent, where the connection breaks with most of a large body still here', async () => {
    const server = await serveRaw((socket) => void socket.once('data', () => socket.resetAndDestroy()))
    const failure = await failureOf(openTransport().stream({ ...POST, body: 'x'.repeat(32 * 1024 * 1024), url: server.url }))
    expect([failure.kind, failure.phase]).toEqual(['cut', 'unsent'])
  })

  test('sent, where the connection breaks before an answer, by FIN or RST, with a small or a large body', async () => {
    for (const end of ['end', 'resetAndDestroy'] as const) {
      for (const size of [2, 300_000]) {
        const server = await serveRaw((socket) => {
          let bytes = 0
          socket.on('data', (piece) => {
            bytes += piece.length
            if (bytes > size + 10) socket[end]()
          })
        })
        const failure = await failureOf(openTransport().stream({ ...POST, body: 'x'.repeat(size), url: server.url }))
        expect([end, size, failure.kind, failure.phase]).toEqual([end, size, 'cut', 'sent'])
      }
    }
  })

  test('answering, where it breaks in the headers or the body; content, where the answer is no HTTP', async () => {
    const transport = openTransport()
    const body = await serveRaw((socket) => void socket.once('data', () => {
      socket.end('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 50\r\n\r\ndata: {"a":1}\n\n')
    }))
    const stream = await transport.stream({ ...POST, url: body.url })
    expect(await stream.next()).toEqual(['{"a":1}'])
    const failure = await failureOf(stream.next())
    expect([failure.kind, failure.phase]).toEqual(['cut', 'answering'])
    const nonsense = await serveRaw((socket) => void socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.0\r\n')))
    expect((await failureOf(transport.stream({ ...POST, url: nonsense.url }))).kind).toBe('content')
  })

  test('a refusal that comes before the upload is done is told', async () => {
    const server = await serveRaw((socket) => void socket.once('data', () => {
      socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig')
    }))
    const failure = await failureOf(openTransport().stream({ ...POST, body: 'x'.repeat(32 * 1024 * 1024), url: server.url }))
    expect([failure.kind, failure.status, failure.body]).toEqual(['refused', 413, 'big'])
  })
})

describe('an abort', WALL_TIME, () => {
  const within = async (work: Promise<TransportFailure>, signalAt: () => void): Promise<TransportFailure> => {
    const startMs = performance.now()
    signalAt()
    const failure = await work
    expect(performance.now() - startMs).toBeLessThan(250)
    return failure
  }

  test('before the call opens nothing', async () => {
    const server = await serve((_request, response) => response.end())
    const failure = await failureOf(openTransport().stream({ ...POST, url: server.url, signal: AbortSignal.abort(new Error('no')) }))
    expect([failure.kind, failure.phase, server.accepted()]).toEqual(['aborted', 'unsent', 0])
  })

  test('while connecting ends the wait and the socket', async () => {
    // a listener whose queue is full answers no SYN; a TLS server that says nothing is as good and always there
    const server = await serveRaw((socket) => void socket.on('data', () => undefined))
    const controller = new AbortController()
    const work = failureOf(openTransport().stream({ ...POST, url: server.url.replace('http', 'https'), signal: controller.signal }))
    while (server.open() === 0) await new Promise(setImmediate)
    const failure = await within(work, () => controller.abort())
    expect([failure.kind, failure.phase]).toEqual(['aborted', 'unsent'])
    await server.idle()
  })

  test('while waiting for the answer ends the wait and the socket', async () => {
    const server = await serve(() => undefined)
    const controller = new AbortController()
    const work = failureOf(openTransport().stream({ ...POST, url: server.url, signal: controller.signal }))
    while (server.open() === 0) await new Promise(setImmediate)
    await new Promise(setImmediate)
    const failure = await within(work, () => controller.abort())
    expect(failure.kind).toBe('aborted')
    await server.idle()
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  test('in the middle of the stream ends the wait and the socket, and drops what waited', async () => {
    const server = await serve((_request, response) => eventStream(response).write('data: 1\n\n'))
    const controller = new AbortController()
    const stream = await openTransport().stream({ ...POST, url: server.url, signal: controller.signal })
    expect(await stream.next()).toEqual(['1'])
    const failure = await within(failureOf(stream.next()), () => controller.abort(new Error('enough')))
    expect([failure.kind, failure.phase, failure.cause]).toEqual(['aborted', 'answering', new Error('enough')])
    await server.idle()
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    expect((await failureOf(stream.next())).kind).toBe('aborted')
  })

  test('opens no second connection for the call that is no longer wanted', async () => {
    const server = await serve((_request, response) => eventStream(response).write('data: 1\n\n'))
    const transport = openTransport()
    for (let count = 1; count <= 3; count++) {
      const controller = new AbortController()
      const stream = await transport.stream({ ...POST, url: server.url, signal: controller.signal })
      await stream.next()
      controller.abort()
      await server.idle()
      for (let round = 0; round < 5; round++) await new Promise(setImmediate)
      expect([server.accepted(), server.open()]).toEqual([count, 0])
    }
  })

  test('after the end does nothing, and no listener is left', async () => {
    const server = await serve((_request, response) => void eventStream(response).end('data: 1\n\n'))
    const controller = new AbortController()
    const stream = await openTransport().stream({ ...POST, url: server.url, signal: controller.signal })
    expect(await readAll(stream)).toEqual(['1'])
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    controller.abort()
    expect(await stream.next()).toBeUndefined()
  })
})

describe('connections', () => {
  test('serve one call after the other, refusals included', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/no') response.writeHead(401).end('{}')
      else eventStream(response).end('data: 1\n\ndata: {"end":true}\n\n')
    })
    const transport = openTransport()
    // undici lets a connection rest for one turn of the event loop; a call in that turn takes another
    const turn = async () => {
      for (let round = 0; round < 3; round++) await new Promise(setImmediate)
    }
    for (let round = 0; round < 5; round++) {
      const stream = await transport.stream({ ...POST, url: server.url })
      expect(await readAll(stream)).toEqual(['1', '{"end":true}'])
      stream.release()
      await turn()
      await failureOf(transport.stream({ ...POST, url: `${server.url}no` }))
      await turn()
      await transport.fetch({ method: 'GET', url: server.url, headers: {} })
      await turn()
    }
    expect(server.accepted()).toBe(1)
  })

  test('serve again after a release whose body ends a little later', async () => {
    const server = await serve((_request, response) => {
      const stream = eventStream(response)
      stream.write('data: {"end":true}\n\n', () => setImmediate(() => stream.end(': bye\n\n')))
    })
    const transport = openTransport()
    for (let turn = 0; turn < 3; turn++) {
      const stream = await transport.stream({ ...POST, url: server.url })
      expect(await stream.next()).toEqual(['{"end":true}'])
      stream.release()
      stream.release()
      expect(await stream.next()).toBeUndefined()
    }
    // a call that begins before the body has ended takes a second connection; more there never are
    expect(server.accepted()).toBeLessThanOrEqual(2)
  })

  test('end after a release whose body goes on', async () => {
    const endless = await serve((_request, response) => {
      const stream = eventStream(response)
      const write = (): void => void (stream.destroyed || stream.write(`data: ${'x'.repeat(10_000)}\n\n`, () => setImmediate(write)))
      write()
    })
    const silent = await serve((_request, response) => eventStream(response).write('data: 1\n\n'))
    const transport = openTransport()
    for (const server of [endless, silent]) {
      const stream = await transport.stream({ ...POST, url: server.url })
      await stream.next()
      stream.release()
      await server.idle()
    }
  })

  test('end at close', async () => {
    const server = await serve((_request, response) => eventStream(response).write('data: 1\n\n'))
    const transport = openTransport()
    const stream = await transport.stream({ ...POST, url: server.url })
    const waiting = failureOf(async () => readAll(stream))
    stream.close()
    stream.close()
    expect((await waiting).kind).toBe('aborted')
    await server.idle()
  })

  test('all end when the transport closes, twice without harm, and no call begins after', async () => {
    const server = await serve((_request, response) => eventStream(response).write('data: 1\n\n'))
    const transport = openTransport()
    const streams = await Promise.all([1, 2, 3].map(() => transport.stream({ ...POST, url: server.url })))
    const waiting = streams.map((stream) => failureOf(async () => readAll(stream)))
    await Promise.all([transport.close(), transport.close()])
    await server.idle()
    expect((await Promise.all(waiting)).map(({ kind }) => kind)).toEqual(['aborted', 'aborted', 'aborted'])
    expect((await failureOf(transport.fetch({ method: 'GET', url: server.url, headers: {} }))).kind).toBe('aborted')
    await transport.close()
  })

  test('of a dispatcher the host brings are used and outlive the transport', async () => {
    const server = await serve((_request, response) => void eventStream(response).end('data: 1\n\n'))
    const dispatcher = new Agent()
    onCleanup(() => dispatcher.destroy())
    const connected = once(dispatcher, 'connect')
    const transport = openTransport({ dispatcher })
    expect(await readAll(await transport.stream({ ...POST, url: server.url }))).toEqual(['1'])
    await connected
    await transport.close()
    expect([dispatcher.destroyed, server.open()]).toEqual([false, 1])
  })
})

async function closedPort(): Promise<number> {
  const { createServer } = await import('node:net')
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
