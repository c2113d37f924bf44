import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * Serves a request that offers another protocol than WebSocket as if it had not: Java's HTTP client offers HTTP/2 with each
 * request to an `http:` address, and a server may pass that over. Node has let go of the connection by then, so it is given
 * back with the request's head before what came behind it. Not while it answers an earlier request: answers could change places.
 */
export function servePlainly(server: Server, request: IncomingMessage, socket: Duplex, behind: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/1.1`]
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index] as string
    if (!OFFER.test(name)) lines.push(`${name}: ${request.rawHeaders[index + 1]}`)
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), behind]))
  server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket)
}

const OFFER = /^(upgrade|http2-settings|connection)$/i
