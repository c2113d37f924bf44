import type { Credential } from '../auth/credential-source.js'
import { QuotaExceededError, type LLMError, type ReasoningProvenance } from '../contract/index.js'
import { parseJson } from '../lib/index.js'
import {
  createAnswerReader, NotAttributable, decodeEvent, readOtherEvent, fromTransportFailure, judgeWireFailure, readUsageLimit,
  type AnswerReader, type AttemptPhase, type AnswerEvent, type BuiltRequest, type OtherEvent, type TypedEvent, type WireFailure,
} from '../responses/index.js'
import { TransportFailure } from '../transport/transport.js'
import { AttemptFailure } from './attempt-failure.js'
import type { Call } from './call.js'
import type { ModelChoice } from './choose-model.js'
import type { ProviderDeps } from './deps.js'
import type { Exchange, ExchangeRequest, Exchanges } from './exchanges.js'
import { TURN_STATE, turnOf, type TurnStates } from './turn-states.js'

export interface AttemptInput {
  deps: ProviderDeps
  exchanges: Exchanges
  call: Call
  turnStates: TurnStates
  /** builds the request anew, so that a refreshed credential or a repair takes effect */
  build: (provenance: ReasoningProvenance) => { built: BuiltRequest; conversation: string }
  /** before anything is sent; called in every attempt */
  onBuilt: (built: BuiltRequest, conversation: string) => Promise<unknown> | undefined
  /** the request is on its way; for what need not come before */
  onSent: (built: BuiltRequest, conversation: string) => void
  /** the backend has taken the request, or may have */
  onOpen: (exchange: Exchange) => void
  /** where the answer's blocks are numbered from */
  firstIndex: number
  /** the events of the answer's items are wanted too */
  items: boolean
  /** takes the wire's events as they come, and what they add to the answer */
  deliver: (events: readonly TypedEvent[], blocks: readonly AnswerEvent[]) => Promise<void> | undefined
}

/**
 * One request and its answer, read to the terminal event; answers what has read it. Ends well where the
 * answer is complete or cut by the length limit; everything else is thrown as an AttemptFailure that says
 * how far it had come. Auth is innermost: each attempt asks for the credential in force.
 *
 * Up to the request's last byte nothing is waited for that is there already, and what can be done while
 * the backend thinks is done then.
 */
export async function runAttempt(input: AttemptInput): Promise<AnswerReader> {
  const { deps, call, exchanges } = input
  const credential = deps.credentials.held() ?? (await deps.credentials.current({ signal: call.signal }))
  const provenance = provenanceOf(credential, call.model)
  const { built, conversation } = input.build(provenance)
  const announcing = input.onBuilt(built, conversation)
  if (announcing) {
    await announcing
    call.signal.throwIfAborted()
  }
  const place = { interactive: call.options.interactive, signal: call.signal, key: conversation }
  const release = deps.limiter.tryAcquire() ?? (await deps.limiter.acquire(place))
  const startedAtMs = deps.now()
  let reading: Reading | undefined
  const prepare = (): Reading => {
    if (reading) return reading
    const reader = createAnswerReader({ provenance, firstIndex: input.firstIndex, items: input.items })
    return (reading = { reader, failures: createFailureReader(input, reader, credential) })
  }
  let exchange: Exchange | undefined
  let probing = false
  try {
    probing = refuseExhausted(deps, call)
    try {
      exchange = await exchanges.open(describeExchange(input, { built, credential, conversation }, prepare))
    } catch (thrown) {
      throw prepare().failures.fromThrown(thrown)
    }
    const { reader, failures } = prepare()
    input.onOpen(exchange)
    const behind = await readToTerminal(exchange, reader, failures, input)
    const turnState = reader.headers[TURN_STATE]
    if (turnState !== undefined) input.turnStates.learn(conversation, turnOf(call.request), turnState)
    // The server holds a response for the next turn only if it completed.
    const responseId = reader.ended?.kind === 'completed' ? reader.responseId : undefined
    exchange.finish({ responseId, doneItems: reader.items(), behind })
    exchange = undefined
    deps.quota.observeServed(call.model.slug, { startedAtMs })
    deps.limiter.observeServed()
    return reader
  } finally {
    exchange?.abandon()
    // A probe that ended without an answer to its question leaves it to the next call.
    if (probing) deps.quota.releaseProbe(call.model.slug)
    release()
  }
}

interface Reading {
  reader: AnswerReader
  failures: FailureReader
}

/** What must be told apart in reasoning that comes back: who thought it, where, and with which kind of model. */
export function provenanceOf({ accountKey, lane }: Credential, { family }: ModelChoice): ReasoningProvenance {
  return { account: accountKey, lane, model_family: family }
}

function describeExchange(
  { call, turnStates, onSent }: AttemptInput,
  { built, credential, conversation }: Pick<ExchangeRequest, 'built' | 'credential' | 'conversation'>,
  prepare: () => void,
): ExchangeRequest {
  const { idleTimeoutMs, connectTimeoutMs, firstEventTimeoutMs } = call.settings
  const turnState = turnStates.get(conversation, turnOf(call.request))
  const { timeout } = call.request
  // null and infinite lift the mount's limit for one call.
  const idleMs = timeout === null ? undefined : timeout ? timeout * 1000 : idleTimeoutMs
  return {
    built,
    credential,
    conversation,
    signal: call.signal,
    clocks: { connectMs: connectTimeoutMs, firstFrameMs: Math.min(firstEventTimeoutMs ?? Infinity, idleMs ?? Infinity), idleMs: idleMs ?? Infinity },
    httpOnly: call.httpOnly,
    turnState,
    onSent() {
      prepare()
      onSent(built, conversation)
    },
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
  throw new AttemptFailure(error, 'never')
}

const NONE: Pick<Batch, 'events' | 'blocks'> = { events: [], blocks: [] }

async function readToTerminal(exchange: Exchange, reader: AnswerReader, failures: FailureReader, input: AttemptInput): Promise<readonly string[]> {
  const { call, deliver } = input
  const learn = createHeaderReader(exchange.headers, input)
  reader.observeHeaders(exchange.headers)
  let frames: readonly string[] | undefined
  let batch: Batch | undefined
  let behind: readonly string[] = []
  let wanted: Promise<void> | undefined
  // What comes before any output is a few events, and the output may be here already: they go together.
  let early = NONE
  while (!reader.ended) {
    try {
      frames = exchange.frames.arrived()
      if (!frames) {
        if (early.events.length > 0) wanted = deliver(early.events, early.blocks)
        early = NONE
        if (wanted) await wanted
        learn()
        frames = await exchange.frames.next()
      }
    } catch (thrown) {
      throw failures.fromThrown(thrown)
    }
    if (!frames) throw failures.cut()
    for (let from = 0; from < frames.length && !reader.ended;) {
      batch = readBatch(frames, from, reader, exchange, failures, input, learn)
      from = batch.next
      if (reader.ended) behind = frames.slice(from)
      call.outputSeen ||= reader.sawOutput
      failures.accepted ||= batch.events.some(({ type }) => type.startsWith('response.') && !BEFORE_ACCEPTANCE.has(type))
      if (reader.ended || batch.malformed) learn()
      const failed = reader.ended && failures.fromTerminal()
      if (failed && !call.outputSeen) throw failed
      early = early.events.length > 0 ? { events: early.events.concat(batch.events), blocks: early.blocks.concat(batch.blocks) } : batch
      if (!call.outputSeen && !reader.ended && !batch.malformed) continue
      if (early.events.length > 0) wanted = deliver(early.events, early.blocks)
      early = NONE
      if (wanted) {
        await wanted
        // Its reader gets nothing more of a call that was stopped, so it must not end as if it were whole.
        if (call.signal.aborted) throw failures.fromThrown(new TransportFailure('the call was stopped', { kind: 'aborted', phase: 'answering' }))
      }
      if (failed) throw failed
      if (batch.malformed && !reader.ended) throw failures.cut('malformed_event')
    }
    // A suspended function keeps what its variables hold: with 300 streams waiting that was 30 MB.
    frames = batch = undefined
  }
  return behind
}

/**
 * Tells quota and catalog, once, what came in front of the answer. Behind its first events: those are what
 * the caller waits for, and this takes 12 µs.
 */
function createHeaderReader(headers: Exchange['headers'], { deps, call }: AttemptInput): () => void {
  let learned = false
  return () => {
    if (learned) return
    learned = true
    deps.quota.observeHeaders(headers, call.model.slug)
    const etag = headers['x-models-etag']
    if (etag) deps.catalog.observeEtag(etag)
  }
}

interface Batch {
  events: TypedEvent[]
  blocks: AnswerEvent[]
  /** the first frame that was not looked at */
  next: number
  malformed: boolean
}

/** Reads what arrived together; the first output ends a batch, so that the caller sees it at once. */
function readBatch(
  frames: readonly string[], from: number, reader: AnswerReader, { guard }: Exchange, failures: FailureReader, { deps, call }: AttemptInput,
  learnHeaders: () => void,
): Batch {
  const events: TypedEvent[] = []
  const blocks: AnswerEvent[] = []
  const sawOutput = reader.sawOutput
  let next = from
  while (next < frames.length && !reader.ended && reader.sawOutput === sawOutput) {
    const frame = frames[next++] as string
    const value = parseJson(frame)
    if (value === undefined) {
      if (frame === '[DONE]') continue
      return { events, blocks, next, malformed: true }
    }
    const known = decodeEvent(value)
    const event = known ?? readOtherEvent(value)
    if (!event) continue
    try {
      if (!guard.admits(event)) continue
    } catch (thrown) {
      throw thrown instanceof NotAttributable ? failures.cut('not_attributable') : thrown
    }
    if (event.type === 'codex.rate_limits') {
      learnHeaders()
      deps.quota.observeEvent(value, call.model.slug)
    }
    if (known) reader.accept(known, blocks)
    else reader.acceptOther(event as OtherEvent, blocks)
    events.push(event)
  }
  return { events, blocks, next, malformed: false }
}

interface FailureReader {
  /** an event of the answer came: the backend has accepted the request */
  accepted: boolean
  fromThrown(thrown: unknown): unknown
  /** undefined for an answer that is complete, or cut by the length limit */
  fromTerminal(): AttemptFailure | undefined
  /** the frames ended, or made no sense, before the terminal event */
  cut(code?: string): AttemptFailure
}

/** Turns whatever ended an attempt into its classified failure, and tells quota and limiter of limits. */
function createFailureReader({ deps, call }: AttemptInput, reader: AnswerReader, credential: Credential): FailureReader {
  const context = (phase: AttemptPhase) => ({
    provider: deps.mountName,
    model: call.requestedModel,
    lane: credential.lane,
    signInCommand: deps.credentials.signIn,
    nowMs: deps.now(),
    availableModels: deps.catalog.peek()?.models.map((model) => model.id),
    partial: reader.partial(),
    sawOutput: call.outputSeen || call.continuing,
    phase: call.outputSeen ? 'output' : failures.accepted ? 'accepted' : phase,
  } as const)

  const classify = (failure: WireFailure, phase: AttemptPhase): AttemptFailure => {
    const { error, repeat } = judgeWireFailure(failure, context(phase))
    observeLimits(error, failure)
    return new AttemptFailure(error, repeat, credential.accessToken)
  }
  const observeLimits = (error: LLMError, failure: WireFailure): void => {
    if (failure.headers) deps.quota.observeHeaders(failure.headers, call.model.slug)
    if (error.name === 'QuotaExceededError') {
      deps.quota.observeExhausted({ model: call.model.slug, ...readUsageLimit(failure, deps.now()) })
    } else if (error.name === 'RateLimitError') {
      deps.limiter.observeRateLimited(error.retry_after === undefined ? undefined : error.retry_after * 1000)
    }
  }

  const failures: FailureReader = {
    accepted: false,
    fromThrown: (thrown) => (thrown instanceof TransportFailure ? classify(fromTransportFailure(thrown), phaseOf(thrown)) : thrown),
    fromTerminal() {
      const failure = reader.failure()
      return failure && classify(failure, 'answered')
    },
    cut(code) {
      const failure: WireFailure = reader.failure() ?? { source: 'transport', kind: 'cut', phase: 'answering' }
      return classify({ ...failure, ...(code === undefined ? {} : { error: { code } }) }, 'sent')
    },
  }
  return failures
}

/** A status is an answer, also one that stands before no event stream; an upgrade's answer comes before anything is sent. */
function phaseOf({ phase, status }: TransportFailure): AttemptPhase {
  if (phase === 'unsent') return 'unsent'
  return status === undefined ? 'sent' : 'answered'
}

/** What may come before a request is accepted: word of the connection and of limits, and refusals. */
const BEFORE_ACCEPTANCE: ReadonlySet<string> = new Set([
  'codex.rate_limits', 'codex.response.metadata', 'response.metadata', 'response.failed', 'error',
])
