import { randomUUID } from 'node:crypto'
import { isLLMError, watchTogether, type CallWatch, type ChatResponse, type StreamEvent } from '../contract/index.js'
import { checkpointOf, readCheckpointItem, toCheckpoint } from './compaction.js'
import { buildContinuation, type AnswerReader } from '../responses/index.js'
import { AttemptFailure } from './attempt-failure.js'
import { openCall, type Call, type CallHead, type CallPlan, type Deliver, type Outcome } from './call.js'
import { openCallSpan, toLLMError, type CallSpan } from './call-span.js'
import type { ProviderDeps } from './deps.js'
import { emitUntil } from './emitter.js'
import { finalizeResponse } from './finalize-response.js'
import { joinResponses } from './join-responses.js'
import type { ProviderContext } from './provider-context.js'
import { readAnswer, type Turn } from './read-answer.js'
import { noteAttempt, repeatOrThrow, type RepeatHistory } from './repeat-or-throw.js'
import { createAnnouncer, createSink, createStreamWriter, type Sink } from './sink.js'

/**
 * Runs one call. The order of wrapping is the design: the pair of events outermost, so that there is one
 * a call, whose end comes after the response is built; retry inside, never announcing the request again;
 * auth innermost, so that each attempt carries the credential in force.
 */
export async function runCall(shared: ProviderContext, plan: CallPlan, deliver: Deliver<StreamEvent>): Promise<Outcome> {
  const context = { ...shared, emitter: emitUntil(shared.emitter, plan.signal) }
  const { deps, emitter } = context
  const call = openCall(deps, plan, plan.signal)
  call.watch = watchCall(deps, call)
  const span = openCallSpan(deps, emitter, call)
  const sink = createSink(() => openWriter(context, call), deliver)
  try {
    const response = await answer(context, call, span, sink)
    await span.close({ response })
    await sink.end(response)
    call.watch?.ended({ response })
    return { response }
  } catch (thrown) {
    const error = deps.redactor.error(toLLMError(thrown, deps, call))
    await sink.abort(error)
    await span.close({ error })
    await sink.fail(error)
    call.watch?.ended({ error })
    return { error }
  }
}

function watchCall({ observers = [], sessionId }: ProviderDeps, { request, route, options }: CallHead): CallWatch | undefined {
  if (observers.length === 0) return undefined
  return watchTogether(observers, { id: randomUUID(), sessionId, request, route, ...(options.trace ? { trace: options.trace } : {}) })
}

function openWriter({ deps, emitter }: ProviderContext, { settings, request, options, asCheckpoint }: CallHead) {
  const announcer = settings.useStreaming && !asCheckpoint && request.metadata?.stream !== false ? createAnnouncer(emitter, randomUUID()) : undefined
  return { announcer, writer: createStreamWriter({ sessionId: deps.sessionId, announcer, thinking: options.thinking !== false, now: deps.now }) }
}

/**
 * The whole answer of one call: a request and, where its output was cut for length, the requests that
 * continue it.
 */
async function answer(context: ProviderContext, head: CallHead, span: CallSpan, sink: Sink): Promise<ChatResponse> {
  const { deps, emitter } = context
  head.signal.throwIfAborted()
  const snapshot = deps.catalog.fresh() ?? (await deps.catalog.list({ signal: head.signal }))
  const call: Call = Object.assign(head, { model: context.chooseModel(head.request, snapshot, head.settings) })
  call.route.resolved_model = call.model.slug
  await compactFirst(context, call)
  // `raw` wants the payload, which is built later; without it the request is announced now.
  const opening = deps.settings.raw ? undefined : span.announce(undefined)
  if (opening) await opening
  const parts: ChatResponse[] = []
  let streamDifference: string | undefined
  let cacheBreak: string | undefined
  let turn: Turn = { call, span, sink, firstIndex: 0 }
  for (let number = 1; ; number++) {
    const reader = await attempt(context, turn).catch((thrown: unknown) => {
      throw withEarlierParts(thrown, parts)
    })
    const { ended } = reader
    const part = reader.response()
    parts.push(part)
    if (call.asCheckpoint) return finalizeResponse(deps, call, toCheckpoint(part, readCheckpointItem(reader, deps, call)), { servedModel: reader.servedModel, cacheBreak: turn.difference, streamDifference })
    context.compactor.observe(call, part.usage)
    streamDifference ??= reader.difference
    cacheBreak ??= turn.difference
    // A whole tool call wants its result before anything goes on.
    if (ended?.kind !== 'incomplete' || number > call.settings.maxContinuations || part.tool_calls) {
      return finalizeResponse(deps, call, joinResponses(parts), { servedModel: reader.servedModel, cacheBreak, streamDifference })
    }
    await emitter.emit('incompleteContinuation', {
      provider: deps.mountName,
      response_id: reader.responseId ?? '',
      reason: ended.reason,
      continuation_number: number,
      max_attempts: call.settings.maxContinuations,
    })
    call.continuing = true
    turn = { call, span, sink, firstIndex: reader.nextIndex, continuation: turn.built && buildContinuation(turn.built, reader.items(), number) }
  }
}

/** Makes a checkpoint of what fills the window before the call goes out; one that can't be made costs a warning. */
async function compactFirst(context: ProviderContext, call: Call): Promise<void> {
  const { compactor } = context
  const count = compactor.due(call)
  if (count === undefined) return
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

/** The attempts at one request: until one answers, or its failure may not be repeated. */
async function attempt(context: ProviderContext, turn: Turn): Promise<AnswerReader> {
  const { deps } = context
  const history: RepeatHistory = {}
  turn.call.outputSeen = false
  for (;;) {
    turn.call.streaming = false
    turn.call.watch?.phase('queued')
    try {
      const reader = await readAnswer(context, turn)
      noteAttempt(turn.call)
      return reader
    } catch (thrown) {
      if (!(thrown instanceof AttemptFailure)) throw thrown
      if (context.compactor.refused(turn.built, thrown.error)) {
        noteAttempt(turn.call, deps.redactor.error(thrown.error))
        continue
      }
      await repeatOrThrow(context, turn.call, thrown, history)
    }
  }
}

/** An error in a continuation still carries the whole of what came before it. */
function withEarlierParts(thrown: unknown, parts: readonly ChatResponse[]): unknown {
  if (!isLLMError(thrown) || parts.length === 0) return thrown
  const partial = joinResponses(thrown.partial ? [...parts, thrown.partial] : parts)
  Object.defineProperty(thrown, 'partial', { value: partial, enumerable: false, configurable: true })
  return thrown
}
