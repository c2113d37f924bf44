import { LLMError, isLLMError, type ChatResponse, type Provider, type RouteReceipt, type StreamEvent } from '../contract/index.js'
import { isRecord, orAbort, toAbortSignal } from '../lib/index.js'
import type { CallPlan, Deliver, Outcome } from './call.js'
import type { ProviderContext } from './provider-context.js'
import { StreamWriter } from './sink.js'

/** `degradation`: the answer took over from what had been asked before. */
type OtherProviderCall = Pick<CallPlan, 'request' | 'options' | 'signal' | 'degradation'> & { provider: Provider; receipt: RouteReceipt }

/**
 * A candidate on another provider of the host: it makes its own calls and emits its own events. One
 * that cannot stream is completed, and its answer given out whole.
 */
export async function runOnOtherProvider(context: ProviderContext, call: OtherProviderCall, deliver: Deliver<StreamEvent>): Promise<Outcome> {
  const { deps, stamp } = context
  const options = { ...call.options, signal: toAbortSignal(call.signal) }
  const writer = new StreamWriter({ sessionId: deps.sessionId, thinking: options.thinking !== false, stamp })
  let seq = 0
  try {
    if (typeof call.provider.stream === 'function') {
      const stream = call.provider.stream(call.request, options)
      const events = stream[Symbol.asyncIterator]()
      try {
        for (;;) {
          const { done, value } = await orAbort(events.next(), call.signal)
          if (done || value.type === 'error') break
          const wanted = deliver([{ ...withDegradation(value, call), seq: seq++ }])
          if (wanted) await wanted
        }
      } finally {
        // Not waited for: one that does not listen to the signal would not end here either.
        events.return?.().catch(() => undefined)
      }
      return { response: seal(await orAbort(stream.response(), call.signal), call) }
    }
    const response = seal(await orAbort(call.provider.complete(call.request, options), call.signal), call)
    await deliver(writer.tell({ response }))
    return { response }
  } catch (thrown) {
    const error = deps.redactor.error(toLLMError(thrown, call))
    call.receipt.attempts.push({ model: call.request.model ?? call.receipt.resolved_model, outcome: 'error', error_type: error.name })
    await deliver(writer.fail(error).map((event) => ({ ...event, seq })))
    return { error }
  }
}

function toLLMError(thrown: unknown, { signal, receipt: { provider } }: OtherProviderCall): LLMError {
  if (signal.aborted && isLLMError(signal.reason)) return signal.reason
  return isLLMError(thrown) ? thrown : new LLMError(`${provider} failed: ${String(thrown)}`, { provider, cause: thrown })
}

/** It ends as one that took over, unless it says that itself. */
function withDegradation(event: StreamEvent, { degradation }: OtherProviderCall): StreamEvent {
  return event.type === 'message.end' && degradation && event.degradations.length === 0 ? { ...event, degradations: [degradation] } : event
}

function seal(response: ChatResponse, call: OtherProviderCall): ChatResponse {
  const degradation = response.degradation ?? call.degradation
  return {
    ...response,
    ...(degradation && { degradation }),
    metadata: { ...response.metadata, route: describeRoute(call, response) },
  }
}

/** Ours says how the call came there; what happened there only the other provider can say, where it gives a receipt too. */
function describeRoute({ receipt, request }: OtherProviderCall, response: ChatResponse): RouteReceipt {
  const own: unknown = response.metadata?.['route']
  if (!isRecord(own)) return { ...receipt, attempts: [...receipt.attempts, { model: request.model ?? receipt.resolved_model, outcome: 'ok' }] }
  const { served_model, lane, billing, transport, transport_reason, cache, quota, attempts } = own as Partial<RouteReceipt>
  const told = { served_model, lane, billing, transport, transport_reason, cache, quota }
  return {
    ...receipt,
    ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined)),
    attempts: [...receipt.attempts, ...(attempts ?? [])],
  }
}
