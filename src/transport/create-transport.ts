import type { Dispatcher } from 'undici'
import { createAbortListeners } from '../lib/index.js'
import type { connectSocket } from './connect-socket.js'
import { createHttpClient } from './http-client.js'
import type { OpenSocket } from './open-socket.js'
import type { ProxyEnvironment } from './resolve-proxy.js'
import { TransportFailure, type SocketConnection, type Transport } from './transport.js'

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
  const aborts = createAbortListeners()
  let opener: Promise<OpenSocket> | undefined
  let ended: Promise<void> | undefined
  const openSocket = () => (opener ??= import('./open-socket.js').then(({ createSocketOpener }) => {
    const extraCaFile = env['NODE_EXTRA_CA_CERTS']
    return createSocketOpener({ env, ...(caFile && { caFile }), ...(extraCaFile && { extraCaFile }) })
  }))
  // Kept, since each import() of a module that is there already takes some 100 µs.
  let connector: Promise<[{ connectSocket: typeof connectSocket }, OpenSocket]> | undefined
  const loadConnector = () => (connector ??= Promise.all([import('./connect-socket.js'), openSocket()]))
  const http = createHttpClient({ openSocket, dispatcher, maxFrameBytes })
  const checkOpen = () => {
    if (closing.signal.aborted) throw new TransportFailure('the transport is closed', { kind: 'aborted', phase: 'unsent' })
  }
  return {
    fetch: http.fetch,
    stream: http.stream,
    async connect(request) {
      checkOpen()
      const [{ connectSocket }, open] = await loadConnector()
      checkOpen()
      const connection = await connectSocket(request, { openSocket: open, now, maxFrameBytes, closing: closing.signal, aborts })
      if (closing.signal.aborted) connection.close(1001)
      checkOpen()
      sockets.add(connection)
      connection.onClosed(() => sockets.delete(connection))
      return connection
    },
    close() {
      closing.abort()
      ended ??= Promise.all([closeSockets(sockets), http.close()]).then(() => undefined)
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
