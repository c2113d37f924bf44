import type { IncomingMessage, ServerResponse } from 'node:http'
import { readTraceContext } from '../contract/index.js'
import { checkKey, checkOrigin, corsHeaders, preflightHeaders, readKey } from './admit-request.js'
import type { Exchange } from './endpoint.js'
import { readClientNames } from './client-names.js'
import { describeMessagesFailure, isMessagesPath } from './messages-failure.js'
import { explainFailure } from './model-names.js'
import { setRouteHeaders } from './route-headers.js'
import { routeRequest } from './route-request.js'
import { openExchange, shuttingDown, type Serving } from './serving.js'
import { writeJson } from './write-json.js'

/**
 * Seconds that a client is told it may keep an idle connection. The server itself closes one after twice as long: with
 * Node's own 5 s for both a request that left as we closed was reset, 5 of 1,000 under load, and no client repeats a POST
 * by itself.
 */
export const IDLE_TOLD_S = 60

/** One request, from its head to its log line; never throws. */
export async function answerRequest(serving: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const connection = serving.connectionOf(request.socket)
  const { exchange, end } = openExchange(serving, { name: '-', id: '' }, connection.gone)
  response.setHeader('x-request-id', exchange.id)
  if (response.shouldKeepAlive) response.setHeader('keep-alive', `timeout=${IDLE_TOLD_S}`)
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
  // What clients look at first whether anybody is there.
  if (path === '/' && request.method === 'HEAD') return void response.writeHead(200).end()
  if (ownPage) {
    const key = readKey(gate, request)
    exchange.key = key ?? exchange.key
    if (await page.answer(request, response, { admitted: key !== undefined })) return
  }
  exchange.key = checkKey(gate, request)
  exchange.trace = readTraceContext((name) => request.headers[name])
  exchange.client = readClientNames(request)
  if (page && path === '/page/link' && request.method === 'POST') return writeJson(response, { once: page.offer() })
  await routeRequest(exchange, request, response)
}

/** Ready is who takes requests and can answer them: somebody is signed in. */
async function readiness({ draining, endpoint }: Serving): Promise<'ready' | 'draining' | 'not_signed_in' | 'sign_in_ended'> {
  if (draining) return 'draining'
  const { signedIn } = endpoint.provider
  if (!signedIn) return 'ready'
  const known = await signedIn().catch(() => undefined)
  if (known?.refused !== undefined) return 'sign_in_ended'
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
