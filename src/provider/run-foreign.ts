import { LLMError, isLLMError, type CallOptions, type ChatRequest, type ChatResponse, type Degradation, type Provider, type RouteReceipt, type StreamEvent } from '../contract/index.js'
import type { Step } from '../responses/index.js'
import type { Outcome, Run } from './response-stream.js'
import type { Workshop } from './run-call.js'
import { createStreamWriter } from './stream-writer.js'

export interface ForeignCall {
  provider: Provider
  request: ChatRequest
  options: CallOptions
  signal: AbortSignal
  receipt: RouteReceipt
  degradation?: Degradation
}

/**
 * A candidate on another provider of the host: it makes its own calls and emits its own events. One
 * that cannot stream is completed, and its answer given out whole.
 */
export async function* runForeign(workshop: Workshop, call: ForeignCall): Run {
  const { deps, emitter } = workshop
  const options = { ...call.options, signal: call.signal }
  const writer = createStreamWriter({
    requestId: '', sessionId: deps.sessionId, emitter, announce: false, thinking: options.thinking !== false, now: deps.now,
  })
  try {
    if (typeof call.provider.stream === 'function') {
      const stream = call.provider.stream(call.request, options)
      for await (const event of stream) {
        if (event.type === 'error') break
        yield [event]
      }
      return { response: seal(await stream.response(), call) }
    }
    const response = seal(await call.provider.complete(call.request, options), call)
    yield [...writer.start(), ...(await writeWhole(writer, response)), ...writer.end(response.usage ?? null, [])]
    return { response }
  } catch (thrown) {
    const error = isLLMError(thrown)
      ? thrown
      : new LLMError(deps.redactor.text(`${call.receipt.provider} failed: ${String(thrown)}`), { provider: call.receipt.provider, cause: thrown })
    yield await writer.fail(error)
    return { error } satisfies Outcome
  }
}

function writeWhole(writer: ReturnType<typeof createStreamWriter>, response: ChatResponse): Promise<StreamEvent[]> {
  return writer.write(
    response.content.flatMap((block, index): Step[] => {
      if (block.type === 'text') return [{ type: 'block_delta', index, block: 'text', text: block.text }]
      if (block.type !== 'tool_call') return []
      const tool = { index, block: 'tool_use' as const, toolCallId: block.id, name: block.name }
      return [
        { type: 'block_start', ...tool },
        { type: 'block_end', ...tool, arguments: block.input },
      ]
    }),
  )
}

function seal(response: ChatResponse, call: ForeignCall): ChatResponse {
  const degradation = response.degradation ?? call.degradation
  return {
    ...response,
    ...(degradation ? { degradation } : {}),
    metadata: { ...response.metadata, route: call.receipt },
  }
}
