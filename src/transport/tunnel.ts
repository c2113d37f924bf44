import { request as createHttpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { TransportFailure } from './transport.js'

export interface TunnelOptions {
  /** connected to the proxy, with TLS if the proxy speaks that */
  socket: Socket
  /** its user and password become Basic authorization */
  proxy: URL
  /** names the proxy in the environment */
  variable: string
  target: { host: string; port: number }
  signal?: AbortSignal
}

/**
 * Asks a proxy for a tunnel (CONNECT, RFC 9110 9.3.6). Plain targets are tunnelled as well: it is one way for all, and
 * the only one for WebSocket.
 * @throws TransportFailure with the status where the proxy refuses
 */
export function openTunnel({ socket, proxy, variable, target, signal }: TunnelOptions): Promise<Socket> {
  const authority = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`
  return new Promise((resolve, reject) => {
    const request = createHttpRequest({
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, ...readAuthorization(proxy) },
      createConnection: () => socket,
    })
    const onAbort = () => request.destroy(signal?.reason instanceof Error ? signal.reason : new Error('given up'))
    const finish = () => signal?.removeEventListener('abort', onAbort)
    request.once('connect', (response, tunnel: Socket, head: Buffer) => {
      finish()
      if (response.statusCode === 200) {
        if (head.length > 0) tunnel.unshift(head)
        return resolve(tunnel)
      }
      tunnel.destroy()
      reject(refuseTunnel({ proxy, variable, authority, status: response.statusCode ?? 0 }))
    })
    request.on('error', (error) => {
      finish()
      socket.destroy()
      reject(error)
    })
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
    request.end()
  })
}

function refuseTunnel({ proxy, variable, authority, status }: { proxy: URL; variable: string; authority: string; status: number }): TransportFailure {
  return new TransportFailure(describeRefusal(proxy, variable, authority, status), {
    kind: 'connect',
    phase: 'unsent',
    proxy: proxy.host,
    // A wrong password stays wrong; what else a proxy says is about the way behind it.
    systemCode: status === 407 ? 'ERR_PROXY_AUTH' : 'ERR_PROXY_REFUSED',
  })
}

function describeRefusal(proxy: URL, variable: string, authority: string, status: number): string {
  const answered = `the proxy ${proxy.host} answered ${status} when asked for a tunnel to ${authority}`
  if (status !== 407) return answered
  return proxy.username === '' && proxy.password === ''
    ? `${answered}; put user and password into the proxy URL (${variable}=http://user:password@host:port)`
    : `the proxy ${proxy.host} refused the user and password in ${variable} (407)`
}

function readAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '' && proxy.password === '') return {}
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
}
