import type { Credential } from '../auth/credential-source.js'
import { QuotaExceededError, type CallWatch, type ReasoningProvenance } from '../contract/index.js'
import { isRecord, parseJson, readString, shortHash } from '../lib/index.js'
import {
  createAnswerReader, NotAttributable, decodeEvent, readOtherEvent, serializeRequest,
  type AnswerEvent, type AnswerReader, type BuiltRequest, type OtherEvent, type TypedEvent,
} from '../responses/index.js'
import { TransportFailure } from '../transport/transport.js'
import { AttemptFailure, createFailureReader, type FailureReader } from './attempt-failure.js'
import type { Exchange, ExchangeRequest } from './backend-client.js'
import { modelOf, type Call } from './call.js'
import type { CallSpan } from './call-span.js'
import type { ModelChoice } from './choose-model.js'
import type { ProviderDeps } from './deps.js'
import type { ProviderContext } from './provider-context.js'
import type { Sink } from './sink.js'
import { TURN_STATE, turnOf } from './turn-state-store.js'

/** One request of a call: the call's own, or one that continues an answer cut for length. */
export interface Turn {
  readonly call: Call
  readonly span: CallSpan
  readonly sink: Sink
  /** where the answer's blocks are numbered from */
  readonly firstIndex: number
  /** sent in place of the call's own request */
  readonly continuation?: BuiltRequest | undefined
  /** what was sent last */
  built?: BuiltRequest
  /** how the request differs from the conversation's before, where it is no extension of it */
  difference?: string | undefined
}

/**
 * One request and its answer, read to the terminal event; answers what has read it. Ends well where the
 * answer is complete or cut by the length limit; everything else is thrown as an AttemptFailure that says
 * how far it had come. Auth is innermost: each attempt asks for the credential in force, and builds its
 * request anew, so that a refreshed credential or a repair takes effect.
 *
 * Up to the request's last byte nothing is waited for that is there already, and what can be done while
 * the backend thinks is done then.
 */
export async function readAnswer(context: ProviderContext, turn: Turn): Promise<AnswerReader> {
  const { deps, client, requests } = context
  const { call } = turn
  const credential = deps.credentials.held() ?? (await deps.credentials.current({ signal: call.signal }))
  const provenance = provenanceOf(credential, call.model)
  const { built: fresh, conversation } = requests.build(call, provenance, context.compactor.threshold(call))
  const built = turn.continuation ?? fresh
  const announcing = announce(context, turn, built)
  if (announcing) {
    await announcing
    call.signal.throwIfAborted()
  }
  const release = deps.limiter.tryAcquire() ?? (await waitForPlace(deps, call, conversation))
  call.watch?.phase('connecting')
  const startedAtMs = deps.now()
  let prepared: Reading | undefined
  const prepare = (): Reading => {
    if (prepared) return prepared
    const reader = createAnswerReader({ provenance, firstIndex: turn.firstIndex, items: call.options.onBlocks !== undefined })
    const source = { provenance, route: call.route }
    return (prepared = {
      deps, call, reader,
      failures: createFailureReader(deps, call, reader, credential),
      show(events, blocks) {
        call.tap?.(events, source)
        call.options.onBlocks?.(blocks, source)
        if (call.watch && blocks.length > 0) tellOutput(call, call.watch)
        return turn.sink.write(blocks)
      },
    })
  }
  let exchange: Exchange | undefined
  let probing = false
  try {
    probing = refuseExhausted(deps, call) && (await ownsProbe(deps, call))
    try {
      exchange = await client.open(describeExchange(context, turn, { built, credential, conversation }, prepare))
    } catch (thrown) {
      throw prepare().failures.fromThrown(thrown)
    }
    call.route.transport = exchange.kind
    call.route.transport_reason = exchange.reason
    const reading = prepare()
    const { reader } = reading
    const behind = await readToTerminal(exchange, reading)
    const turnState = reader.headers[TURN_STATE]
    if (turnState !== undefined) context.turnStates.learn(conversation, turnOf(call.request), turnState)
    // The server holds a response for the next turn only if it completed; behind a checkpoint it would go on from all that stood before it.
    const responseId = reader.ended?.kind === 'completed' && !call.asCheckpoint ? reader.responseId : undefined
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

/** Names the waiter by a hash: it is read by all that share the places. */
async function waitForPlace({ limiter }: ProviderDeps, call: Call, conversation: string): Promise<() => void> {
  const startedMs = performance.now()
  const release = await limiter.acquire({ interactive: call.options.interactive, signal: call.signal, key: shortHash(conversation) })
  call.route.waited_ms = Math.round((call.route.waited_ms ?? 0) + performance.now() - startedMs)
  return release
}

/** What one attempt's answer is read with. */
interface Reading {
  deps: ProviderDeps
  call: Call
  reader: AnswerReader
  failures: FailureReader
  /** shows the wire's events as they come, and what they add to the answer */
  show: (events: readonly TypedEvent[], blocks: readonly AnswerEvent[]) => Promise<void> | undefined
}

function effortOf({ fields: { reasoning } }: BuiltRequest): string | undefined {
  return isRecord(reasoning) ? readString(reasoning, 'effort') : undefined
}

function tellOutput(call: Call, watch: CallWatch): void {
  if (!call.streaming) watch.phase('streaming')
  call.streaming = true
  watch.chunk()
}

/** Tells the host of the request, and of what had to be repaired in it: in the first attempt alone. */
function announce({ deps, emitter }: ProviderContext, turn: Turn, built: BuiltRequest): Promise<unknown> | undefined {
  const repairs = turn.built ?? turn.continuation ? [] : built.repairs
  turn.built = built
  const effort = effortOf(built)
  if (effort !== undefined) turn.call.route.effort = effort
  const request = () => turn.span.announce(deps.settings.raw ? parseJson(serializeRequest(built)) : undefined)
  if (repairs.length === 0) return request()
  return Promise.resolve(emitter.emit('toolSequenceRepaired', {
    provider: deps.mountName, repair_count: repairs.length, repairs: [...repairs],
  })).then(request)
}

/** What must be told apart in reasoning that comes back: who thought it, where, and with which kind of model. */
export function provenanceOf({ accountKey, lane }: Credential, { family }: ModelChoice): ReasoningProvenance {
  return { account: accountKey, lane, model_family: family }
}

function describeExchange(
  { requests, turnStates }: ProviderContext, turn: Turn,
  { built, credential, conversation }: Pick<ExchangeRequest, 'built' | 'credential' | 'conversation'>,
  prepare: () => void,
): ExchangeRequest {
  const { call } = turn
  const { idleTimeoutMs, connectTimeoutMs, firstEventTimeoutMs } = call.settings
  const { timeout } = call.request
  // null and infinite lift the mount's limit for one call.
  const idleMs = timeout === null ? undefined : timeout ? timeout * 1000 : idleTimeoutMs
  return {
    built,
    credential,
    conversation,
    signal: call.signal,
    timeouts: { connectMs: connectTimeoutMs, firstFrameMs: Math.min(firstEventTimeoutMs ?? Infinity, idleMs ?? Infinity), idleMs: idleMs ?? Infinity },
    httpOnly: call.httpOnly,
    turnState: turnStates.get(conversation, turnOf(call.request)),
    onSent() {
      prepare()
      call.watch?.phase('waiting')
      turn.sink.prepare()
      if (turn.continuation || call.route.cache) return
      turn.difference = requests.compare(conversation, built)
      call.route.cache = { key: conversation, cached_tokens: 0, uncached_tokens: 0 }
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
      model: modelOf(call),
      code: 'usage_limit_reached',
      retry_after: Math.max(0, (exhaustedUntilMs - deps.now()) / 1000),
    },
  )
  throw new AttemptFailure(error, 'never')
}

/** One probe for all that share the account: where another process makes it, this call is refused as before. */
async function ownsProbe(deps: ProviderDeps, call: Call): Promise<boolean> {
  return (await deps.quota.claimProbe(call.model.slug)) || refuseExhausted(deps, call)
}

const NONE: Pick<Batch, 'events' | 'blocks'> = { events: [], blocks: [] }

async function readToTerminal(exchange: Exchange, reading: Reading): Promise<readonly string[]> {
  const { call, reader, failures, show } = reading
  const learn = createHeaderReader(exchange.headers, reading)
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
        if (early.events.length > 0) wanted = show(early.events, early.blocks)
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
      batch = readBatch(frames, from, exchange, reading, learn)
      from = batch.next
      if (reader.ended) behind = frames.slice(from)
      call.outputSeen ||= reader.sawOutput
      failures.accepted ||= batch.events.some(({ type }) => type.startsWith('response.') && !BEFORE_ACCEPTANCE.has(type))
      if (reader.ended || batch.malformed) learn()
      const failed = reader.ended && failures.fromTerminal()
      if (failed && !call.outputSeen) throw failed
      early = early.events.length > 0 ? { events: early.events.concat(batch.events), blocks: early.blocks.concat(batch.blocks) } : batch
      if (!call.outputSeen && !reader.ended && !batch.malformed) continue
      if (early.events.length > 0) wanted = show(early.events, early.blocks)
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
function createHeaderReader(headers: Exchange['headers'], { deps, call }: Reading): () => void {
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
  frames: readonly string[], from: number, { guard }: Exchange, { deps, call, reader, failures }: Reading, learnHeaders: () => void,
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

/** What may come before a request is accepted: word of the connection and of limits, and refusals. */
const BEFORE_ACCEPTANCE: ReadonlySet<string> = new Set([
  'codex.rate_limits', 'codex.response.metadata', 'response.metadata', 'response.failed', 'error',
])
