import { randomUUID } from 'node:crypto'
import { AbortError, LLMError, isLLMError, type ChatResponse, type EventPayloads, type LLMErrorFields, type StreamEvent } from '../contract/index.js'
import type { AnswerEvent } from '../responses/index.js'
import type { CallHead } from './call.js'
import type { ProviderDeps } from './deps.js'
import type { Emitter } from './emitter.js'
import type { Deliver, Outcome } from './call.js'
import { createAnnouncer, createStreamWriter, type StreamWriter } from './stream-writer.js'

/** What runs below the events: pushes batches of block events, then answers what they made. */
export type Answering = (announceRequest: AnnounceRequest, screen: Screen) => Promise<ChatResponse>

/** Where the answer's block events are shown. */
export interface Screen {
  /** Makes ready what the first of them needs: while the backend thinks there is time. */
  prepare(): void
  show: Deliver<AnswerEvent>
}

/** `llm:request`; only the first announcement counts. Undefined where nobody had to be waited for. */
export type AnnounceRequest = (payload: unknown) => Promise<unknown> | undefined

/**
 * Owns the pair: one `llm:request`, one `llm:response`, whatever happens in between, and the stream's
 * single terminal event. Outermost of the wrappers, so that no retry ever emits the pair again; it
 * owns the end because the contract wants `llm:response` after the ChatResponse is built.
 */
export async function withCallEvents(
  deps: ProviderDeps, emitter: Emitter, call: CallHead, deliver: Deliver<StreamEvent>, answer: Answering,
): Promise<Outcome> {
  const pair = createPair(deps, emitter, call)
  let made: StreamWriter | undefined
  const writer = (): StreamWriter => (made ??= createStreamWriter({
    sessionId: deps.sessionId,
    ...(call.settings.useStreaming && call.request.metadata?.stream !== false ? { announcer: createAnnouncer(emitter, randomUUID()) } : {}),
    thinking: call.options.thinking !== false,
    now: deps.now,
  }))
  try {
    // `raw` wants the payload, which is built later; without it the pair opens now.
    const opening = deps.settings.raw ? undefined : pair.open(undefined)
    if (opening) await opening
    const response = await answer(pair.open, createScreen(writer, deliver))
    await pair.close({ response })
    await deliver(writer().end(response.usage ?? null, response.degradation ? [response.degradation] : []))
    return { response }
  } catch (thrown) {
    const error = deps.redactor.error(toLLMError(thrown, deps, call))
    const ending = await writer().fail(error)
    await pair.close({ error })
    await deliver(ending)
    return { error }
  }
}

function createScreen(writer: () => StreamWriter, deliver: Deliver<StreamEvent>): Screen {
  const hand = (events: StreamEvent[]): Promise<void> | undefined => (events.length > 0 ? deliver(events) : undefined)
  return {
    prepare: () => void writer(),
    show(blocks) {
      const written = writer().write(blocks)
      return Array.isArray(written) ? hand(written) : written.then(hand)
    },
  }
}

interface Pair {
  open: AnnounceRequest
  close(outcome: Outcome): Promise<void>
}

function createPair(deps: ProviderDeps, emitter: Emitter, call: CallHead): Pair {
  const startedMs = deps.now()
  const common = nameCall(deps, call)
  let opened = false
  let closed = false
  const open: AnnounceRequest = (payload) => {
    if (opened) return undefined
    opened = true
    return emitter.emit('llmRequest', {
      ...common,
      message_count: call.request.messages.length,
      ...(deps.settings.raw && payload !== undefined ? { raw: deps.redactor.value(payload) } : {}),
    })
  }
  return {
    open,
    async close({ error, response }) {
      if (closed) return
      closed = true
      await open(undefined)
      const duration_ms = deps.now() - startedMs
      await emitter.emit('llmResponse', error
        ? { ...common, status: 'error', duration_ms, error: error.message, error_type: error.name }
        : { ...common, status: 'ok', duration_ms, ...describeAnswer(response, deps) })
    },
  }
}

function nameCall(deps: ProviderDeps, call: CallHead): { provider: string; model: string } {
  return { provider: deps.mountName, model: call.requestedModel }
}

function describeAnswer(response: ChatResponse, deps: ProviderDeps): Pick<EventPayloads['llmResponse'], 'usage' | 'raw'> {
  const { usage } = response
  return {
    ...(usage
      ? {
          usage: {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            ...(usage.cache_read_tokens == null ? {} : { cache_read_tokens: usage.cache_read_tokens }),
            ...(usage.cache_write_tokens == null ? {} : { cache_write_tokens: usage.cache_write_tokens }),
          },
        }
      : {}),
    ...(deps.settings.raw ? { raw: deps.redactor.value(response) } : {}),
  }
}

function toLLMError(thrown: unknown, deps: ProviderDeps, call: CallHead): LLMError {
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
