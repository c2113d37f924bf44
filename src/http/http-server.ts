import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { checkKey, checkOrigin, readKey } from './admit-request.js'
import { answerRequest, IDLE_TOLD_S } from './answer-request.js'
import { endServer } from './end-server.js'
import type { HttpServerOptions } from './http-server-options.js'
import { addressOf, listen } from './listen.js'
import { openResponseSockets } from './response-socket.js'
import { openExchange, prepareServing, shuttingDown } from './serving.js'

export interface HttpServer {
  /** `http://127.0.0.1:PORT/v1`; of a socket file `http+unix://PATH/v1` with the path URL-encoded */
  readonly baseUrl: string
  /**
   * Stops taking requests, lets running ones finish for `graceMs` (default 0), ends the others with an error of
   * code `server_shutdown`, and lets go of every connection; twice without harm.
   */
  close(options?: { graceMs?: number }): Promise<void>
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
  const baseUrl = await listen(server, options)
  let closing: Promise<void> | undefined
  return {
    baseUrl,
    close({ graceMs = 0 } = {}) {
      return (closing ??= endServer(serving, server, sockets, graceMs))
    },
  }
}
