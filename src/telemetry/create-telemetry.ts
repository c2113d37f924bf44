import type { Attributes, Context, Span } from '@opentelemetry/api'
import { parseTraceparent, type CallObserver, type CallWatch, type ObservedCall } from '../contract/index.js'
import { describeContent, describeOutcome, describeRequest, errorType } from './describe-call.js'
import { createInstruments, type Instruments } from './instruments.js'
import { loadApi, registered, type Api } from './load-api.js'
import { createHostSpans, type HostSpans } from './host-spans.js'

export interface TelemetryOptions {
  /** our name and version, as the scope of spans and metrics */
  name: string
  version: string
  /** where calls go to */
  baseUrl: string
  /** true puts prompts and answers on the spans; default false */
  content?: boolean
}

/** A call as a span `chat MODEL` with its attempts as children, and as metrics; what the host tells of agents and tools as spans. */
export type Telemetry = CallObserver & Pick<HostSpans, 'attach'>

/** Nothing is loaded and nothing is done while the host program has registered no provider. */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const server = describeServer(options.baseUrl)
  let loaded: Api | false | undefined
  const scope = { name: options.name, version: options.version }
  const open = () => {
    if (!registered()) return undefined
    loaded ??= loadApi() ?? false
    return loaded ? { api: loaded, ...scope } : undefined
  }
  const host = createHostSpans(open)
  let known: { meters: unknown; instruments: Instruments } | undefined
  return {
    attach: (coordinator) => host.attach(coordinator),
    begin(call) {
      const opened = open()
      if (!opened) return undefined
      const { api } = opened
      const meters = registered()?.metrics
      // A host may register another provider later; the API's instruments stay with the one they were made of.
      if (!known || known.meters !== meters) known = { meters, instruments: createInstruments(api, options.name, options.version) }
      return watchCall(api, known.instruments, call, { ...options, server, parent: host.parentOf(call.sessionId) })
    },
  }
}

function describeServer(baseUrl: string): Attributes {
  const { hostname, port, protocol } = new URL(baseUrl)
  return { 'server.address': hostname, 'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }
}

/** The caller's own span where it sent one, else whatever span is open around the call. */
function parentOf(api: Api, { trace }: ObservedCall, told: Context | undefined): Context {
  const sent = trace && parseTraceparent(trace.traceparent)
  if (!sent) return told ?? api.context.active()
  const traceState = trace.tracestate === undefined ? {} : { traceState: api.createTraceState(trace.tracestate) }
  return api.trace.setSpanContext(api.context.active(), { ...sent, ...traceState, isRemote: true })
}

function watchCall(api: Api, instruments: Instruments, call: ObservedCall, { name, version, server, content, parent }: TelemetryOptions & { server: Attributes; parent: Context | undefined }): CallWatch {
  const tracer = api.trace.getTracer(name, version)
  const common = describeRequest(call, server)
  const span = tracer.startSpan(`chat ${call.route.resolved_model}`, { kind: api.SpanKind.CLIENT, attributes: common }, parentOf(api, call, parent))
  const inside = api.trace.setSpan(api.context.active(), span)
  const startedMs = performance.now()
  let attempt: Span | undefined
  let attempts = 0
  let lastChunkMs: number | undefined
  return {
    phase(phase) {
      if (phase === 'queued') attempt = tracer.startSpan(`attempt ${++attempts}`, { kind: api.SpanKind.INTERNAL }, inside)
      attempt?.addEvent(phase)
    },
    chunk() {
      const nowMs = performance.now()
      if (lastChunkMs === undefined) {
        instruments.firstChunk.record((nowMs - startedMs) / 1000, common)
        span.setAttribute('gen_ai.response.time_to_first_chunk', (nowMs - startedMs) / 1000)
      } else instruments.nextChunk.record((nowMs - lastChunkMs) / 1000, common)
      lastChunkMs = nowMs
    },
    attemptEnded(error) {
      attempt?.setAttributes({ 'amplifier.transport': call.route.transport ?? 'unknown', ...(error ? { 'error.type': errorType(error) } : {}) })
      if (error) attempt?.setStatus({ code: api.SpanStatusCode.ERROR })
      attempt?.end()
      attempt = undefined
    },
    ended({ response, error }) {
      attempt?.end()
      const answer = response ?? error?.partial
      span.setAttributes({ ...describeOutcome(call, answer), ...(content ? describeContent(call, answer) : {}) })
      const failure: Attributes = error ? { 'error.type': errorType(error) } : {}
      // Messages of errors may quote what was sent: the kind is enough.
      if (error) span.setAttributes(failure).setStatus({ code: api.SpanStatusCode.ERROR })
      span.end()
      const served: Attributes = call.route.served_model === 'unknown' ? {} : { 'gen_ai.response.model': call.route.served_model }
      instruments.duration.record((performance.now() - startedMs) / 1000, { ...common, ...served, ...failure })
      if (answer?.usage) instruments.tokens(answer.usage, { ...common, ...served })
    },
  }
}
