/** The sockets: one HTTP(S) server, every connection counted and ended when the twin closes. */
import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export interface TwinServer {
  readonly url: string
  onRequest(listener: RequestListener): void
  onUpgrade(listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void
  /** counts TCP connections from 1 */
  connectionOf(request: IncomingMessage): number
  /** this connection speaks WebSocket from now on */
  markUpgraded(request: IncomingMessage): void
  counts(): { http: number; websocket: number }
  close(): Promise<void>
}

const KEEP_ALIVE_MS = 60_000

export async function listen(options: { port: number; tls: { key: string; cert: string } | undefined }): Promise<TwinServer> {
  const server: Server = options.tls ? createHttpsServer(options.tls) : createHttpServer()
  const open = new Set<Socket>()
  const upgraded = new Set<Socket>()
  const numbers = new WeakMap<Socket, number>()
  let count = 0
  // TLS hands requests a socket of its own; that one is the connection to count
  server.on(options.tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    numbers.set(socket, ++count)
    open.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      open.delete(socket)
      upgraded.delete(socket)
    })
  })
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.requestTimeout = 0
  server.headersTimeout = 0
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    onRequest: (listener) => void server.on('request', listener),
    onUpgrade: (listener) => void server.on('upgrade', listener),
    connectionOf: (request) => numbers.get(request.socket) ?? 0,
    markUpgraded: (request) => void upgraded.add(request.socket),
    counts: () => ({ http: open.size - upgraded.size, websocket: upgraded.size }),
    async close() {
      if (!server.listening) return
      const closed = new Promise<void>((resolve) => { server.close(() => resolve()) })
      // the server calls itself closed a moment before its sockets do
      const ended = [...open].map((socket) => new Promise<void>((resolve) => { socket.once('close', () => resolve()) }))
      for (const socket of open) socket.destroy()
      await Promise.all([closed, ...ended])
    },
  }
}
