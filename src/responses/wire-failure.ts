import type { Phase, TransportFailure, TransportFailureKind } from '../transport/transport.js'

/** What is known of a failure before anybody has judged it; `mapWireFailure` is the judge. */
export interface WireFailure {
  /** an HTTP refusal, an error frame, the answer's terminal event, or the connection itself */
  source: 'http' | 'frame' | 'terminal' | 'transport'
  status?: number
  /** lower-cased names */
  headers?: Record<string, string>
  /** an HTTP refusal's body as text; it is read for what it says and never passed on */
  body?: string
  /** the decoded error object of a frame or terminal */
  error?: unknown
  kind?: TransportFailureKind
  phase?: Phase
  clock?: string
  closeCode?: number
  closeReason?: string
  /** the system's own word, such as ECONNRESET */
  systemCode?: string
  /** a setting of ours keeps the connection from being made */
  misconfigured?: boolean
  /** host and port of the proxy on the way */
  proxy?: string
  message?: string
  cause?: unknown
}

/** A transport's failure in the classifier's words; a refusal with a status becomes an HTTP failure. */
export function fromTransportFailure(failure: TransportFailure): WireFailure {
  const { kind, phase, status, headers, body, clock, closeCode, closeReason, systemCode, misconfigured, proxy, message } = failure
  const source = kind === 'refused' && status !== undefined ? 'http' : 'transport'
  return { source, kind, phase, message, status, body, clock, closeCode, closeReason, systemCode, misconfigured, proxy, headers: headers && { ...headers }, cause: failure }
}
