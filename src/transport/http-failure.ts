import { readReason, readSystemCode, wrapFailure } from './failures.js'
import type { Phase, TransportFailure, TransportFailureKind } from './transport.js'

/** What undici ended an exchange with, as a failure of ours. @param at.connected whether it had got a connection */
export function toHttpFailure(error: unknown, { host, connected, phase }: { host: string; connected: boolean; phase: Phase }): TransportFailure {
  const kind = readKind(error, connected, phase)
  // A parser's error carries the bytes it choked on; they stay out of ours.
  const told = isUnreadable(error) ? new Error(readReason(error)) : error
  return wrapFailure(kind, phase, told, kind === 'connect' ? `no connection to ${host}` : `the exchange with ${host} failed`)
}

/** By undici's names: a request that could not be written at all, and an answer that isn't HTTP. */
function readKind(error: unknown, connected: boolean, phase: Phase): TransportFailureKind {
  const code = readSystemCode(error)
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') return 'content'
  if (!connected) return 'connect'
  return phase !== 'answering' && (isUnreadable(error) || code === 'UND_ERR_HEADERS_OVERFLOW') ? 'content' : 'cut'
}

function isUnreadable(error: unknown): boolean {
  return error instanceof Error && error.name === 'HTTPParserError'
}
