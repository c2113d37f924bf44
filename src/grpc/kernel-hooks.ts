import { isRecord } from '../lib/index.js'
import type { CallEvent } from './call-events.js'
import type { LoadedGrpc } from './load-grpc.js'

export interface KernelHooks {
  /** Queues an event; never waits, never throws. */
  emit(event: CallEvent): void
  /** Drops what is queued; twice without harm. */
  close(): void
}

export interface KernelHooksOptions {
  /** `host:port`, or the `http://` form of it that Rust callers use */
  address: string
  /** what the kernel wants as `x-amplifier-token` */
  token?: string
  warn(message: string): void
}

/** A kernel takes JSON fields up to 64 KiB. */
const MAX_JSON_BYTES = 64 * 1024
/** A kernel that has stopped listening must not fill our memory. */
const MAX_QUEUED = 10_000
const DEADLINE_MS = 5_000

/**
 * Tells a kernel's KernelService what our calls emit, one event after the other so that their order holds. Its
 * verdicts are not acted on: an answer that streams can't be taken back.
 */
export function createKernelHooks({ grpc, emitHook }: LoadedGrpc, { address, token, warn }: KernelHooksOptions): KernelHooks {
  const client = new grpc.Client(address.replace(/^http:\/\//, ''), grpc.credentials.createInsecure(), { 'grpc.enable_http_proxy': 0 })
  const metadata = new grpc.Metadata()
  if (token) metadata.set('x-amplifier-token', token)
  const queue: { event: string; data_json: string }[] = []
  let sending = false
  let closed = false
  let warned = false
  const warnOnce = (message: string) => {
    if (!warned) warn(message)
    warned = true
  }
  const next = () => {
    const request = closed ? undefined : queue.shift()
    sending = request !== undefined
    if (!request) return
    const { path, requestSerialize, responseDeserialize } = emitHook
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, { deadline: Date.now() + DEADLINE_MS }, (error) => {
      if (error && !closed) warnOnce(`the kernel at ${address} did not take ${request.event}: ${error.details}`)
      next()
    })
  }
  return {
    emit({ event, data }) {
      // The session's own events are the kernel's already.
      if (closed || !/^(llm|provider):/.test(event)) return
      const text = writeData(data)
      if (text === undefined || queue.length >= MAX_QUEUED) return warnOnce(`${event} was not told to the kernel: ${text === undefined ? 'it is too large' : 'it is too slow'}`)
      queue.push({ event, data_json: text })
      if (!sending) next()
    },
    close() {
      closed = true
      queue.length = 0
      client.close()
    },
  }
}

/** The payload as JSON, without `raw` where that is what makes it too large. */
function writeData(data: unknown): string | undefined {
  const whole = JSON.stringify(data)
  if (Buffer.byteLength(whole) <= MAX_JSON_BYTES) return whole
  const { raw, ...rest } = isRecord(data) ? data : {}
  const text = raw === undefined ? undefined : JSON.stringify(rest)
  return text !== undefined && Buffer.byteLength(text) <= MAX_JSON_BYTES ? text : undefined
}
