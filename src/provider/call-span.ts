import { AbortError, LLMError, isLLMError, type ChatResponse, type EventPayloads, type LLMErrorFields } from '../contract/index.js'
import { modelOf, type CallHead, type Outcome } from './call.js'
import type { ProviderDeps } from './deps.js'
import type { Emitter } from './emitter.js'

/** The pair of events around a call: one `llm:request`, one `llm:response`, whatever happens in between. */
export class CallSpan {
  readonly #startedMs: number
  #opened = false
  #closed = false

  constructor(private readonly deps: ProviderDeps, private readonly emitter: Emitter, private readonly call: CallHead) {
    this.#startedMs = deps.now()
  }

  /** `llm:request`; only the first announcement counts. Undefined where no handler had to be waited for. */
  announce(payload: unknown): Promise<unknown> | undefined {
    if (this.#opened) return undefined
    this.#opened = true
    const { settings, redactor } = this.deps
    return this.emitter.emit('llmRequest', {
      message_count: this.call.request.messages.length,
      ...nameCall(this.deps, this.call),
      ...(settings.raw && payload !== undefined && { raw: redactor.value(payload) }),
    })
  }

  /** `llm:response`; only the first outcome counts. */
  async close({ error, response }: Outcome): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.announce(undefined)
    const duration_ms = this.deps.now() - this.#startedMs
    const name = nameCall(this.deps, this.call)
    await this.emitter.emit('llmResponse', error
      ? { status: 'error', duration_ms, error: error.message, error_type: error.name, ...name }
      : { status: 'ok', duration_ms, route: this.call.route, ...name, ...describeAnswer(response, this.deps) })
  }
}

function nameCall(deps: ProviderDeps, call: CallHead): { provider: string; model: string; operation?: 'compaction' } {
  return { provider: deps.mountName, model: modelOf(call), ...(call.asCheckpoint && { operation: 'compaction' }) }
}

function describeAnswer(response: ChatResponse, deps: ProviderDeps): Pick<EventPayloads['llmResponse'], 'usage' | 'raw'> {
  const { usage } = response
  return {
    ...(usage && {
      usage: {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        ...(usage.reasoning_tokens != null && { reasoning_tokens: usage.reasoning_tokens }),
        ...(usage.cache_read_tokens != null && { cache_read_tokens: usage.cache_read_tokens }),
        ...(usage.cache_write_tokens != null && { cache_write_tokens: usage.cache_write_tokens }),
      },
    }),
    ...(deps.settings.raw && { raw: deps.redactor.value(response) }),
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
