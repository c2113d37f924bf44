import type { LanguageModelV3, LanguageModelV3CallOptions, LanguageModelV3Content, LanguageModelV3StreamPart, SharedV3Warning } from '@ai-sdk/provider'
import type { Provider, ResponseStream, StreamEvent } from '../contract/index.js'
import type { AbortListeners } from '../lib/index.js'
import { arrangeContent } from './arrange-content.js'
import { buildRequest } from './build-request.js'
import { mapError } from './map-error.js'
import { METADATA_KEY, buildResponseIdentity, buildResponseMetadata, mapUsage } from './metadata.js'
import { createStreamParts, mapFinishReason } from './stream-parts.js'

export interface LanguageModelTerms {
  modelId: string
  /** resolved with every call, in place of the model */
  roles?: readonly string[]
  open(): Promise<Provider>
  /** ms since 1970 */
  now: () => number
  retriesInside: boolean
  lane: string
  /** of all models of a provider: a program may give one signal to many calls */
  aborts: AbortListeners
}

interface StartedCall {
  stream: ResponseStream
  warnings: SharedV3Warning[]
  abort(reason: unknown): void
  /** takes our listener from the caller's signal */
  settle(): void
}

export function createLanguageModel(terms: LanguageModelTerms): LanguageModelV3 {
  const { modelId, now } = terms
  return {
    specificationVersion: 'v3',
    provider: METADATA_KEY,
    modelId,
    supportedUrls: { 'image/*': [/^https?:\/\/.*$/] },
    async doGenerate(options) {
      const call = await start(terms, options)
      try {
        const response = await call.stream.response()
        return {
          content: arrangeContent(response).map((part): LanguageModelV3Content =>
            part.type === 'tool-call'
              ? { type: 'tool-call', toolCallId: part.block.id, toolName: part.block.name, input: JSON.stringify(part.block.input) }
              : part),
          finishReason: mapFinishReason(response),
          usage: mapUsage(response.usage),
          providerMetadata: buildResponseMetadata(response),
          response: buildResponseIdentity(response, modelId, now()),
          warnings: call.warnings,
        }
      } catch (error) {
        throw mapError(error, terms)
      } finally {
        call.settle()
      }
    },
    async doStream(options) {
      const call = await start(terms, options)
      return { stream: await openStream(terms, call) }
    },
  }
}

async function start(terms: LanguageModelTerms, options: LanguageModelV3CallOptions): Promise<StartedCall> {
  const { abortSignal } = options
  abortSignal?.throwIfAborted()
  const { roles, modelId, lane, aborts } = terms
  const { request, warnings, interactive } = buildRequest(options, { lane, ...(roles ? {} : { model: modelId }) })
  const provider = await terms.open().catch((error: unknown) => {
    throw mapError(error, terms)
  })
  abortSignal?.throwIfAborted()
  const controller = new AbortController()
  const abort = (reason: unknown) => controller.abort(reason)
  const forward = () => abort(abortSignal?.reason)
  const takeBack = abortSignal && aborts.add(abortSignal, forward)
  const callOptions = { signal: controller.signal, interactive }
  return {
    stream: roles ? provider.delegate(roles, request, callOptions) : provider.stream(request, callOptions),
    warnings,
    abort,
    settle: () => takeBack?.(),
  }
}

/**
 * Waits for the first output before it answers: a call that fails until then rejects, as the AI SDK expects of a
 * request that was refused; one that fails later ends its stream with an `error` part.
 */
async function openStream(terms: LanguageModelTerms, call: StartedCall): Promise<ReadableStream<LanguageModelV3StreamPart>> {
  const events = call.stream[Symbol.asyncIterator]()
  const parts = createStreamParts()
  let held: IteratorResult<StreamEvent> | undefined = await events.next()
  while (!held.done && held.value.type === 'message.start') held = await events.next()
  if (held.done || held.value.type === 'error') {
    call.settle()
    const error: unknown = await call.stream.response().then(() => undefined, (thrown: unknown) => thrown)
    if (error !== undefined) throw mapError(error, terms)
  }
  const finish = async (): Promise<LanguageModelV3StreamPart[]> => {
    call.settle()
    try {
      return parts.finish(await call.stream.response(), { modelId: terms.modelId, nowMs: terms.now() })
    } catch (error) {
      return [{ type: 'error', error: mapError(error, terms) }]
    }
  }
  return new ReadableStream<LanguageModelV3StreamPart>({
    start: (controller) => controller.enqueue({ type: 'stream-start', warnings: call.warnings }),
    async pull(controller) {
      for (;;) {
        const result: IteratorResult<StreamEvent> = held ?? (await events.next())
        held = undefined
        const batch = result.done ? await finish() : parts.push(result.value)
        for (const part of batch) controller.enqueue(part)
        if (result.done) return controller.close()
        if (batch.length > 0) return
      }
    },
    async cancel(reason) {
      call.settle()
      call.abort(reason)
      await events.return?.()
    },
  })
}
