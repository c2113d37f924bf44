import {
  AbortError, LLMError, isLLMError, type ChatResponse, type Usage,
} from '../contract/index.js'
import type { Step } from '../responses/index.js'
import type { CallHead } from './call.js'
import type { ProviderDeps } from './deps.js'
import type { Emitter } from './emitter.js'
import type { Outcome, Run } from './response-stream.js'
import { createStreamWriter } from './stream-writer.js'

/** What runs below the events: batches of steps, then the answer they made. */
export type Answering = AsyncGenerator<readonly Step[], ChatResponse, undefined>

/**
 * Owns the pair: one `llm:request`, one `llm:response`, whatever happens in between, and the stream's
 * single terminal event. Outermost of the wrappers, so that no retry ever emits the pair again; it
 * owns the end because the contract wants `llm:response` after the ChatResponse is built.
 */
export async function* withCallEvents(
  deps: ProviderDeps,
  emitter: Emitter,
  call: CallHead,
  answer: (announceRequest: (payload: unknown) => Promise<void>) => Answering,
): Run {
  const startedMs = deps.now()
  const common = { provider: deps.mountName, model: call.requestedModel }
  const writer = createStreamWriter({
    requestId: call.id,
    sessionId: deps.sessionId,
    emitter,
    announce: call.settings.useStreaming && call.request.metadata?.stream !== false,
    thinking: call.options.thinking !== false,
    now: deps.now,
  })
  let requested = false
  const announceRequest = async (payload: unknown): Promise<void> => {
    if (requested) return
    requested = true
    await emitter.emit('llmRequest', {
      ...common,
      message_count: call.request.messages.length,
      ...(deps.settings.raw && payload !== undefined ? { raw: deps.redactor.value(payload) } : {}),
    })
  }
  const finish = async (outcome: Outcome): Promise<void> => {
    await announceRequest(undefined)
    const duration_ms = deps.now() - startedMs
    const { error, response } = outcome
    await emitter.emit('llmResponse', error
      ? { ...common, status: 'error', duration_ms, error: error.message, error_type: error.name }
      : { ...common, status: 'ok', duration_ms, ...okPayload(response, deps) })
  }

  let settled = false
  const answering = answer(announceRequest)
  try {
    // `raw` wants the payload, which is built later; without it the pair opens now.
    if (!deps.settings.raw) await announceRequest(undefined)
    let begun = false
    for (;;) {
      const result = await answering.next()
      if (result.done) {
        const response = result.value
        settled = true
        await finish({ response })
        const ending = writer.end(response.usage ?? null, response.degradation ? [response.degradation] : [])
        yield begun ? ending : [...writer.start(), ...ending]
        return { response }
      }
      const head = begun ? [] : writer.start()
      begun = true
      const events = await writer.write(result.value)
      if (head.length > 0) events.unshift(...head)
      if (events.length > 0) yield events
    }
  } catch (thrown) {
    const error = toLLMError(thrown, deps, call)
    const ending = await writer.fail(error)
    settled = true
    await finish({ error })
    yield ending
    return { error }
  } finally {
    if (!settled) {
      // The consumer left in the middle: the run is abandoned where it stood.
      settled = true
      await answering.return(undefined as never)
      await finish({ error: new AbortError('The caller stopped reading the answer.', common) })
    }
  }
}

function okPayload(response: ChatResponse, deps: ProviderDeps): { usage?: Usage; raw?: unknown } {
  const { usage } = response
  return {
    ...(usage
      ? {
          usage: {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            ...(usage.cache_read_tokens == null ? {} : { cache_read_tokens: usage.cache_read_tokens }),
            ...(usage.cache_write_tokens == null ? {} : { cache_write_tokens: usage.cache_write_tokens }),
          } as Usage,
        }
      : {}),
    ...(deps.settings.raw ? { raw: deps.redactor.value(response) } : {}),
  }
}

function toLLMError(thrown: unknown, deps: ProviderDeps, call: CallHead): LLMError {
  if (isLLMError(thrown)) return thrown
  const words = thrown instanceof Error ? thrown.message : String(thrown)
  return new LLMError(deps.redactor.text(`The call failed in an unexpected way: ${words}`), {
    provider: deps.mountName,
    model: call.requestedModel,
    cause: thrown,
  })
}
