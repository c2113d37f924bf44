import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { ConfigurationError, readTraceContext } from '../contract/index.js'
import { createAbortListeners, type AbortListeners } from '../lib/index.js'
import { checkKey, checkOrigin, corsHeaders, preflightHeaders, readKey, type Gate } from './admit-request.js'
import { createConnections } from './connections.js'
import type { Endpoint, EndpointTimes, Exchange, ServedProvider } from './endpoint.js'
import { HttpFailure } from './http-failure.js'
import { createKeyRing, hashKey, type HttpKey, type StoredKey } from './key-ring.js'
import { describeMessagesFailure, isMessagesPath } from './messages-failure.js'
import { explainFailure } from './model-names.js'
import { describeNote } from './request-log.js'
import type { RequestLogEntry } from './request-log-entry.js'
import type { Page } from '../page/index.js'
import { openResponseSockets } from './response-socket.js'
import { createMemoryStore, type ResponseStore } from './response-store.js'
import { setRouteHeaders } from './route-headers.js'
import { routeRequest } from './route-request.js'
import { listenAtFile } from './socket-file.js'
import { createThoughtMemory } from './thought-memory.js'
import { writeJson } from './write-json.js'

export interface HttpServerOptions {
  provider: ServedProvider
  /** a key that every request may show as its bearer; this or `keys` is needed */
  key?: string
  /** further keys with names, read at every request */
  keys?: () => readonly StoredKey[]
  /** the roles that a model name may be, as `role:NAME` */
  roles?: readonly string[]
  /** model names of `/v1/messages`, or words in them (`opus`), to a model or `role:NAME`; default by family: opus reasoning, sonnet coding, haiku fast, others general */
  messageModels?: Readonly<Record<string, string>>
  /** default 127.0.0.1 */
  host?: string
  /** default 0: any that is free */
  port?: number
  /** listen at this socket file, mode 0600, instead of host and port; its folder is made with 0700 where there is none */
  socketPath?: string
  /** PEM texts; with them the server speaks https */
  tls?: { cert: string; key: string }
  /** names beyond our own that Host may say, with a port or for any; `*` for all */
  allowHosts?: readonly string[]
  /** origins whose pages may ask, such as `https://app.example` */
  allowOrigins?: readonly string[]
  /** where responses are kept; default in memory. Closed with the server */
  store?: ResponseStore
  times?: Partial<EndpointTimes>
  /** answers the paths of a page that a person watches, and those of programs that scrape; closed with the server */
  page?: Page
  /** is given one entry a request */
  log?: (entry: RequestLogEntry) => void
  /** ms since 1970 */
  now?: () => number
}

export interface HttpServer {
  /** `http://127.0.0.1:PORT/v1`; of a socket file `http+unix://PATH/v1` with the path URL-encoded */
  readonly baseUrl: string
  /**
   * Stops taking requests, lets running ones finish for `graceMs` (default 0), ends the others with an error of
   * code `server_shutdown`, and lets go of every connection; twice without harm.
   */
  close(options?: { graceMs?: number }): Promise<void>
}

const TIMES: EndpointTimes = { headAfterMs: 250, keepAliveMs: 15_000, stalledReaderMs: 120_000, socketLifeMs: 60 * 60_000 }

/**
 * Seconds that a client is told it may keep an idle connection, and ms until we close one. With Node's own 5 s for both
 * a request that left as we closed was reset: 5 of 1,000 under load, and no client repeats a POST by itself.
 */
const IDLE_TOLD_S = 60
const IDLE_MS = 2 * IDLE_TOLD_S * 1000

/** What the requests of one server go through. */
interface Serving {
  endpoint: Endpoint
  gate: Gate
  page: Page | undefined
  running: Set<AbortController>
  draining: boolean
  connectionOf: ReturnType<typeof createConnections>
  /** A client may send many requests over one connection before it reads. */
  aborts: AbortListeners
}

/** Opens the server; resolves when it listens. @throws ConfigurationError without a key */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const serving = prepare(options, () => server)
  const handler = (request: IncomingMessage, response: ServerResponse): void => void handle(serving, request, response)
  const server: Server = options.tls ? createTlsServer({ cert: options.tls.cert, key: options.tls.key }, handler) : createServer(handler)
  server.keepAliveTimeout = IDLE_MS
  const sockets = openResponseSockets(server, {
    admit(request) {
      if (serving.draining) throw shuttingDown()
      checkOrigin(serving.gate, request)
      return checkKey(serving.gate, request)
    },
    open: (key, signal) => openExchange(serving, key, signal),
    holdsKey: (request) => readKey(serving.gate, request) !== undefined,
    times: serving.endpoint.times,
  })
  const baseUrl = await listen(server, options)
  let closing: Promise<void> | undefined
  return {
    baseUrl,
    close({ graceMs = 0 } = {}) {
      return (closing ??= shutDown(serving, server, sockets, graceMs))
    },
  }
}

function prepare(options: HttpServerOptions, serverOf: () => Server): Serving {
  const { key, keys, provider, now = Date.now } = options
  if (!key && !keys) throw new ConfigurationError('the HTTP server needs a key', { code: 'no_key' })
  const own: StoredKey[] = key ? [{ name: 'default', sha256: hashKey(key), created_at: '' }] : []
  const endpoint: Endpoint = {
    provider,
    roles: options.roles ?? [],
    messageModels: options.messageModels ?? {},
    store: options.store ?? createMemoryStore({ now }),
    thoughts: createThoughtMemory(),
    times: { ...TIMES, ...options.times },
    log: options.log ?? (() => undefined),
    now,
  }
  let listening: AddressInfo | undefined
  const gate: Gate = {
    findKey: createKeyRing(() => (keys ? [...own, ...keys()] : own)),
    address: () => (listening ??= addressOf(serverOf())),
    host: options.host ?? '127.0.0.1',
    allowHosts: options.allowHosts ?? [],
    allowOrigins: options.allowOrigins ?? [],
  }
  return { endpoint, gate, page: options.page, running: new Set(), draining: false, connectionOf: createConnections(), aborts: createAbortListeners() }
}

function addressOf(server: Server): AddressInfo | undefined {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address : undefined
}

async function listen(server: Server, { host = '127.0.0.1', port = 0, socketPath, tls }: HttpServerOptions): Promise<string> {
  const scheme = tls ? 'https' : 'http'
  if (socketPath !== undefined) {
    await listenAtFile(server, socketPath)
    return `${scheme}+unix://${encodeURIComponent(socketPath)}/v1`
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `${scheme}://${name}:${address.port}/v1`
}

const shuttingDown = (): HttpFailure =>
  new HttpFailure(503, 'The server is ending: ask again, it or another one may be there.', { type: 'service_unavailable_error', code: 'server_shutdown', headers: { connection: 'close' } })

/** An exchange while it runs: the server's end cuts it, and so does `gone`. */
interface RunningExchange {
  exchange: Exchange
  /** Once, when it is over. */
  end(about: { method: string; path: string; status: number }): void
}

function openExchange({ endpoint, running, aborts }: Serving, key: HttpKey, gone: AbortSignal): RunningExchange {
  const startedAt = endpoint.now()
  const controller = new AbortController()
  const leave = (): void => controller.abort(gone.reason)
  const takeBack = aborts.add(gone, leave)
  running.add(controller)
  const exchange: Exchange = { endpoint, key, signal: controller.signal, id: `req_${randomUUID().replaceAll('-', '')}`, note: { ignored: [] } }
  return {
    exchange,
    end(about) {
      takeBack()
      running.delete(controller)
      const { id, note } = exchange
      endpoint.log({
        time: new Date(startedAt).toISOString(), request_id: id, key: exchange.key.name, ...about, duration_ms: endpoint.now() - startedAt, ...describeNote(note, startedAt),
      })
    },
  }
}

async function handle(serving: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const connection = serving.connectionOf(request.socket)
  const { exchange, end } = openExchange(serving, { name: '-', id: '' }, connection.gone)
  response.setHeader('x-request-id', exchange.id)
  response.setHeader('keep-alive', `timeout=${IDLE_TOLD_S}`)
  try {
    await connection.inTurn(() => answer(serving, exchange, request, response))
  } catch (error) {
    await refuse(exchange, error, request, response)
  } finally {
    const status = connection.gone.aborted && !response.writableEnded ? 499 : response.statusCode
    end({ method: request.method ?? '', path: (request.url ?? '/').split('?')[0] ?? '/', status })
  }
}

async function answer(serving: Serving, exchange: Exchange, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { gate, page } = serving
  const [path = '/'] = (request.url ?? '/').split('?')
  const ownPage = page !== undefined && request.method === 'GET' && page.owns(path)
  checkOrigin(gate, request, { ownPage })
  for (const [name, value] of Object.entries(corsHeaders(gate, request))) response.setHeader(name, value)
  if (request.method === 'OPTIONS' && request.headers.origin !== undefined) {
    response.writeHead(204, preflightHeaders(request)).end()
    return
  }
  if (path === '/healthz') return writeJson(response, { status: 'ok' })
  if (path === '/readyz') {
    const state = await readiness(serving)
    return writeJson(response, { status: state }, state === 'ready' ? 200 : 503)
  }
  if (serving.draining) throw shuttingDown()
  if (ownPage && (await page.answer(request, response, { admitted: readKey(gate, request) !== undefined }))) return
  exchange.key = checkKey(gate, request)
  exchange.trace = readTraceContext((name) => request.headers[name])
  await routeRequest(exchange, request, response)
}

/** Ready is who takes requests and can answer them: somebody is signed in. */
async function readiness({ draining, endpoint }: Serving): Promise<'ready' | 'draining' | 'not_signed_in'> {
  if (draining) return 'draining'
  const { signedIn } = endpoint.provider
  if (!signedIn) return 'ready'
  const known = await signedIn().catch(() => undefined)
  return known?.account === undefined ? 'not_signed_in' : 'ready'
}

async function refuse(exchange: Exchange, error: unknown, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const failure = await explainFailure(exchange, error)
  exchange.note.error = failure.fields.code ?? failure.fields.type
  if (response.headersSent) {
    response.destroy()
    return
  }
  setRouteHeaders(response, exchange.note)
  if (!request.complete) drainBody(request)
  const told = isMessagesPath(request.url) ? describeMessagesFailure(failure, exchange.id) : failure.body()
  writeJson(response, told, failure.status, failure.fields.headers)
}

/** How long a client may go on sending what is refused already, ms. */
const LINGER_MS = 10_000

/** Reads what nobody wants to nothing: a connection that is cut while its client sends loses the answer on its way. */
function drainBody(request: IncomingMessage): void {
  const late = setTimeout(() => request.socket.destroy(), LINGER_MS)
  request.once('close', () => clearTimeout(late)).once('end', () => clearTimeout(late))
  request.resume()
}

async function shutDown(serving: Serving, server: Server, sockets: { drain(): void; close(): void }, graceMs: number): Promise<void> {
  serving.draining = true
  serving.page?.close()
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  sockets.drain()
  await settled(serving, graceMs)
  for (const controller of serving.running) controller.abort(shuttingDown())
  // A moment for the last words to go out.
  await settled(serving, LAST_WORDS_MS)
  sockets.close()
  server.closeAllConnections()
  await closed
  await serving.endpoint.store.close()
}

const LAST_WORDS_MS = 500

/** Resolves when nothing runs, at the latest after `limitMs`. */
async function settled({ running }: Serving, limitMs: number): Promise<void> {
  const until = performance.now() + limitMs
  while (running.size > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, Math.min(20, limitMs)))
}
