import { randomUUID } from 'node:crypto'
import { isLLMError, watchTogether, type CallWatch, type ChatResponse, type StreamEvent } from '../contract/index.js'
import { buildContinuation, type AnswerReader } from '../responses/index.js'
import { PlaceLost } from './admit-attempt.js'
import { admitDraw, type TellDraw } from './admit-call.js'
import { openCall, type Call, type CallHead, type CallPlan, type Deliver, type Outcome } from './call.js'
import { CallSpan, toLLMError } from './call-span.js'
import { checkpointOf, readCheckpointItem, toCheckpoint } from './compaction.js'
import type { ProviderDeps } from './deps.js'
import { CallEmitter } from './emitter.js'
import { finalizeResponse, priceAnswer, type SeenAnswer } from './finalize-response.js'
import { joinResponses } from './join-responses.js'
import type { ProviderContext } from './provider-context.js'
import { readAnswer } from './read-answer.js'
import { noteAttempt, repeatOrThrow } from './repeat-or-throw.js'
import { Sink } from './sink.js'
import type { Turn } from './turn.js'

/**
 * Runs one call. The order of wrapping is the design: the pair of events outermost, so that there is one
 * a call, whose end comes after the response is built; retry inside, never announcing the request again;
 * auth innermost, so that each attempt carries the credential in force. One function, since a suspended one is
 * half a kilobyte for each of thousands of waiting calls.
 */
export async function runCall(shared: ProviderContext, plan: CallPlan, deliver: Deliver<StreamEvent>): Promise<Outcome> {
  const { deps } = shared
  const context = { ...shared, emitter: new CallEmitter(shared.emitter, plan.signal) }
  const head = openCall(deps, plan)
  const span = new CallSpan(deps, context.emitter, head)
  const sink = new Sink(context, head, deliver)
  head.watch = watchCall(deps, head)
  let drawn: TellDraw | undefined
  try {
    head.signal.throwIfAborted()
    if (deps.admission) drawn = await admitDraw(context, head)
    const snapshot = deps.catalog.fresh() ?? (await deps.catalog.list({ signal: head.signal }))
    const call: Call = Object.assign(head, { model: context.chooseModel(head.request, snapshot, head.settings) })
    call.route.resolved_model = call.model.slug
    const crowding = context.compactor.due(call)
    if (crowding !== undefined) await compactFirst(context, call, crowding)
    // `raw` wants the payload, which is built later; without it the request is announced now.
    const opening = deps.settings.raw ? undefined : span.announce(undefined)
    if (opening) await opening
    const answer: Answer = { parts: [] }
    let turn: Turn = { call, span, sink, firstIndex: 0, repeats: {}, built: undefined, difference: undefined }
    for (;;) {
      call.streaming = false
      call.watch?.phase('queued')
      let reader: AnswerReader
      try {
        reader = await readAnswer(context, turn)
      } catch (thrown) {
        if (thrown instanceof PlaceLost) continue
        await repeatOrThrow(context, turn, thrown).catch((final: unknown) => {
          throw withEarlierParts(final, answer.parts)
        })
        continue
      }
      const response = takePart(context, turn, reader, answer)
      if (response) {
        drawn?.(response.usage)
        return await finish(call, span, sink, response)
      }
      turn = await continueAfter(context, turn, reader, answer.parts.length)
    }
  } catch (thrown) {
    drawn?.(undefined)
    const error = deps.redactor.error(toLLMError(thrown, deps, head))
    await sink.abort(error)
    await span.close({ error })
    await sink.fail(error)
    head.watch?.ended({ error })
    return { error }
  }
}

/** What has come of a call: an answer, or those that it was continued in. */
interface Answer extends SeenAnswer {
  parts: ChatResponse[]
}

/** The call's response; undefined where its output was cut for length and is to be continued. */
function takePart({ deps, compactor }: ProviderContext, { call, difference }: Turn, reader: AnswerReader, answer: Answer): ChatResponse | undefined {
  noteAttempt(call)
  const part = priceAnswer(deps, call, reader.response(), reader.servedModel)
  const number = answer.parts.push(part)
  answer.servedModel = reader.servedModel
  answer.streamDifference ??= reader.difference
  answer.cacheBreak ??= difference
  if (call.asCheckpoint) return finalizeResponse(deps, call, toCheckpoint(part, readCheckpointItem(reader, deps, call)), answer)
  compactor.observe(call, part.usage)
  // A whole tool call wants its result before anything goes on.
  const isCut = reader.ended?.kind === 'incomplete' && number <= call.settings.maxContinuations && !part.tool_calls
  return isCut ? undefined : finalizeResponse(deps, call, joinResponses(answer.parts), answer)
}

async function continueAfter({ deps, emitter }: ProviderContext, { call, span, sink, built }: Turn, reader: AnswerReader, number: number): Promise<Turn> {
  await emitter.emit('incompleteContinuation', {
    provider: deps.mountName,
    response_id: reader.responseId ?? '',
    reason: reader.ended?.kind === 'incomplete' ? reader.ended.reason : '',
    continuation_number: number,
    max_attempts: call.settings.maxContinuations,
  })
  call.continuing = true
  call.outputSeen = false
  return { call, span, sink, firstIndex: reader.nextIndex, repeats: {}, built: undefined, difference: undefined, continuation: built && buildContinuation(built, reader.items(), number) }
}

function watchCall({ observers = [], sessionId }: ProviderDeps, { request, route, options }: CallHead): CallWatch | undefined {
  if (observers.length === 0) return undefined
  return watchTogether(observers, { id: randomUUID(), sessionId, request, route, ...(options.trace && { trace: options.trace }) })
}

/** Makes a checkpoint of the first messages, which fill the window, before the call goes out; one that can't be made costs a warning. */
async function compactFirst(context: ProviderContext, call: Call, count: number): Promise<void> {
  const { compactor } = context
  const { tool_choice: _choice, ...request } = call.request
  const plan: CallPlan = {
    request: { ...request, messages: request.messages.slice(0, count) }, options: { interactive: call.options.interactive ?? false },
    signal: call.signal, settings: call.settings, budget: call.budget, asCheckpoint: true,
  }
  const { error, response } = await runCall(context, plan, () => undefined)
  call.signal.throwIfAborted()
  if (error) compactor.failed(call, error)
  else compactor.keep(call, checkpointOf(response), count)
}

async function finish(call: Call, span: CallSpan, sink: Sink, response: ChatResponse): Promise<Outcome> {
  await span.close({ response })
  await sink.end(response)
  call.watch?.ended({ response })
  return { response }
}

/** An error in a continuation still carries the whole of what came before it. */
function withEarlierParts(thrown: unknown, parts: readonly ChatResponse[]): unknown {
  if (!isLLMError(thrown) || parts.length === 0) return thrown
  const partial = joinResponses(thrown.partial ? [...parts, thrown.partial] : parts)
  Object.defineProperty(thrown, 'partial', { value: partial, enumerable: false, configurable: true })
  return thrown
}
