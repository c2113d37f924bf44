import { toModelInfos } from '../account/index.js'
import {
  AbortError, type CallOptions, type ChatRequest, type ChatResponse, type Provider, type ResponseStream, type ToolCall,
} from '../contract/index.js'
import { runDelegation } from './delegate.js'
import type { ProviderDeps } from './deps.js'
import { createEmitter } from './emitter.js'
import { createExchanges } from './exchanges.js'
import { openRawDoors, type RawDoors } from './raw-doors.js'
import { buildProviderInfo } from './provider-info.js'
import { createRequestBuilder } from './request-builder.js'
import { createResponseStream, type Run } from './response-stream.js'
import { runCall, type Workshop } from './run-call.js'

/** The provider protocol, delegation, and the doors for those who want the wire itself. */
export interface ChatGPTProvider extends Provider, RawDoors {
  /** What the next call would go over, and why. */
  transportChoice(): { kind: 'sse' | 'websocket'; reason: string }
}

const DEFAULT_CONTEXT_WINDOW = 272_000
const DEFAULT_MAX_OUTPUT_TOKENS = 128_000

export function createProvider(deps: ProviderDeps): ChatGPTProvider {
  const { settings, mountName } = deps
  const running = new Set<AbortController>()
  let closed = false
  const workshop: Workshop = {
    deps,
    emitter: createEmitter(deps.hooks, deps.redactor, deps.warn),
    exchanges: createExchanges({
      transport: deps.transport, credentials: deps.credentials, baseUrl: settings.baseUrl, mode: settings.transport,
      userAgent: deps.userAgent, connectTimeoutMs: settings.connectTimeoutMs, now: deps.now,
    }),
    builder: createRequestBuilder((fields, lane) =>
      deps.warn(`the ${lane} lane takes no ${fields.join(', ')}: left out of every request of this mount`)),
  }
  const stopAll = (reason: string): void => {
    for (const controller of running) controller.abort(new AbortError(reason, { provider: mountName }))
  }
  const stopListening = deps.cancellation.onCancel(() => stopAll('The host cancelled the call.'))

  /** One controller a call: the caller's signal, the host's cancellation and close() all end in it. */
  const startCall = (options: CallOptions, start: (signal: AbortSignal) => Run): ResponseStream => {
    const controller = new AbortController()
    const { signal } = options
    const onAbort = (): void => controller.abort(new AbortError('The caller cancelled the call.', { provider: mountName, cause: signal?.reason }))
    if (signal?.aborted) onAbort()
    if (deps.cancellation.isCancelled) controller.abort(new AbortError('The host has cancelled the session.', { provider: mountName }))
    if (closed) controller.abort(new AbortError('The provider is closed.', { provider: mountName }))
    return createResponseStream(track(), controller)

    async function* track(): Run {
      signal?.addEventListener('abort', onAbort, { once: true })
      running.add(controller)
      try {
        return yield* start(controller.signal)
      } finally {
        running.delete(controller)
        signal?.removeEventListener('abort', onAbort)
      }
    }
  }

  const stream = (request: ChatRequest, options: CallOptions = {}): ResponseStream =>
    startCall(options, (signal) => runCall(workshop, { request, options, signal }))

  const provider: ChatGPTProvider = {
    name: mountName,
    getInfo() {
      const model = deps.catalog.peek()?.models.find((candidate) => candidate.id === settings.defaultModel)
      return buildProviderInfo(mountName, settings, model?.contextWindow ?? DEFAULT_CONTEXT_WINDOW, model?.maxOutputTokens ?? DEFAULT_MAX_OUTPUT_TOKENS)
    },
    listModels: async () => toModelInfos(await deps.catalog.list()),
    stream,
    complete: (request, options) => stream(request, options).response(),
    parseToolCalls,
    delegate: (roles, request, options = {}) =>
      startCall(options, (signal) =>
        runDelegation(workshop, { roles: typeof roles === 'string' ? [roles] : roles, request, options, signal, self: provider })),
    ...openRawDoors(workshop, startCall),
    transportChoice: () => workshop.exchanges.choice(),
    async close() {
      if (closed) return
      closed = true
      stopListening?.()
      stopAll('The provider was closed.')
      workshop.exchanges.close()
    },
  }
  return provider
}

/** The response's tool calls; a response that has only blocks is read by its blocks. */
function parseToolCalls(response: ChatResponse): ToolCall[] {
  if (response.tool_calls) return response.tool_calls
  return response.content.flatMap((block) =>
    block.type === 'tool_call' ? [{ id: block.id, name: block.name, arguments: block.input }] : [])
}
