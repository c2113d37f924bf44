import { AbortError, LLMError, isLLMError, type ChatResponse, type EventPayloads, type LLMErrorFields, type StreamEvent } from '../contract/index.js'
import type { Step } from '../responses/index.js'
import type { CallHead } from './call.js'
import type { ProviderDeps } from './deps.js'
import type { Emitter } from './emitter.js'
import type { Outcome, Run } from './response-stream.js'
import { createStreamWriter, type StreamWriter } from './stream-writer.js'

/** What runs below the events: batches of steps, then the answer they made. */
export type Answering = AsyncGenerator<readonly Step[], ChatResponse, undefined>

/** `llm:request`; only the first announcement counts. */
export type AnnounceRequest = (payload: unknown) => Promise<void>

/**
 * Owns the pair: one `llm:request`, one `llm:response`, whatever happens in between, and the stream's
 * single terminal event. Outermost of the wrappers, so that no retry ever emits the pair again; it
 * owns the end because the contract wants `llm:response` after the ChatResponse is built.
 */
export async function* withCallEvents(
  deps: ProviderDeps, emitter: Emitter, call: CallHead, answer: (announceRequest: AnnounceRequest) => Answering,
): Run {
  const pair = createPair(deps, emitter, call)
  const writer = createStreamWriter({
    requestId: call.id,
    sessionId: deps.sessionId,
    emitter,
    announce: call.settings.useStreaming && call.request.metadata?.stream !== false,
    thinking: call.options.thinking !== false,
    now: deps.now,
  })
  const answering = answer(pair.open)
  try {
    // `raw` wants the payload, which is built later; without it the pair opens now.
    if (!deps.settings.raw) await pair.open(undefined)
    const response = yield* writeAnswer(answering, writer)
    await pair.close({ response })
    yield writer.end(response.usage ?? null, response.degradation ? [response.degradation] : [])
    return { response }
  } catch (thrown) {
    const error = deps.redactor.error(toLLMError(thrown, deps, call))
    const ending = await writer.fail(error)
    await pair.close({ error })
    yield ending
    return { error }
  } finally {
    if (!pair.closed) {
      // The run was abandoned where it stood.
      await answering.return(undefined as never)
      await pair.close({ error: new AbortError('The caller stopped reading the answer.', nameCall(deps, call)) })
    }
  }
}

async function* writeAnswer(answering: Answering, writer: StreamWriter): AsyncGenerator<readonly StreamEvent[], ChatResponse, undefined> {
  let begun = false
  let events: StreamEvent[] | undefined
  for (;;) {
    let result: IteratorResult<readonly Step[], ChatResponse> | undefined = await answering.next()
    const head = begun ? [] : writer.start()
    begun = true
    if (result.done) {
      if (head.length > 0) yield head
      return result.value
    }
    events = await writer.write(result.value)
    // Neither is kept while the caller reads or the wire is silent.
    result = undefined
    if (head.length > 0) events.unshift(...head)
    if (events.length > 0) yield events
    events = undefined
  }
}

interface Pair {
  readonly closed: boolean
  open: AnnounceRequest
  close(outcome: Outcome): Promise<void>
}

function createPair(deps: ProviderDeps, emitter: Emitter, call: CallHead): Pair {
  const startedMs = deps.now()
  const common = nameCall(deps, call)
  let opened = false
  let closed = false
  const open: AnnounceRequest = async (payload) => {
    if (opened) return
    opened = true
    await emitter.emit('llmRequest', {
      ...common,
      message_count: call.request.messages.length,
      ...(deps.settings.raw && payload !== undefined ? { raw: deps.redactor.value(payload) } : {}),
    })
  }
  return {
    get closed() {
      return closed
    },
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
