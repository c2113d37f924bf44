import * as net from 'node:net'
import * as tls from 'node:tls'
import { keepNewest } from '../lib/index.js'
import { readReason, readSystemCode, wrapFailure } from './failures.js'
import { createTrust, type TrustOptions } from './create-trust.js'
import { findProxy, type ProxyEnvironment } from './resolve-proxy.js'
import { TransportFailure } from './transport.js'
import { awaitSocketEvent } from './await-socket-event.js'
import { openTunnel } from './tunnel.js'

/**
 * Opens the connection to a URL's host: through the environment's proxy where there is one, and with TLS for https and
 * wss. The one place where sockets are made, for HTTP and WebSocket alike.
 * @throws TransportFailure kind `connect`
 */
export type OpenSocket = (url: URL, options: { servername?: string; signal?: AbortSignal }) => Promise<net.Socket>

export function createSocketOpener(options: TrustOptions & { env: ProxyEnvironment }): OpenSocket {
  const sessions = createSessionCache()
  let trust: Promise<tls.SecureContext | undefined> | undefined
  const readTrust = async () => {
    trust ??= createTrust(options)
    try {
      return await trust
    } catch (error) {
      trust = undefined // a bundle that has been put right counts at the next try
      throw new TransportFailure(readReason(error), { kind: 'connect', phase: 'unsent', systemCode: 'ERR_CA_FILE', cause: error })
    }
  }
  return async (url, { servername, signal }) => {
    const secure = url.protocol === 'https:' || url.protocol === 'wss:'
    const target = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || (secure ? 443 : 80) }
    const found = readProxy(url, options.env)
    const proxy = found?.url
    const secureContext = secure || proxy?.protocol === 'https:' ? await readTrust() : undefined
    const dial = (at: Address) => {
      const dialled = { ...at, highWaterMark: 64 * 1024, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }
      return awaitSocketEvent(net.connect(dialled), 'connect', signal)
    }
    const encrypt = (socket: net.Socket, at: Address, name = net.isIP(at.host) ? '' : at.host) => {
      const key = `${name || at.host}:${at.port}`
      const session = sessions.get(key)
      const secured = tls.connect({
        socket, host: at.host, servername: name, ALPNProtocols: ['http/1.1'],
        // Said, so that NODE_TLS_REJECT_UNAUTHORIZED=0, meant for something else, doesn't send tokens to anybody.
        rejectUnauthorized: true,
        ...(secureContext && { secureContext }), ...(session && { session }),
      })
      secured.on('session', (fresh: Buffer) => sessions.set(key, fresh))
      return awaitSocketEvent(secured, 'secureConnect', signal)
    }
    try {
      if (!found || !proxy) {
        const socket = await dial(target)
        return secure ? await encrypt(socket, target, servername) : socket
      }
      const way = readProxyAddress(proxy)
      const plain = await dial(way)
      const toProxy = proxy.protocol === 'https:' ? await encrypt(plain, way) : plain
      const tunnel = await openTunnel({ socket: toProxy, proxy, variable: found.variable, target, ...(signal && { signal }) })
      return secure ? await encrypt(tunnel, target, servername) : tunnel
    } catch (error) {
      throw wrapFailure('connect', 'unsent', error, `no connection to ${url.host}${proxy ? ` through the proxy ${proxy.host}` : ''}`, proxy?.host)
    }
  }
}

interface Address {
  host: string
  port: number
}

function readProxy(url: URL, env: ProxyEnvironment): ReturnType<typeof findProxy> {
  const refuse = (message: string, cause?: unknown) =>
    new TransportFailure(message, { kind: 'connect', phase: 'unsent', systemCode: 'ERR_PROXY_SETTING', cause })
  let found: ReturnType<typeof findProxy>
  try {
    found = findProxy(url, env)
  } catch (error) {
    throw refuse(readReason(error), readSystemCode(error) === undefined ? undefined : error)
  }
  const protocol = found?.url.protocol ?? 'http:'
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw refuse(
      `the environment names a ${protocol}// proxy for ${url.host}; http and https proxies are supported: ` +
        `set https_proxy to one, or name the host in no_proxy`,
    )
  }
  return found
}

function readProxyAddress(proxy: URL): Address {
  const fallback = proxy.protocol === 'https:' ? 443 : 80
  return { host: proxy.hostname.replace(/^\[|\]$/g, ''), port: Number(proxy.port) || fallback }
}

/** TLS sessions by host, so that a second connection resumes the first one's. */
function createSessionCache(): { get(key: string): Buffer | undefined; set(key: string, session: Buffer): void } {
  const sessions = new Map<string, Buffer>()
  return {
    get: (key) => sessions.get(key),
    set: (key, session) => keepNewest(sessions, key, session, 32),
  }
}
