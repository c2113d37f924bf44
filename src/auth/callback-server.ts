/** The one request a browser brings back after a sign-in: received on loopback, once, from nobody else. */
import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { ConfigurationError } from '../contract/index.js'
import { delay as realDelay } from '../lib/index.js'
import { CALLBACK_HEADERS, renderCallbackPage, type CallbackOutcome } from './callback-page.js'
import { systemCode } from './private-file.js'
import type { Transport } from '../transport/transport.js'

export interface CallbackServerOptions {
  /** tried in order; 0 takes any that is free */
  ports: readonly number[]
  /** what the callback has to carry, or it is not ours */
  state: string
  /** asks a busy port's owner, most likely an older sign-in, to give way */
  transport: Transport
  /** what to do where the ports stay busy, as an order */
  otherwise: string
  delay?: typeof realDelay
}

export interface CallbackServer {
  readonly port: number
  /** The callback's parameters; `cancelled` where a newer sign-in asked for the port. Pends until then. */
  readonly received: Promise<URLSearchParams | 'cancelled'>
  /** Tells the waiting browser how it ended; answers when it has read it, or after a second. */
  finish(outcome: CallbackOutcome): Promise<void>
  /** Twice without harm. */
  close(): Promise<void>
}

const CALLBACK = '/auth/callback'
const CANCEL = '/cancel'
const DONE = '/done'
const BIND_TRIES = 10
const BIND_WAIT_MS = 200
const FAREWELL_MS = 1000
const MAX_HEADER_BYTES = 16 * 1024

/** @throws ConfigurationError where no port is free */
export async function startCallbackServer(options: CallbackServerOptions): Promise<CallbackServer> {
  const desk = createDesk(options)
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: 10_000, headersTimeout: 5000 }, desk.answer)
  server.maxConnections = 16
  const port = await bind(server, options)
  desk.listenOn(port)
  let closed: Promise<void> | undefined
  return {
    port,
    received: desk.received,
    finish: desk.finish,
    close: () => (closed ??= new Promise((resolve) => {
      desk.dismiss()
      server.close(() => resolve())
      server.closeAllConnections()
    })),
  }
}

/** Judges every request; the callback's answer is held back until it is known how the sign-in ended. */
function createDesk(options: CallbackServerOptions) {
  let port = 0
  let used = false
  let waiting: ServerResponse | undefined
  let outcome: CallbackOutcome | undefined
  let deliver: (value: URLSearchParams | 'cancelled') => void = () => undefined
  let read: () => void = () => undefined
  const received = new Promise<URLSearchParams | 'cancelled'>((resolve) => (deliver = resolve))
  const wasRead = new Promise<void>((resolve) => (read = resolve))

  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const refusal = judge(request, port)
    if (refusal !== undefined) return refuse(request, response, refusal)
    const [path = '', query = ''] = (request.url ?? '').split('?', 2)
    if (path === DONE && outcome) {
      response.on('close', read)
      return send(response, 200, renderCallbackPage(outcome))
    }
    if (path === CANCEL && !used) {
      used = true
      send(response, 200, renderCallbackPage({ kind: 'cancelled' }))
      return deliver('cancelled')
    }
    if (path !== CALLBACK) return refuse(request, response, 404)
    const parameters = new URLSearchParams(query)
    if (!isSame(parameters.get('state') ?? '', options.state)) return refuse(request, response, 400)
    if (used) return refuse(request, response, 410)
    used = true
    waiting = response
    deliver(parameters)
  }
  return {
    answer,
    received,
    listenOn: (bound: number) => { port = bound },
    dismiss: () => waiting?.destroy(),
    async finish(result: CallbackOutcome): Promise<void> {
      outcome = result
      if (!waiting || waiting.destroyed) return
      // The code leaves the address bar with the redirect.
      waiting.writeHead(302, { ...CALLBACK_HEADERS, location: DONE }).end()
      waiting = undefined
      const patience = new AbortController()
      await Promise.race([wasRead, realDelay(FAREWELL_MS, { signal: patience.signal }).catch(() => undefined)])
      patience.abort()
    },
  }
}

/** The status that refuses a request, undefined for one that may be looked at. */
function judge(request: IncomingMessage, port: number): number | undefined {
  // A page elsewhere can make a browser call us by another name that leads here.
  if (request.headers.host !== `localhost:${port}` && request.headers.host !== `127.0.0.1:${port}`) return 403
  if (request.method !== 'GET') return 405
  if (request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0) return 413
  const site = request.headers['sec-fetch-site']
  const path = request.url?.split('?', 1)[0]
  if (path === CANCEL && site !== undefined && site !== 'none' && site !== 'same-origin') return 403
  return undefined
}

function refuse(request: IncomingMessage, response: ServerResponse, status: number): void {
  send(response, status, renderCallbackPage({ kind: 'refused' }))
  // What else this request sends is not read.
  response.on('finish', () => request.destroy())
}

function send(response: ServerResponse, status: number, page: string): void {
  response.writeHead(status, { ...CALLBACK_HEADERS, 'content-type': 'text/html; charset=utf-8' }).end(page)
}

async function bind(server: Server, options: CallbackServerOptions): Promise<number> {
  for (const port of options.ports) {
    for (let attempt = 1; attempt <= BIND_TRIES; attempt += 1) {
      const bound = await listen(server, port)
      if (bound !== undefined) return bound
      if (attempt === 1) await askToGiveWay(options.transport, port)
      else await (options.delay ?? realDelay)(BIND_WAIT_MS)
    }
  }
  throw new ConfigurationError(
    `the sign-in needs port ${options.ports.join(' or ')} of 127.0.0.1, and other programs hold them. End them, or ${options.otherwise}`,
    { code: 'callback_port_busy' })
}

function listen(server: Server, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => {
      server.off('listening', onListening)
      if (systemCode(error) === 'EADDRINUSE' || systemCode(error) === 'EACCES') resolve(undefined)
      else reject(error)
    }
    const onListening = () => {
      server.off('error', onError)
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : port)
    }
    server.once('error', onError)
    server.once('listening', onListening)
    server.listen(port, '127.0.0.1')
  })
}

async function askToGiveWay(transport: Transport, port: number): Promise<void> {
  await transport
    .fetch({ method: 'GET', url: `http://127.0.0.1:${port}${CANCEL}`, headers: {}, timeouts: { connectMs: 1000, totalMs: 2000 } })
    .catch(() => undefined)
}

function isSame(given: string, expected: string): boolean {
  const a = Buffer.from(given)
  const b = Buffer.from(expected)
  return a.length === b.length && timingSafeEqual(a, b)
}
