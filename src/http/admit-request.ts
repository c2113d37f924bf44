import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { HttpFailure } from './http-failure.js'
import type { FindKey, HttpKey } from './key-ring.js'

export interface Gate {
  findKey: FindKey
  /** of the keys that count now */
  keyIds: () => ReadonlySet<string>
  /** the address that the server listens at; absent for a socket file, which no page can reach */
  address: () => AddressInfo | undefined
  host: string
  /** names beyond our own that Host may say, with a port or for any; `*` for all */
  allowHosts: readonly string[]
  /** origins whose pages may ask */
  allowOrigins: readonly string[]
}

/**
 * Who may come in: a name of ours in Host (a page that rebinds DNS cannot say it), no page of another origin. Our own page is let in
 * to its own paths alone (`ownPage`): browsers say Origin with its scripts. @throws HttpFailure 403
 */
export function checkOrigin(gate: Gate, request: IncomingMessage, { ownPage = false }: { ownPage?: boolean } = {}): void {
  if (!isHostOurs(gate, request)) {
    throw new HttpFailure(403, 'This server does not go by that Host. Behind a port mapping, a proxy or another name, start it with --allow-host NAME.', { type: 'permission_error', code: 'host_not_allowed' })
  }
  const { origin } = request.headers
  if (ownPage && origin?.replace(/^https?:\/\//, '') === request.headers.host) return
  if (origin !== undefined && !gate.allowOrigins.includes(origin)) {
    throw new HttpFailure(403, 'Web pages are not let in, but those of --allow-origin.', { type: 'permission_error', code: 'origin_not_allowed' })
  }
}

/** The key, as a bearer or, as clients of the Messages dialect send it, in `x-api-key`. @throws HttpFailure 401 */
export function checkKey(gate: Gate, request: IncomingMessage): HttpKey {
  const key = readKey(gate, request)
  if (key) return key
  const told = shownKey(request) !== ''
    ? 'This key is not known here: wrong, revoked, or of before a restart. The server prints its own when it starts; amplifier-chatgpt serve keys add NAME makes one that stays.'
    : 'A key of this server is required, as a bearer or in x-api-key: the one it showed when it started, or one of serve keys.'
  throw new HttpFailure(401, told, { type: 'authentication_error', code: 'invalid_api_key' })
}

/** The key that a request shows, where it is one of ours (still). */
export function readKey({ findKey }: Gate, request: IncomingMessage): HttpKey | undefined {
  const given = shownKey(request)
  return given === '' ? undefined : findKey(given)
}

function shownKey({ headers: { authorization, 'x-api-key': apiKey } }: IncomingMessage): string {
  return authorization === undefined ? String(apiKey ?? '') : authorization.replace(/^bearer +/i, '')
}

function isHostOurs({ address, host, allowHosts }: Gate, request: IncomingMessage): boolean {
  const listening = address()
  if (!listening) return true
  const asked = (request.headers.host ?? '').toLowerCase()
  // The address that the client really reached is ours too, where the server was opened to the network.
  const reached = request.socket.localAddress?.replace(/^::ffff:/, '') ?? ''
  const ours = ['127.0.0.1', 'localhost', '[::1]', host.toLowerCase(), reached, `[${reached}]`]
  if (ours.some((name) => asked === `${name}:${listening.port}`)) return true
  const withoutPort = asked.replace(/:\d+$/, '')
  return asked !== '' && allowHosts.some((name) => name === '*' || name.toLowerCase() === asked || name.toLowerCase() === withoutPort)
}

/** What a page of an allowed origin may send and read. */
export function corsHeaders({ allowOrigins }: Gate, request: IncomingMessage): Record<string, string> {
  const { origin } = request.headers
  if (origin === undefined || !allowOrigins.includes(origin)) return {}
  return {
    'access-control-allow-origin': origin,
    vary: 'origin',
    'access-control-expose-headers': 'x-request-id, x-served-model, x-route, x-ignored-fields, x-error-kind, retry-after',
  }
}

/** The answer to a preflight, which browsers send without a key. */
export function preflightHeaders(request: IncomingMessage): Record<string, string> {
  const wanted = request.headers['access-control-request-headers']
  return {
    'access-control-allow-methods': 'GET, POST, DELETE',
    'access-control-allow-headers': typeof wanted === 'string' && /^[\w\-, ]*$/.test(wanted) ? wanted : 'authorization, content-type',
    'access-control-max-age': '600',
  }
}
