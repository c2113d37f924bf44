import type { TraceContext } from './call-observer.js'

/** Version 00, the one there is; an id of zeros is none (W3C Trace Context, 3.2). */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/
const LONGEST_STATE = 512

/** The parts of a traceparent; undefined for what is none. */
export function parseTraceparent(text: string): { traceId: string; spanId: string; traceFlags: number } | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(text) ?? []
  return traceId === undefined || spanId === undefined || flags === undefined ? undefined : { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1 }
}

/** Trace context from a caller's headers or metadata; undefined where there is none that is valid. */
export function readTraceContext(read: (name: 'traceparent' | 'tracestate') => unknown): TraceContext | undefined {
  const traceparent = read('traceparent')
  if (typeof traceparent !== 'string' || !parseTraceparent(traceparent)) return undefined
  const tracestate = read('tracestate')
  return { traceparent, ...(typeof tracestate === 'string' && tracestate !== '' && tracestate.length <= LONGEST_STATE ? { tracestate } : {}) }
}
