import { randomUUID } from 'node:crypto'
import { isLLMError, watchTogether, type CallWatch, type ChatResponse, type StreamEvent } from '../contract/index.js'
import { checkpointOf, readCheckpointItem, toCheckpoint } from './compaction.js'
import { buildContinuation, type AnswerReader } from '../responses/index.js'
import { openCall, type Call, type CallHead, type CallPlan, type Deliver, type Outcome } from './call.js'
import { CallSpan, toLLMError } from './call-span.js'
import type { ProviderDeps } from './deps.js'
import { emitUntil } from './emitter.js'
import { finalizeResponse } from './finalize-response.js'
import { joinResponses } from './join-responses.js'
import type { ProviderContext } from './provider-context.js'
import { readAnswer, type Turn } from './read-answer.js'
import { priceAnswer } from './price-answer.js'
import { noteAttempt, repeatOrThrow } from './repeat-or-throw.js'
import { openAnnouncer, Sink, StreamWriter } from './sink.js'

/**
 * Runs one call. The order of wrapping is the design: the pair of events outermost, so that there is one
 * a call, whose end comes after the response is built; retry inside, never announcing the request again;
 * auth innermost, so that each attempt carries the credential in force.
 */
export function runCall(shared: ProviderContext, plan: CallPlan, deliver: Deliver<StreamEvent>): Promise<Outcome> {
  const context = { ...shared, emitter: emitUntil(shared.emitter, plan.signal) }
  const { deps, emitter } = context
  const call = openCall(deps, plan, plan.signal)
  call.watch = watchCall(deps, call)
  const span = new CallSpan(deps, emitter, call)
  const sink = new Sink(() => openWriter(context, call), deliver)
  return answer(context, call, span, sink).catch(async (thrown: unknown): Promise<Outcome> => {
    const error = deps.redactor.error(toLLMError(thrown, deps, call))
    await sink.abort(error)
    await span.close({ error })
    await sink.fail(error)
    call.watch?.ended({ error })
    return { error }
  })
}

function watchCall({ observers = [], sessionId }: ProviderDeps, { request, route, options }: CallHead): CallWatch | undefined {
  if (observers.length === 0) return undefined
  return watchTogether(observers, { id: randomUUID(), sessionId, request, route, ...(options.trace && { trace: options.trace }) })
}

function openWriter({ deps, emitter }: ProviderContext, { settings, request, options, asCheckpoint }: CallHead): StreamWriter {
  const announcer = settings.useStreaming && !asCheckpoint && request.metadata?.stream !== false ? openAnnouncer(emitter) : undefined
  return new StreamWriter({ sessionId: deps.sessionId, announcer, thinking: options.thinking !== false, now: deps.now })
}

/**
 * The whole answer of one call, between its two events: a request and, where its output was cut for length,
 * the requests that continue it.
 */
async function answer(context: ProviderContext, head: CallHead, span: CallSpan, sink: Sink): Promise<Outcome> {
  const { deps, emitter } = context
  head.signal.throwIfAborted()
  const snapshot = deps.catalog.fresh() ?? (await deps.catalog.list({ signal: head.signal }))
  const call: Call = Object.assign(head, { model: context.chooseModel(head.request, snapshot, head.settings) })
  call.route.resolved_model = call.model.slug
  const crowding = context.compactor.due(call)
  if (crowding !== undefined) await compactFirst(context, call, crowding)
  // `raw` wants the payload, which is built later; without it the request is announced now.
  const opening = deps.settings.raw ? undefined : span.announce(undefined)
  if (opening) await opening
  const parts: ChatResponse[] = []
  let streamDifference: string | undefined
  let cacheBreak: string | undefined
  let turn: Turn = { call, span, sink, firstIndex: 0, repeats: {} }
  for (;;) {
    let reader: AnswerReader
    call.streaming = false
    call.watch?.phase('queued')
    try {
      reader = await readAnswer(context, turn)
    } catch (thrown) {
      await repeatOrThrow(context, turn, thrown).catch((final: unknown) => {
        throw withEarlierParts(final, parts)
      })
      continue
    }
    noteAttempt(call)
    const { ended } = reader
    const part = priceAnswer(deps, call, reader.response(), reader.servedModel)
    const number = parts.push(part)
    if (call.asCheckpoint) {
      const checkpoint = toCheckpoint(part, readCheckpointItem(reader, deps, call))
      return finish(call, span, sink, finalizeResponse(deps, call, checkpoint, { servedModel: reader.servedModel, cacheBreak: turn.difference, streamDifference }))
    }
    context.compactor.observe(call, part.usage)
    streamDifference ??= reader.difference
    cacheBreak ??= turn.difference
    // A whole tool call wants its result before anything goes on.
    if (ended?.kind !== 'incomplete' || number > call.settings.maxContinuations || part.tool_calls) {
      return finish(call, span, sink, finalizeResponse(deps, call, joinResponses(parts), { servedModel: reader.servedModel, cacheBreak, streamDifference }))
    }
    await emitter.emit('incompleteContinuation', {
      provider: deps.mountName,
      response_id: reader.responseId ?? '',
      reason: ended.reason,
      continuation_number: number,
      max_attempts: call.settings.maxContinuations,
    })
    call.continuing = true
    call.outputSeen = false
    turn = { call, span, sink, firstIndex: reader.nextIndex, repeats: {}, continuation: turn.built && buildContinuation(turn.built, reader.items(), number) }
  }
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
