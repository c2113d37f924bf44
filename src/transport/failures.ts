import { TransportFailure, type Phase, type TransportFailureFields, type TransportFailureKind } from './transport.js'

export function readSystemCode(error: unknown): string | undefined {
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' ? code : undefined
}

/** The error's sentence; of an attempt at several addresses, the first one's, as the whole has none. */
export function readReason(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return readReason(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}

/** A TransportFailure of `kind` out of what a library threw; one that is a TransportFailure already stays as it is. */
export function wrapFailure(kind: TransportFailureKind, phase: Phase, error: unknown, prefix: string, proxy?: string): TransportFailure {
  if (error instanceof TransportFailure) return error
  const systemCode = readSystemCode(error)
  const fields: TransportFailureFields = { kind, phase, cause: error }
  if (systemCode !== undefined) fields.systemCode = systemCode
  if (proxy !== undefined) fields.proxy = proxy
  return new TransportFailure(`${prefix}: ${readReason(error)}`, fields)
}

export function abortedFailure(phase: Phase, signal?: AbortSignal): TransportFailure {
  return new TransportFailure('the caller gave the exchange up', { kind: 'aborted', phase, cause: signal?.reason })
}

const CLOCK_SAYS = {
  connect: 'no connection within',
  first_frame: 'no answer within',
  idle: 'silence on the wire for',
  total: 'not finished within',
} as const

export function timeoutFailure(clock: keyof typeof CLOCK_SAYS, limitMs: number, phase: Phase): TransportFailure {
  return new TransportFailure(`${CLOCK_SAYS[clock]} ${limitMs} ms`, { kind: 'timeout', phase, clock })
}

/** Header values as one text each, names in lower case. */
export function flattenHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const flat: Record<string, string> = {}
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value !== undefined) flat[name.toLowerCase()] = typeof value === 'string' ? value : value.join(', ')
  }
  return flat
}
