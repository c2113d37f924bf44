import type { Dispatcher } from 'undici'
import { compressZstd } from './compress.js'
import type { PooledDispatcher } from './create-dispatcher.js'
import { abortedFailure } from './failures.js'
import { HttpExchange, type ExchangeClient, type ResponseHead } from './http-exchange.js'
import type { OpenSocket } from './open-socket.js'
import { readBody, readExcerpt } from './read-body.js'
import { createTargets } from './request-target.js'
import { TransportFailure, type HttpRequest, type Transport } from './transport.js'

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

const NO_TIMEOUTS = {}

/** HTTP's half of a transport; see Transport. */
export type HttpClient = Pick<Transport, 'fetch' | 'stream' | 'close'>

export interface HttpClientOptions {
  openSocket: () => Promise<OpenSocket>
  /** a host's own; it then decides about proxies, certificates and pooling, and closes it itself */
  dispatcher?: Dispatcher | undefined
  /** bytes of a whole body, characters of one event */
  maxFrameBytes: number
}

/** What the first call loads: undici and the event stream parser take longer to load than a whole mount may. */
interface Loaded {
  pool: PooledDispatcher
  client: ExchangeClient
}

export function createHttpClient({ openSocket, dispatcher, maxFrameBytes }: HttpClientOptions): HttpClient {
  const running = new Set<HttpExchange>()
  let loading: Promise<Loaded> | undefined
  let loaded: Loaded | undefined
  let closed = false
  const load = async (): Promise<Loaded> => {
    const [{ createDispatcher }, { createSseDecoder }, open] = await Promise.all([import('./create-dispatcher.js'), import('./sse-frames.js'), openSocket()])
    const pool = dispatcher ? adoptDispatcher(dispatcher) : createDispatcher(open)
    return (loaded = {
      pool,
      client: {
        waited: ({ origin }) => pool.waited(origin),
        finished: (exchange) => void running.delete(exchange),
        createDecoder: () => createSseDecoder({ maxFrameChars: maxFrameBytes }),
        decodeBytes: () => Math.max(LEAST_DECODE_BYTES, DECODE_BUDGET_BYTES / running.size),
      },
    })
  }
  const targets = createTargets()
  const send = ({ pool, client }: Loaded, request: HttpRequest, body: Buffer | undefined, headers: Record<string, string>): HttpExchange => {
    if (closed) throw abortedFailure('unsent')
    const target = targets(request.url)
    const exchange = new HttpExchange({ target, client, signal: request.signal, timeouts: request.timeouts ?? NO_TIMEOUTS, mayLeave: request.mayLeave, onSent: request.onSent })
    running.add(exchange)
    pool.waiting(target.origin)
    exchange.start(pool.dispatcherFor(target.origin), { method: request.method, headers, body })
    return exchange
  }
  /** Without an await where all is loaded and nothing is compressed: the request is on its way before the caller goes on. */
  const begin = (request: HttpRequest): HttpExchange | Promise<HttpExchange> => {
    if (closed) throw abortedFailure('unsent')
    if (!loaded) return (loading ??= load()).then(() => begin(request))
    const parts = loaded
    const body = request.body === undefined ? undefined : Buffer.from(request.body)
    if (!body || !mayCompress(request)) return send(parts, request, body, request.headers)
    return compressZstd(body).then((compressed) =>
      compressed ? send(parts, request, compressed, { ...request.headers, 'content-encoding': 'zstd' }) : send(parts, request, body, request.headers))
  }
  return {
    async fetch(request) {
      const begun = begin(request)
      const exchange = begun instanceof HttpExchange ? begun : await begun
      const head = await exchange.head
      const body = await readBody(exchange, maxFrameBytes)
      if (body !== undefined) return { ...head, body }
      throw new TransportFailure(`the answer is longer than ${maxFrameBytes} bytes`, { kind: 'content', phase: 'answering', ...head })
    },
    async stream(request) {
      const begun = begin(request)
      const exchange = begun instanceof HttpExchange ? begun : await begun
      const head = await exchange.head
      if (!isEventStream(head)) throw await readRefusal(exchange, head)
      return exchange
    },
    async close() {
      closed = true
      for (const exchange of [...running]) exchange.close()
      await (await loading)?.pool.close()
    },
  }
}

const isGood = ({ status }: ResponseHead): boolean => status >= 200 && status < 300

function isEventStream(head: ResponseHead): boolean {
  const type = head.headers['content-type']
  return isGood(head) && (type === undefined || /^\s*text\/event-stream\s*(?:;|$)/i.test(type))
}

async function readRefusal(exchange: HttpExchange, head: ResponseHead): Promise<TransportFailure> {
  const body = await readExcerpt(exchange, EXCERPT_BYTES, EXCERPT_MS)
  return isGood(head)
    ? new TransportFailure(`the answer is ${head.headers['content-type']}, not an event stream`, { kind: 'content', phase: 'answering', ...head, body })
    : new TransportFailure(`the server answered ${head.status}`, { kind: 'refused', phase: 'answering', ...head, body })
}

function adoptDispatcher(dispatcher: Dispatcher): PooledDispatcher {
  return { dispatcherFor: () => dispatcher, waiting: () => undefined, waited: () => undefined, close: () => Promise.resolve() }
}

function mayCompress({ compress = false, headers }: HttpRequest): boolean {
  return compress && !Object.keys(headers).some((name) => name.toLowerCase() === 'content-encoding')
}
