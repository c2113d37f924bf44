import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import WebSocket from 'ws'
import { LightAbortSignal, type AbortListeners } from '../lib/index.js'
import { abortedFailure, flattenHeaders, timeoutFailure, wrapFailure } from './failures.js'
import type { OpenSocket } from './open-socket.js'
import { parseRequestUrl } from './parse-request-url.js'
import { WebSocketConnection } from './socket-connection.js'
import { TransportFailure, type Headers, type SocketConnection, type SocketRequest } from './transport.js'

/** How much of a refusal's body is kept, and how long it is waited for. */
const EXCERPT_BYTES = 64 * 1024
const EXCERPT_MS = 2_000
const DEFAULT_PING_MS = 30_000

export interface ConnectOptions {
  openSocket: OpenSocket
  now: () => number
  maxFrameBytes: number
  /** aborts when the transport is closed */
  closing: AbortSignal
  /** the transport's: each connection that is being made listens to `closing` */
  aborts: AbortListeners
}

/**
 * Opens a WebSocket. `connectMs` and the signal cover name lookup, proxy, TLS and upgrade together.
 * @throws TransportFailure: `refused` with status, headers and body where the upgrade was answered by something else
 */
export async function connectSocket(request: SocketRequest, options: ConnectOptions): Promise<SocketConnection> {
  const url = parseRequestUrl(request.url, ['ws:', 'wss:'])
  const end = createConnectDeadline(request, options)
  let socket: Socket | undefined
  try {
    socket = await options.openSocket(url, { signal: end.signal })
    return await upgrade(request, { ...options, url, socket, signal: end.signal })
  } catch (error) {
    socket?.destroy()
    if (end.signal.aborted) throw end.signal.reason
    throw wrapFailure('connect', 'unsent', error, `no WebSocket connection to ${url.host}`)
  } finally {
    end.clear()
  }
}

/** One signal for the caller's, the transport's and the connect clock; its reason is the failure to throw. */
function createConnectDeadline(
  { signal, connectMs }: SocketRequest, { closing, aborts }: Pick<ConnectOptions, 'closing' | 'aborts'>,
): { signal: AbortSignal; clear(): void } {
  const end = new LightAbortSignal()
  const onAbort = () => end.abort(abortedFailure('unsent', signal))
  const sources = signal ? [signal, closing] : [closing]
  if (sources.some(({ aborted }) => aborted)) onAbort()
  const takeBack = sources.map((source) => aborts.add(source, onAbort))
  const timer = connectMs && Number.isFinite(connectMs)
    ? setTimeout(() => end.abort(timeoutFailure('connect', connectMs, 'unsent')), connectMs)
    : undefined
  return {
    signal: end,
    clear() {
      clearTimeout(timer)
      for (const take of takeBack) take()
    },
  }
}

type UpgradeOptions = ConnectOptions & { url: URL; socket: Socket; signal: AbortSignal }

function upgrade(request: SocketRequest, { url, socket, signal, now, maxFrameBytes }: UpgradeOptions): Promise<SocketConnection> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    const ws = new WebSocket(url, {
      headers: request.headers, maxPayload: maxFrameBytes, perMessageDeflate: true, followRedirects: false,
      createConnection: () => socket,
    })
    let headers: Headers = {}
    const fail = (error: unknown) => {
      signal.removeEventListener('abort', onAbort)
      ws.on('error', () => undefined).terminate()
      reject(error as Error)
    }
    const onAbort = () => fail(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    ws.once('upgrade', (response) => (headers = flattenHeaders(response.headers)))
    ws.once('error', fail)
    ws.once('unexpected-response', (_request, response) => void readRefusal(response).then(fail))
    ws.once('open', () => {
      signal.removeEventListener('abort', onAbort)
      ws.removeAllListeners()
      // Here and not after the promise: the first messages may come before the code that awaits it runs.
      resolve(new WebSocketConnection(ws, socket, { headers, openedAtMs: now(), pingMs: request.pingMs ?? DEFAULT_PING_MS }))
    })
  })
}

async function readRefusal(response: IncomingMessage): Promise<TransportFailure> {
  const pieces: Buffer[] = []
  let bytes = 0
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, EXCERPT_MS)
    response.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
    response.on('error', () => undefined)
    response.on('end', () => response.destroy())
    response.on('data', (piece: Buffer) => {
      pieces.push(piece)
      bytes += piece.length
      if (bytes >= EXCERPT_BYTES) response.destroy()
    })
  })
  const status = response.statusCode ?? 0
  return new TransportFailure(`the server answered ${status} to the WebSocket upgrade`, {
    kind: 'refused', phase: 'unsent', status, headers: flattenHeaders(response.headers),
    body: new TextDecoder().decode(Buffer.concat(pieces).subarray(0, EXCERPT_BYTES)),
  })
}
