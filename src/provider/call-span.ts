import { AbortError, LLMError, isLLMError, type ChatResponse, type EventPayloads, type LLMErrorFields } from '../contract/index.js'
import { modelOf, type CallHead, type Outcome } from './call.js'
import type { ProviderDeps } from './deps.js'
import type { Emitter } from './emitter.js'

/** The pair of events around a call: one `llm:request`, one `llm:response`, whatever happens in between. */
export interface CallSpan {
  /** `llm:request`; only the first announcement counts. Undefined where no handler had to be waited for. */
  announce(payload: unknown): Promise<unknown> | undefined
  /** `llm:response`; only the first outcome counts. */
  close(outcome: Outcome): Promise<void>
}

export function openCallSpan(deps: ProviderDeps, emitter: Emitter, call: CallHead): CallSpan {
  const startedMs = deps.now()
  let opened = false
  let closed = false
  const announce: CallSpan['announce'] = (payload) => {
    if (opened) return undefined
    opened = true
    return emitter.emit('llmRequest', {
      ...nameCall(deps, call),
      message_count: call.request.messages.length,
      ...(deps.settings.raw && payload !== undefined ? { raw: deps.redactor.value(payload) } : {}),
    })
  }
  return {
    announce,
    async close({ error, response }) {
      if (closed) return
      closed = true
      await announce(undefined)
      const duration_ms = deps.now() - startedMs
      const common = nameCall(deps, call)
      await emitter.emit('llmResponse', error
        ? { ...common, status: 'error', duration_ms, error: error.message, error_type: error.name }
        : { ...common, status: 'ok', duration_ms, route: call.route, ...describeAnswer(response, deps) })
    },
  }
}

function nameCall(deps: ProviderDeps, call: CallHead): { provider: string; model: string; operation?: 'compaction' } {
  return { provider: deps.mountName, model: modelOf(call), ...(call.asCheckpoint ? { operation: 'compaction' } : {}) }
}

function describeAnswer(response: ChatResponse, deps: ProviderDeps): Pick<EventPayloads['llmResponse'], 'usage' | 'raw'> {
  const { usage } = response
  return {
    ...(usage
      ? {
          usage: {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            ...(usage.reasoning_tokens == null ? {} : { reasoning_tokens: usage.reasoning_tokens }),
            ...(usage.cache_read_tokens == null ? {} : { cache_read_tokens: usage.cache_read_tokens }),
            ...(usage.cache_write_tokens == null ? {} : { cache_write_tokens: usage.cache_write_tokens }),
          },
        }
      : {}),
    ...(deps.settings.raw ? { raw: deps.redactor.value(response) } : {}),
  }
}

/** Whatever ended the call as one of the contract's errors. */
export function toLLMError(thrown: unknown, deps: ProviderDeps, call: CallHead): LLMError {
  if (call.signal.aborted && isLLMError(call.signal.reason)) return withPartial(call.signal.reason, thrown)
  if (isLLMError(thrown)) return thrown
  const words = thrown instanceof Error ? thrown.message : String(thrown)
  const fields: LLMErrorFields = { ...nameCall(deps, call), cause: thrown }
  if (call.signal.aborted) return new AbortError('The call was cancelled.', fields)
  return new LLMError(deps.redactor.text(`The call failed in an unexpected way: ${words}`), fields)
}

/** Why the call was stopped, in the words of who stopped it, with what had arrived. */
function withPartial(reason: LLMError, thrown: unknown): LLMError {
  if (isLLMError(thrown) && thrown.partial) {
    Object.defineProperty(reason, 'partial', { value: thrown.partial, enumerable: false, configurable: true })
  }
  return reason
}
