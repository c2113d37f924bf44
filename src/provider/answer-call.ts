import { isLLMError, type ChatResponse, type ReasoningProvenance, type WireSource } from '../contract/index.js'
import {
  buildContinuation, serializeRequest, type AnswerReader, type AnswerEvent, type BuiltRequest, type TypedEvent,
} from '../responses/index.js'
import { parseJson } from '../lib/index.js'
import type { Call } from './call.js'
import { joinResponses } from './join-responses.js'
import { runAttempt } from './run-attempt.js'
import { sealResponse } from './seal-response.js'
import type { AnnounceRequest, Screen } from './with-call-events.js'
import type { Workshop } from './workshop.js'
import { withRetry } from './with-retry.js'

export interface AnswerInput {
  workshop: Workshop
  call: Call
  announceRequest: AnnounceRequest
  screen: Screen
  /** sees the wire's own events before anything is made of them */
  tap?: ((events: readonly TypedEvent[], source: WireSource) => void) | undefined
}

/**
 * The whole answer of one call: a request and, where its output was cut for length, the requests that
 * continue it, inside one pair of events.
 */
export async function answerCall(input: AnswerInput): Promise<ChatResponse> {
  const { call } = input
  const { deps, emitter } = input.workshop
  const parts: ChatResponse[] = []
  let continuation: BuiltRequest | undefined
  let firstIndex = 0
  let difference: string | undefined
  for (let number = 0; ; number++) {
    const turn: Turn = { built: continuation, firstIndex }
    call.outputSeen = false
    let reader: AnswerReader
    try {
      reader = await attempts(input, turn, (events, blocks) => {
        if (turn.provenance) {
          const source = { provenance: turn.provenance, route: call.route }
          input.tap?.(events, source)
          call.options.onBlocks?.(blocks, source)
        }
        return input.screen.show(blocks)
      })
    } catch (thrown) {
      throw withEarlierParts(thrown, parts)
    }
    firstIndex = reader.nextIndex
    const part = reader.response()
    parts.push(part)
    difference ??= reader.difference
    const { ended } = reader
    const whole = () => sealResponse(deps, call, joinResponses(parts), reader, turn, difference)
    if (ended?.kind !== 'incomplete' || number >= call.settings.maxContinuations) return whole()
    // A whole tool call wants its result before anything goes on.
    if (part.tool_calls) return whole()
    await emitter.emit('incompleteContinuation', {
      provider: deps.mountName,
      response_id: reader.responseId ?? '',
      reason: ended.reason,
      continuation_number: number + 1,
      max_attempts: call.settings.maxContinuations,
    })
    call.continuing = true
    continuation = buildContinuation(turn.built as BuiltRequest, reader.items(), number + 1)
  }
}

interface Turn {
  built?: BuiltRequest | undefined
  firstIndex: number
  difference?: string
  provenance?: ReasoningProvenance
}

/**
 * The attempts at one request; leaves what was built, and how it differs from the turn before, in `turn`.
 */
function attempts(
  input: AnswerInput, turn: Turn, deliver: (events: readonly TypedEvent[], blocks: readonly AnswerEvent[]) => Promise<void> | undefined,
): Promise<AnswerReader> {
  const { call } = input
  const { deps, emitter, exchanges, builder, turnStates } = input.workshop
  const continuation = turn.built
  return withRetry(deps, emitter, call, () =>
    runAttempt({
      deps,
      exchanges,
      turnStates,
      call,
      build(provenance) {
        turn.provenance = provenance
        const fresh = builder.build(call, provenance)
        return continuation ? { ...fresh, built: continuation } : fresh
      },
      onBuilt(built) {
        const repairs = turn.built ? [] : built.repairs
        turn.built = built
        const announce = () => input.announceRequest(deps.settings.raw ? parseJson(serializeRequest(built)) : undefined)
        if (repairs.length === 0) return announce()
        return Promise.resolve(emitter.emit('toolSequenceRepaired', {
          provider: deps.mountName, repair_count: repairs.length, repairs: [...repairs],
        })).then(announce)
      },
      onSent(built, conversation) {
        input.screen.prepare()
        if (continuation || call.route.cache) return
        const difference = builder.compare(conversation, built)
        if (difference !== undefined) turn.difference = difference
        call.route.cache = { key: conversation, cached_tokens: 0, uncached_tokens: 0 }
      },
      onOpen(exchange) {
        call.route.transport = exchange.kind
        call.route.transport_reason = exchange.reason
      },
      firstIndex: turn.firstIndex,
      items: call.options.onBlocks !== undefined,
      deliver,
    }),
  )
}

/** An error in a continuation still carries the whole of what came before it. */
function withEarlierParts(thrown: unknown, parts: readonly ChatResponse[]): unknown {
  if (!isLLMError(thrown) || parts.length === 0) return thrown
  const partial = joinResponses(thrown.partial ? [...parts, thrown.partial] : parts)
  Object.defineProperty(thrown, 'partial', { value: partial, enumerable: false, configurable: true })
  return thrown
}
