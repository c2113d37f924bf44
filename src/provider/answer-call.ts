import { isLLMError, type ChatResponse, type ReasoningProvenance, type WireSource } from '../contract/index.js'
import {
  buildContinuation, createStepMapper, holdsToolCall, serializeRequest, type Accumulator, type BuiltRequest, type Step, type StepMapper,
  type WireEvent,
} from '../responses/index.js'
import { parseJson } from '../lib/index.js'
import type { Call } from './call.js'
import { joinResponses } from './join-responses.js'
import { runAttempt } from './run-attempt.js'
import { sealResponse } from './seal-response.js'
import type { Deliver } from './response-stream.js'
import type { AnnounceRequest, Screen } from './with-call-events.js'
import type { Workshop } from './workshop.js'
import { withRetry } from './with-retry.js'

export interface AnswerInput {
  workshop: Workshop
  call: Call
  announceRequest: AnnounceRequest
  screen: Screen
  /** sees the wire's own events before anything is made of them */
  tap?: ((events: readonly WireEvent[], source: WireSource) => void) | undefined
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
  let blockOffset = 0
  for (let number = 0; ; number++) {
    const turn: Turn = { built: continuation }
    call.outputSeen = false
    const firstIndex = blockOffset
    let mapper: StepMapper | undefined
    const prepareMapper = () => (mapper ??= createStepMapper({ firstIndex }))
    let accumulator: Accumulator
    try {
      accumulator = await attempts(input, turn, prepareMapper, (events) => {
        if (turn.provenance) input.tap?.(events, { provenance: turn.provenance, route: call.route })
        return input.screen.show(mapEvents(prepareMapper(), events))
      })
    } catch (thrown) {
      throw withEarlierParts(thrown, parts)
    }
    blockOffset = mapper?.nextIndex() ?? firstIndex
    parts.push(accumulator.build())
    const { terminal } = accumulator
    const whole = () => sealResponse(deps, call, joinResponses(parts), accumulator, turn)
    if (terminal?.kind !== 'incomplete' || number >= call.settings.maxContinuations) return whole()
    // A whole tool call wants its result before anything goes on.
    if (holdsToolCall(accumulator.doneItems)) return whole()
    await emitter.emit('incompleteContinuation', {
      provider: deps.mountName,
      response_id: accumulator.responseId ?? '',
      reason: terminal.reason,
      continuation_number: number + 1,
      max_attempts: call.settings.maxContinuations,
    })
    call.continuing = true
    continuation = buildContinuation(turn.built as BuiltRequest, accumulator.doneItems, number + 1)
  }
}

interface Turn {
  built?: BuiltRequest | undefined
  difference?: string
  provenance?: ReasoningProvenance
}

/**
 * The attempts at one request; leaves what was built, and how it differs from the turn before, in `turn`.
 * @param prepare makes ready what `deliver` needs; called when the request is on its way
 */
function attempts(input: AnswerInput, turn: Turn, prepare: () => void, deliver: Deliver<WireEvent>): Promise<Accumulator> {
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
        prepare()
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
      deliver,
    }),
  )
}

function mapEvents(mapper: StepMapper, events: readonly WireEvent[]): Step[] {
  const steps: Step[] = []
  for (const event of events) {
    for (const step of mapper.push(event)) steps.push(step)
  }
  return steps
}

/** An error in a continuation still carries the whole of what came before it. */
function withEarlierParts(thrown: unknown, parts: readonly ChatResponse[]): unknown {
  if (!isLLMError(thrown) || parts.length === 0) return thrown
  const partial = joinResponses(thrown.partial ? [...parts, thrown.partial] : parts)
  Object.defineProperty(thrown, 'partial', { value: partial, enumerable: false, configurable: true })
  return thrown
}
