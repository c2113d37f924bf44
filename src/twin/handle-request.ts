import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TwinContext } from './context.js'
import { decodeBody, decompress, readBody, resetConnection, sendReply, type HttpExchange } from './http-exchange.js'
import { answerUnknown, type Handler, type Routes } from './routes.js'
import type { TwinInterception, TwinRequest } from './types.js'
import { pause, waitForAbort } from './wait.js'

export interface RequestHandlerParts {
  context: TwinContext
  routes: Routes
  connectionOf(request: IncomingMessage): number
  /** answers `/__twin/…`; absent where the control is closed */
  control?: Handler
}

export function flattenHeaders(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]))
}

export function createEntry(context: TwinContext, request: IncomingMessage, url: URL, connection: number): TwinRequest {
  return {
    method: request.method ?? 'GET', path: url.pathname, query: Object.fromEntries(url.searchParams), headers: flattenHeaders(request),
    body: undefined, transport: 'http', connection, bytes: 0, at: context.now(),
  }
}

/** One HTTP request from its first byte to its answer. */
export async function handleRequest(parts: RequestHandlerParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { context, routes } = parts
  const url = new URL(request.url ?? '/', context.url)
  response.sendDate = false
  response.setHeader('date', new Date(context.now()).toUTCString())
  const entry = createEntry(context, request, url, parts.connectionOf(request))
  const control = url.pathname.startsWith('/__twin/') ? parts.control : undefined
  if (!control) context.record(entry)
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished && entry.ended === undefined) entry.ended = 'client_gone'
    gone.abort()
  })
  const exchange: HttpExchange = { request, response, url, entry, signal: AbortSignal.any([gone.signal, context.signal]) }
  try {
    await takeBody(exchange)
    if (control) return await control(exchange)
    const interception = takeInterception(context, url.pathname)
    if (interception) return await intercept(interception, exchange)
    const handler = routes.get(`${request.method} ${url.pathname}`)
    if (handler) await handler(exchange)
    else answerUnknown(context, exchange, routes)
  } catch (error) {
    // a client that left in the middle of its body is no fault of the twin's
    if (!exchange.signal.aborted) sendReply(exchange, { status: 500, body: { error: { message: `The stand-in failed: ${String(error)}`, type: 'server_error', code: 'twin_bug', param: null } } })
  }
}

async function takeBody(exchange: HttpExchange): Promise<void> {
  const { request, entry } = exchange
  const bytes = await readBody(request)
  entry.bytes = bytes.length
  const plain = await decompress(bytes, request.headers['content-encoding'])
  if (Buffer.isBuffer(plain)) entry.body = decodeBody(plain, request.headers['content-type'] ?? '')
  else exchange.bodyProblem = plain
}

export function takeInterception(context: TwinContext, path: string): TwinInterception | undefined {
  const waiting = context.interceptions.get(path)
  const first = waiting?.[0]
  if (!waiting || !first) return undefined
  const left = (first.times ?? 1) - 1
  if (left > 0) waiting[0] = { ...first, times: left }
  else waiting.shift()
  return first
}

async function intercept(interception: TwinInterception, exchange: HttpExchange): Promise<void> {
  if (interception.delayMs !== undefined && !(await pause(interception.delayMs, exchange.signal))) return
  if (interception.hang === true) return waitForAbort(exchange.signal)
  if (interception.reset === true) return resetConnection(exchange)
  sendReply(exchange, { status: interception.status ?? 500, ...(interception.headers ? { headers: interception.headers } : {}), body: interception.body })
}
