/** The rig's own parts: a TCP proxy that can be cut or slowed down, and a front of the stand-in that counts what runs. */
import { createServer as createHttp, request as send } from 'node:http'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))

/** Between one host and Redis. `mode`: open, cut (connections end, new ones too), silent (nothing passes), or a number of ms by which all is late. */
export async function startProxy(port) {
  const pairs = new Set()
  const proxy = { mode: 'open' }
  const pass = (from, to) => {
    // In the order they came: what is late must not be overtaken by what is not.
    let before = Promise.resolve()
    from.on('data', (chunk) => {
      if (proxy.mode === 'silent') return
      const late = typeof proxy.mode === 'number' ? sleep(proxy.mode) : undefined
      before = before.then(() => late).then(() => { if (!to.destroyed) to.write(chunk) })
    })
  }
  const server = createServer((socket) => {
    if (proxy.mode === 'cut') return socket.destroy()
    const upstream = connect(port, '127.0.0.1')
    const pair = [socket, upstream]
    pairs.add(pair)
    const end = () => {
      pairs.delete(pair)
      for (const side of pair) side.destroy()
    }
    for (const side of pair) side.on('error', end).on('close', end)
    pass(socket, upstream)
    pass(upstream, socket)
  })
  proxy.port = await listen(server)
  proxy.set = (mode) => {
    // What was silent must not speak again in the middle of a word.
    if (mode === 'cut' || proxy.mode === 'silent') for (const pair of [...pairs]) for (const side of pair) side.destroy()
    proxy.mode = mode
  }
  proxy.close = () => {
    proxy.set('cut')
    server.close()
  }
  return proxy
}

/** What ends an answer; after it the backend has nothing more to do, though its connection may stay a moment. */
const TERMINAL = /"type":"response\.(completed|incomplete|failed)"/

/** Passes everything on to the stand-in; a turn takes its time here, and is counted while it runs. */
export async function startFront(twin, { callMs, random, changed }) {
  const target = new URL(twin.baseUrl)
  const running = new Set()
  const server = createHttp(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const turn = request.method === 'POST' && request.url.endsWith('/responses') ? /fleet:((h\d)w\d+)[\w.]*/.exec(body.toString()) : undefined
    const entry = turn && { text: turn[0], worker: turn[1], host: turn[2], beganMs: performance.now(), inherited: false }
    response.on('error', () => undefined)
    const end = () => {
      if (entry && running.delete(entry)) changed()
    }
    if (entry) {
      running.add(entry)
      response.on('close', end)
      changed(entry)
      await sleep(callMs * (0.5 + random.next()))
    }
    if (response.destroyed) return
    // A connection of its own: one that was kept may be closed at that moment, which would be the rig's fault.
    const upstream = send({ agent: false, host: target.hostname, port: target.port, method: request.method, path: request.url, headers: request.headers }, (reply) => {
      response.writeHead(reply.statusCode, reply.headers)
      let tail = ''
      reply.on('data', (chunk) => {
        tail = `${tail}${chunk}`
        // Its caller gives the place on as soon as it has read this, before the connection is seen to end.
        if (TERMINAL.test(tail)) end()
        tail = tail.slice(-60)
      })
      reply.pipe(response)
    })
    upstream.on('error', () => response.destroy())
    response.on('close', () => upstream.destroy())
    upstream.end(body)
  })
  const port = await listen(server)
  return { running, baseUrl: `http://127.0.0.1:${port}${target.pathname}`, issuer: `http://127.0.0.1:${port}`, close: () => server.close(() => undefined) }
}
