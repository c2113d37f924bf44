import type { Dispatcher } from 'undici'
import { compressZstd } from './compress.js'
import { createDispatcher, type PooledDispatcher } from './create-dispatcher.js'
import { abortedFailure } from './failures.js'
import { HttpExchange, type ResponseHead } from './http-exchange.js'
import { createHttpFrames } from './http-frames.js'
import type { OpenSocket } from './open-socket.js'
import { readBody, readExcerpt } from './read-body.js'
import { readTarget } from './read-target.js'
import { TransportFailure, type FrameStream, type HttpReply, type HttpRequest } from './transport.js'

/** How much of a refusal's body is kept, and how long it is waited for. */
const EXCERPT_BYTES = 64 * 1024
const EXCERPT_MS = 5_000

/**
 * Decoded together by all that run at once, and by each at least. The rest of a line keeps the text it was cut from
 * alive, and a waiting stream what was made of its last frames: at 300 streams, decoding all that had arrived made
 * the process grow by 170 MB, this by 125 MB, where undici alone takes 105 MB. A single stream is not cut up.
 */
const DECODE_BUDGET_BYTES = 2 * 1024 * 1024
const LEAST_DECODE_BYTES = 16 * 1024

export interface HttpClient {
  fetch(request: HttpRequest): Promise<HttpReply>
  stream(request: HttpRequest): Promise<FrameStream>
  close(): Promise<void>
}

export interface HttpClientOptions {
  openSocket: OpenSocket
  /** a host's own; it then decides about proxies, certificates and pooling, and closes it itself */
  dispatcher?: Dispatcher
  /** bytes of a whole body, characters of one event */
  maxFrameBytes: number
}

export function createHttpClient({ openSocket, dispatcher, maxFrameBytes }: HttpClientOptions): HttpClient {
  const pool = dispatcher ? adoptDispatcher(dispatcher) : createDispatcher(openSocket)
  const running = new Set<HttpExchange>()
  let closed = false
  const decodeBytes = () => Math.max(LEAST_DECODE_BYTES, DECODE_BUDGET_BYTES / running.size)
  const begin = async (request: HttpRequest): Promise<{ exchange: HttpExchange; head: ResponseHead }> => {
    const url = readTarget(request.url, ['http:', 'https:'])
    if (request.signal?.aborted) throw abortedFailure('unsent', request.signal)
    const body = request.body === undefined ? undefined : Buffer.from(request.body)
    // Without an await where nothing is compressed: the request is on its way before the caller goes on.
    const compressed = body && mayCompress(request) ? await compressZstd(body) : undefined
    if (closed) throw abortedFailure('unsent')
    const exchange: HttpExchange = new HttpExchange({
      method: request.method, url, clocks: request.clocks ?? {},
      headers: compressed ? { ...request.headers, 'content-encoding': 'zstd' } : request.headers,
      ...(body && { body: compressed ?? body }), ...(request.signal && { signal: request.signal }),
      onWaited: () => pool.waited(url.origin),
      onFinished: () => void running.delete(exchange),
    })
    running.add(exchange)
    pool.waiting(url.origin)
    exchange.start(pool.dispatcher)
    return { exchange, head: await exchange.head }
  }
  return {
    async fetch(request) {
      const { exchange, head } = await begin(request)
      const body = await readBody(exchange, maxFrameBytes)
      if (body !== undefined) return { ...head, body }
      throw new TransportFailure(`the answer is longer than ${maxFrameBytes} bytes`, { kind: 'content', phase: 'answering', ...head })
    },
    async stream(request) {
      const { exchange, head } = await begin(request)
      const { status, headers } = head
      const good = status >= 200 && status < 300
      const type = headers['content-type']
      if (good && (type === undefined || /^\s*text\/event-stream\s*(?:;|$)/i.test(type))) {
        return createHttpFrames(exchange, head, { maxFrameChars: maxFrameBytes, decodeBytes })
      }
      const body = await readExcerpt(exchange, EXCERPT_BYTES, EXCERPT_MS)
      const message = good ? `the answer is ${type}, not an event stream` : `the server answered ${status}`
      throw new TransportFailure(message, { kind: good ? 'content' : 'refused', phase: 'answering', status, headers, body })
    },
    async close() {
      closed = true
      for (const exchange of [...running]) exchange.close()
      await pool.close()
    },
  }
}

function adoptDispatcher(dispatcher: Dispatcher): PooledDispatcher {
  return { dispatcher, waiting: () => undefined, waited: () => undefined, close: () => Promise.resolve() }
}

function mayCompress({ compress = false, headers }: HttpRequest): boolean {
  return compress && !Object.keys(headers).some((name) => name.toLowerCase() === 'content-encoding')
}
