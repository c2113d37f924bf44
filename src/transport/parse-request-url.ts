import { isLoopback } from '../lib/index.js'
import { TransportFailure } from './transport.js'

/**
 * The URL of a request, checked before anything is sent: a known scheme, and plain text only to this machine.
 * @throws TransportFailure kind `connect`, systemCode ERR_INVALID_URL or ERR_PLAIN_TEXT
 */
export function parseRequestUrl(text: string, protocols: readonly string[]): URL {
  const url = parseUrl(text)
  if (!url || !protocols.includes(url.protocol)) {
    const names = protocols.map((protocol) => `${protocol}//`).join(' or ')
    throw refuse('ERR_INVALID_URL', `${url ? url.protocol : 'the address'} cannot be called; it should begin with ${names}`)
  }
  const plain = url.protocol === 'http:' || url.protocol === 'ws:'
  if (plain && !isLoopback(url)) {
    throw refuse('ERR_PLAIN_TEXT', `${url.protocol}//${url.host} is not on this machine; plain text goes to loopback only, use ${url.protocol.replace(':', 's:')}//`)
  }
  return url
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}

function refuse(systemCode: string, message: string): TransportFailure {
  return new TransportFailure(message, { kind: 'connect', phase: 'unsent', systemCode })
}
