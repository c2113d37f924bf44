import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigurationError } from '../contract/index.js'
import { describeListenFailure } from '../lib/index.js'
import type { HttpServerOptions } from './http-server-options.js'
import { listenAtFile } from './socket-file.js'

/** Where a server listens; absent for a socket file, and before it does. */
export function addressOf(server: Server): AddressInfo | undefined {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address : undefined
}

/** Resolves with the base URL when the server listens; of a socket file with its path URL-encoded. @throws ConfigurationError where the port or the address can't be had */
export async function listen(server: Server, { host = '127.0.0.1', port = 0, socketPath, tls }: HttpServerOptions): Promise<string> {
  const scheme = tls ? 'https' : 'http'
  if (socketPath !== undefined) {
    await listenAtFile(server, socketPath)
    return `${scheme}+unix://${encodeURIComponent(socketPath)}/v1`
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const known = describeListenFailure(error, { host, port })
      reject(known ? new ConfigurationError(known.message, { code: known.code, cause: error }) : error)
    })
    server.listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `${scheme}://${name}:${address.port}/v1`
}
