import type { Credential } from '../auth/credential-source.js'
import { QuotaExceededError, type LLMError, type ReasoningProvenance } from '../contract/index.js'
import { parseJson } from '../lib/index.js'
import {
  createAccumulator, decodeEvent, fromTransportFailure, mapWireFailure, modelFamily, readUsageLimit,
  type Accumulator, type BuiltRequest, type WireEvent, type WireFailure,
} from '../responses/index.js'
import { TransportFailure } from '../transport/transport.js'
import { AttemptFailure, type AttemptState } from './attempt-failure.js'
import type { Call } from './call.js'
import type { ProviderDeps } from './deps.js'
import type { Exchange, Exchanges } from './exchanges.js'
import { TURN_STATE, turnOf, type TurnStates } from './turn-states.js'

/** Batches of wire events, then the accumulator that has read them up to a terminal that ends well or runs on. */
export type AttemptRun = AsyncGenerator<readonly WireEvent[], Accumulator, undefined>

export interface AttemptInput {
  deps: ProviderDeps
  exchanges: Exchanges
  call: Call
  turnStates: TurnStates
  /** builds the request anew, so that a refreshed credential or a repair takes effect */
  build: (provenance: ReasoningProvenance) => { built: BuiltRequest; conversation: string }
  /** before anything is sent; called in every attempt */
  onBuilt: (built: BuiltRequest, conversation: string) => Promise<void>
  /** the request is on its way; for what need not come before */
  onSending: (built: BuiltRequest, conversation: string) => void
  /** the backend has taken the request, or may have */
  onOpen: (exchange: Exchange) => void
}

/**
 * One request and its answer, read to the terminal event. Ends well where the answer is complete or cut
 * by the length limit; everything else is thrown as an AttemptFailure that says how far it had come.
 * Auth is innermost: each attempt asks for the credential in force.
 */
export async function* runAttempt(input: AttemptInput): AttemptRun {
  const { deps, call, exchanges } = input
  const credential = await deps.credentials.current({ signal: call.signal })
  const provenance: ReasoningProvenance = {
    account: credential.accountKey,
    lane: credential.lane,
    model_family: modelFamily(call.model.slug),
  }
  const { built, conversation } = input.build(provenance)
  await input.onBuilt(built, conversation)
  const release = await deps.governor.acquire({ interactive: call.options.interactive, signal: call.signal, key: conversation })
  const accumulator = createAccumulator({ provenance })
  const failures = createFailureReader(input, accumulator, credential)
  const startedAtMs = deps.now()
  let exchange: Exchange | undefined
  let probing = false
  try {
    probing = refuseExhausted(deps, call)
    const opening = open()
    input.onSending(built, conversation)
    exchange = await opening
    input.onOpen(exchange)
    observeHeaders(input, accumulator, exchange.headers)
    yield* readToTerminal(exchange, accumulator, failures, input)
    const turnState = accumulator.headers[TURN_STATE]
    if (turnState !== undefined) input.turnStates.learn(conversation, turnOf(call.request), turnState)
    // The server holds a response for the next turn only if it completed.
    const responseId = accumulator.terminal?.kind === 'completed' ? accumulator.responseId : undefined
    exchange.finish({ responseId, doneItems: accumulator.doneItems })
    exchange = undefined
    deps.quota.observeServed(call.model.slug, { startedAtMs })
    deps.governor.observeServed()
    return accumulator
  } finally {
    exchange?.abandon()
    // A probe that ended without an answer to its question leaves it to the next call.
    if (probing) deps.quota.releaseProbe(call.model.slug)
    release()
  }

  async function open(): Promise<Exchange> {
    try {
      const { idleTimeoutMs, connectTimeoutMs, firstEventTimeoutMs } = call.settings
      const turnState = input.turnStates.get(conversation, turnOf(call.request))
      const idleMs = call.request.timeout ? call.request.timeout * 1000 : idleTimeoutMs
      return await exchanges.open({
        built,
        credential,
        conversation,
        signal: call.signal,
        clocks: { connectMs: connectTimeoutMs, firstFrameMs: Math.min(firstEventTimeoutMs, idleMs), idleMs },
        httpOnly: call.httpOnly,
        ...(turnState === undefined ? {} : { turnState }),
      })
    } catch (thrown) {
      throw failures.fromThrown(thrown)
    }
  }
}

/**
 * Once one agent has learned that a model's quota is gone, those that waited for a place don't ask it
 * too. Answers true for the one call that finds out after the reset whether the model serves again.
 */
function refuseExhausted(deps: ProviderDeps, call: Call): boolean {
  if (!call.delegated) return false
  const { exhaustedUntilMs, probe } = deps.quota.verdict(call.model.slug)
  if (exhaustedUntilMs === undefined || probe) return probe
  const error = new QuotaExceededError(
    `The quota for ${call.model.slug} is used up until ${new Date(exhaustedUntilMs).toISOString()}.`,
    {
      provider: deps.mountName,
      model: call.requestedModel,
      code: 'usage_limit_reached',
      retry_after: Math.max(0, (exhaustedUntilMs - deps.now()) / 1000),
    },
  )
  throw new AttemptFailure(error, 'unsent')
}

async function* readToTerminal(
  exchange: Exchange,
  accumulator: Accumulator,
  failures: FailureReader,
  { deps, call }: AttemptInput,
): AsyncGenerator<readonly WireEvent[], void, undefined> {
  let frames: readonly string[] | undefined
  let batch: Batch | undefined
  while (!accumulator.terminal) {
    try {
      frames = await exchange.frames.next()
    } catch (thrown) {
      throw failures.fromThrown(thrown)
    }
    if (!frames) throw failures.cut()
    for (let from = 0; from < frames.length && !accumulator.terminal;) {
      batch = readBatch(frames, from, accumulator, { deps, call })
      from = batch.next
      call.outputSeen ||= accumulator.sawOutput
      failures.sawEvents ||= batch.events.length > 0
      const failed = accumulator.terminal && failures.fromTerminal()
      if (failed && !call.outputSeen) throw failed
      if (batch.events.length > 0) yield batch.events
      if (failed) throw failed
      if (batch.malformed && !accumulator.terminal) throw failures.cut('malformed_event')
    }
    // A suspended generator keeps what its variables hold: with 300 streams waiting that was 30 MB.
    frames = batch = undefined
  }
}

interface Batch {
  events: WireEvent[]
  /** the first frame that was not looked at */
  next: number
  malformed: boolean
}

/** Reads what arrived together; the first output ends a batch, so that the caller sees it at once. */
function readBatch(frames: readonly string[], from: number, accumulator: Accumulator, { deps, call }: Pick<AttemptInput, 'deps' | 'call'>): Batch {
  const events: WireEvent[] = []
  const sawOutput = accumulator.sawOutput
  let next = from
  while (next < frames.length && !accumulator.terminal && accumulator.sawOutput === sawOutput) {
    const frame = frames[next++] as string
    const value = parseJson(frame)
    if (value === undefined) {
      if (frame === '[DONE]') continue
      return { events, next, malformed: true }
    }
    const event = decodeEvent(value)
    if (!event) continue
    if (event.type === 'codex.rate_limits') deps.quota.observeEvent(value, call.model.slug)
    accumulator.accept(event)
    events.push(event)
  }
  return { events, next, malformed: false }
}

function observeHeaders({ deps, call }: AttemptInput, accumulator: Accumulator, headers: Readonly<Record<string, string>>): void {
  deps.quota.observeHeaders(headers, call.model.slug)
  accumulator.observeHeaders(headers)
  const etag = headers['x-models-etag']
  if (etag) deps.catalog.observeEtag(etag)
}

interface FailureReader {
  sawEvents: boolean
  fromThrown(thrown: unknown): unknown
  /** undefined for an answer that is complete, or cut by the length limit */
  fromTerminal(): AttemptFailure | undefined
  /** the frames ended, or made no sense, before the terminal event */
  cut(code?: string): AttemptFailure
}

/** Turns whatever ended an attempt into its classified failure, and tells quota and governor of limits. */
function createFailureReader({ deps, call }: AttemptInput, accumulator: Accumulator, credential: Credential): FailureReader {
  const context = () => ({
    provider: deps.mountName,
    model: call.requestedModel,
    lane: credential.lane,
    nowMs: deps.now(),
    availableModels: deps.catalog.peek()?.models.map((model) => model.id),
    partial: accumulator.partial(),
    sawOutput: call.outputSeen || call.continuing,
  })
  const stateOf = (otherwise: AttemptState): AttemptState =>
    call.outputSeen ? 'output' : reader.sawEvents && otherwise !== 'refused' ? 'accepted' : otherwise

  const classify = (failure: WireFailure, state: AttemptState): AttemptFailure => {
    const error = mapWireFailure(failure, context())
    observeLimits(error, failure)
    const rejected = failure.status === 401 ? credential.accessToken : undefined
    return new AttemptFailure(error, state, rejected)
  }
  const observeLimits = (error: LLMError, failure: WireFailure): void => {
    if (failure.headers) deps.quota.observeHeaders(failure.headers, call.model.slug)
    if (error.name === 'QuotaExceededError') {
      deps.quota.observeExhausted({ model: call.model.slug, ...readUsageLimit(failure, deps.now()) })
    } else if (error.name === 'RateLimitError') {
      deps.governor.observeRateLimited(error.retry_after === undefined ? undefined : error.retry_after * 1000)
    }
  }

  const reader: FailureReader = {
    sawEvents: false,
    fromThrown(thrown) {
      if (!(thrown instanceof TransportFailure)) return thrown
      const otherwise = thrown.kind === 'refused' || thrown.kind === 'content' ? 'refused' : thrown.phase === 'unsent' ? 'unsent' : 'sent'
      return classify(fromTransportFailure(thrown), stateOf(otherwise))
    },
    fromTerminal() {
      // The server itself said that the turn is over: nothing goes on running behind it.
      const failure = accumulator.failure()
      return failure && classify(failure, stateOf('refused'))
    },
    cut(code) {
      const failure: WireFailure = accumulator.failure() ?? { source: 'transport', kind: 'cut', phase: 'answering' }
      return classify({ ...failure, ...(code === undefined ? {} : { error: { code } }) }, stateOf('sent'))
    },
  }
  return reader
}
