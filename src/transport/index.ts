/**
 * transport/ owns bytes over a connection: HTTP, server-sent events, WebSocket, proxies, certificates, timeouts,
 * back-pressure. It refuses to know what the bytes mean: no vendor, no credential, no hook.
 */
export { createTransport } from './create-transport.js'
export type { TransportOptions } from './create-transport.js'
export { createTrust } from './create-trust.js'
export { loadCa } from './load-ca.js'
export { resolveProxy } from './resolve-proxy.js'
export type { ProxyEnvironment } from './resolve-proxy.js'
export { TransportFailure } from './transport.js'
export type {
  Timeouts, FrameStream, Headers, HttpReply, HttpRequest, Phase, SocketConnection, SocketRequest, Transport,
  TransportFailureFields, TransportFailureKind,
} from './transport.js'
