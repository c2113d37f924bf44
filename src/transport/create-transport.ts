import type { Dispatcher } from 'undici'
import type { HttpClient } from './http-client.js'
import type { OpenSocket } from './open-socket.js'
import type { ProxyEnvironment } from './resolve-proxy.js'
import { TransportFailure, type HttpRequest, type SocketConnection, type Transport } from './transport.js'

export interface TransportOptions {
  /** where proxies (see resolveProxy) and NODE_EXTRA_CA_CERTS are read; default `process.env` */
  env?: ProxyEnvironment
  /** a PEM bundle trusted besides what Node trusts; a bad one fails the call that needs it, naming the path */
  caFile?: string
  /** a host's own for HTTP: it then decides about proxies, certificates and pooling, and is not closed by us */
  dispatcher?: Dispatcher
  /** ms; for `openedAtMs`; default `Date.now` */
  now?: () => number
  /** the longest single event, message or whole body taken; default 64 MiB */
  maxFrameBytes?: number
}

const MAX_FRAME_BYTES = 64 * 1024 * 1024

/**
 * A transport with one pool of HTTP connections. Nothing is opened, read or loaded before the first call: the HTTP and
 * WebSocket libraries take longer to load than a whole mount may take.
 */
export function createTransport(options: TransportOptions = {}): Transport {
  const { env = process.env, now = Date.now, maxFrameBytes = MAX_FRAME_BYTES, caFile, dispatcher } = options
  const sockets = new Set<SocketConnection>()
  const closing = new AbortController()
  let opener: Promise<OpenSocket> | undefined
  let http: Promise<HttpClient> | undefined
  let client: HttpClient | undefined
  let ended: Promise<void> | undefined
  const loadOpener = () => (opener ??= import('./open-socket.js').then(({ createSocketOpener }) => {
    const extraCaFile = env['NODE_EXTRA_CA_CERTS']
    return createSocketOpener({ env, ...(caFile && { caFile }), ...(extraCaFile && { extraCaFile }) })
  }))
  const loadHttp = () => (http ??= Promise.all([import('./http-client.js'), loadOpener()]).then(([{ createHttpClient }, openSocket]) =>
    (client = createHttpClient({ openSocket, maxFrameBytes, ...(dispatcher && { dispatcher }) })),
  ))
  const checkOpen = () => {
    if (closing.signal.aborted) throw new TransportFailure('the transport is closed', { kind: 'aborted', phase: 'unsent' })
  }
  const streamFirst = async (request: HttpRequest) => {
    checkOpen()
    const ready = await loadHttp()
    checkOpen()
    return ready.stream(request)
  }
  return {
    async fetch(request) {
      checkOpen()
      const ready = client ?? (await loadHttp())
      checkOpen()
      return ready.fetch(request)
    },
    stream: (request) => (client && !closing.signal.aborted ? client.stream(request) : streamFirst(request)),
    async connect(request) {
      checkOpen()
      const [{ connectSocket }, openSocket] = await Promise.all([import('./connect-socket.js'), loadOpener()])
      checkOpen()
      const connection = await connectSocket(request, { openSocket, now, maxFrameBytes, closing: closing.signal })
      if (closing.signal.aborted) connection.close(1001)
      checkOpen()
      sockets.add(connection)
      connection.onClosed(() => sockets.delete(connection))
      return connection
    },
    close() {
      closing.abort()
      ended ??= Promise.all([closeSockets(sockets), http?.then((client) => client.close())]).then(() => undefined)
      return ended
    },
  }
}

async function closeSockets(sockets: ReadonlySet<SocketConnection>): Promise<void> {
  await Promise.all(
    [...sockets].map(
      (connection) =>
        new Promise<void>((resolve) => {
          connection.onClosed(() => resolve())
          connection.close(1001)
        }),
    ),
  )
}
