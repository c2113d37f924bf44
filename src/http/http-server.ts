import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { checkKey, checkOrigin, readKey } from './admit-request.js'
import { answerRequest, IDLE_TOLD_S } from './answer-request.js'
import { endServer } from './end-server.js'
import type { HttpServerOptions } from './http-server-options.js'
import { addressOf, listen } from './listen.js'
import { openResponseSockets } from './response-socket.js'
import { cutRevoked, openExchange, prepareServing, shuttingDown } from './serving.js'

export interface HttpServer {
  /** `http://127.0.0.1:PORT/v1`; of a socket file `http+unix://PATH/v1` with the path URL-encoded */
  readonly baseUrl: string
  /**
   * Stops taking requests, lets running ones finish for `graceMs` (default 0), ends the others with an error of
   * code `server_shutdown`, and lets go of every connection; twice without harm.
   */
  close(options?: { graceMs?: number }): Promise<void>
}

/** A client that does not trust the certificate tries again and again. */
const WARN_EVERY_MS = 10_000

/** One warning for the handshakes that fail within ten seconds. */
function warnOfHandshakes(server: Server, { warn, now }: { warn: (message: string) => void; now: () => number }): void {
  let quietUntilMs = 0
  let unsaid = 0
  server.on('tlsClientError', (error: Error & { code?: string }, socket: TLSSocket) => {
    if (now() < quietUntilMs) return void (unsaid += 1)
    quietUntilMs = now() + WARN_EVERY_MS
    const more = unsaid === 0 ? '' : `, and ${unsaid} before it`
    unsaid = 0
    warn(`warning: a TLS handshake with ${socket.remoteAddress ?? 'a client'} failed${more} (${error.code ?? error.message}): the client must trust the certificate's CA and speak https`)
  })
}

/** Opens the server; resolves when it listens. @throws ConfigurationError without a key */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const serving = prepareServing(options, () => addressOf(server))
  const handler = (request: IncomingMessage, response: ServerResponse): void => void answerRequest(serving, request, response)
  const server: Server = options.tls ? createTlsServer({ cert: options.tls.cert, key: options.tls.key }, handler) : createServer(handler)
  server.keepAliveTimeout = 2 * IDLE_TOLD_S * 1000
  const sockets = openResponseSockets(server, {
    admit(request) {
      if (serving.draining) throw shuttingDown()
      checkOrigin(serving.gate, request)
      return checkKey(serving.gate, request)
    },
    open: (key, signal) => openExchange(serving, key, signal),
    holdsKey: (request) => readKey(serving.gate, request) !== undefined,
    isBusy: (request) => serving.connectionOf(request.socket).busy,
    times: serving.endpoint.times,
  })
  if (options.tls && options.warn) warnOfHandshakes(server, { warn: options.warn, now: serving.endpoint.now })
  const baseUrl = await listen(server, options)
  const endCutting = cutRevoked(serving)
  let closing: Promise<void> | undefined
  return {
    baseUrl,
    close({ graceMs = 0 } = {}) {
      return (closing ??= endServer(serving, server, sockets, graceMs).finally(endCutting))
    },
  }
}
