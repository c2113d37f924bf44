import * as http from 'node:http'
import * as https from 'node:https'
import * as net from 'node:net'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws'
import { onTestFinished } from 'vitest'

/** Runs after the test, the last registered first; of the test's own, since a hook of this file would be that of the first that loads it. */
export function onCleanup(cleanup: () => Promise<void> | void): void {
  onTestFinished(cleanup)
}

export interface Endpoint {
  port: number
  /** sockets ever accepted */
  accepted(): number
  /** sockets open now */
  open(): number
  /** resolves when no socket is open */
  idle(): Promise<void>
}

/** Listens on loopback; ends with the test. */
export async function listen(server: net.Server): Promise<Endpoint> {
  const sockets = new Set<net.Socket>()
  let accepted = 0
  const watchers = new Set<() => void>()
  server.on('connection', (socket: net.Socket) => {
    accepted++
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      sockets.delete(socket)
      if (sockets.size === 0) for (const watcher of watchers) watcher()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanup(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    if (server.listening) await once(server, 'close')
  })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    port,
    accepted: () => accepted,
    open: () => sockets.size,
    idle: () => (sockets.size === 0 ? Promise.resolve() : new Promise((resolve) => watchers.add(resolve))),
  }
}

export type Answer = (request: http.IncomingMessage, response: http.ServerResponse, body: Buffer) => void

/** An HTTP server that reads the whole request first. */
export async function serve(answer: Answer, tls?: https.ServerOptions): Promise<Endpoint & { url: string }> {
  const onRequest: http.RequestListener = (request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => answer(request, response, Buffer.concat(pieces)))
    response.on('error', () => undefined)
  }
  const server = tls ? https.createServer(tls, onRequest) : http.createServer(onRequest)
  const endpoint = await listen(server)
  return { ...endpoint, url: `${tls ? 'https' : 'http'}://127.0.0.1:${endpoint.port}/` }
}

export function eventStream(response: http.ServerResponse, headers: Record<string, string> = {}): http.ServerResponse {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...headers })
  response.flushHeaders()
  return response
}

/** A server that speaks by hand over the bare socket. */
export async function serveRaw(talk: (socket: net.Socket) => void): Promise<Endpoint & { url: string }> {
  const endpoint = await listen(net.createServer(talk))
  return { ...endpoint, url: `http://127.0.0.1:${endpoint.port}/` }
}

export interface SocketServer extends Endpoint {
  url: string
  wss: WebSocketServer
  /** headers of every upgrade */
  upgrades: http.IncomingHttpHeaders[]
}

export async function serveSocket(talk: (socket: WebSocket, request: http.IncomingMessage) => void, options: ServerOptions = {}, tls?: https.ServerOptions): Promise<SocketServer> {
  const server = tls ? https.createServer(tls) : http.createServer()
  const upgrades: http.IncomingHttpHeaders[] = []
  const wss = new WebSocketServer({ server, ...options })
  wss.on('connection', (socket, request) => {
    upgrades.push(request.headers)
    socket.on('error', () => undefined)
    talk(socket, request)
  })
  const endpoint = await listen(server)
  return { ...endpoint, url: `${tls ? 'wss' : 'ws'}://127.0.0.1:${endpoint.port}/`, wss, upgrades }
}

export interface Proxy extends Endpoint {
  url: string
  /** `host:port` of every tunnel asked for */
  tunnels: string[]
  authorizations: (string | undefined)[]
}

/** A proxy that knows CONNECT. */
export async function serveProxy(options: { requireAuth?: string; tls?: https.ServerOptions } = {}): Promise<Proxy> {
  const tunnels: string[] = []
  const authorizations: (string | undefined)[] = []
  const server = options.tls ? https.createServer(options.tls) : http.createServer()
  server.on('connect', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
    tunnels.push(request.url ?? '')
    const authorization = request.headers['proxy-authorization']
    authorizations.push(authorization)
    socket.on('error', () => undefined)
    if (options.requireAuth !== undefined && authorization !== options.requireAuth) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n')
      return
    }
    const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(request.url ?? '') ?? []
    // names under .test stand for a machine elsewhere
    const upstream = net.connect(Number(port), host.endsWith('.test') ? '127.0.0.1' : host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      if (head.length > 0) upstream.write(head)
      upstream.pipe(socket)
      socket.pipe(upstream)
    })
    upstream.on('error', () => undefined)
    upstream.on('close', () => socket.destroy())
    socket.on('close', () => upstream.destroy())
  })
  const endpoint = await listen(server)
  return { ...endpoint, url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${endpoint.port}`, tunnels, authorizations }
}
