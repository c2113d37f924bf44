import type { Place } from '../account/index.js'
import type { Credential } from '../auth/credential-source.js'
import type { CallWatch, ReasoningProvenance } from '../contract/index.js'
import { parseJson } from '../lib/index.js'
import {
  AnswerReader, NotAttributable, decodeEvent, readOtherEvent,
  type AnswerEvent, type OtherEvent, type TypedEvent,
} from '../responses/index.js'
import { TransportFailure } from '../transport/transport.js'
import { PlaceLost, refuseExhausted, ownsProbe, waitForPlace } from './admit-attempt.js'
import { announceRequest } from './announce-request.js'
import { fromCut, fromTerminal, fromThrown, type AttemptState } from './attempt-failure.js'
import type { Exchange } from './backend-exchange.js'
import type { Call } from './call.js'
import type { ProviderDeps } from './deps.js'
import { describeExchange } from './describe-exchange.js'
import type { ProviderContext } from './provider-context.js'
import { provenanceOf } from './request-builder.js'
import type { Turn } from './turn.js'
import { TURN_STATE, turnOf } from './turn-state-store.js'

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
  const announcing = announceRequest(context, turn, built)
  if (announcing) {
    await announcing
    call.signal.throwIfAborted()
  }
  const place = deps.limiter.tryAcquire() ?? (await waitForPlace(deps, call, conversation))
  call.watch?.phase('connecting')
  const startedAtMs = deps.now()
  const attempt = new Attempt(deps, turn, credential, provenance, place)
  let exchange: Exchange | undefined
  let probing = false
  try {
    probing = refuseExhausted(deps, call) && (await ownsProbe(deps, call))
    exchange = await client.open(describeExchange(context, attempt, built, conversation))
    const { reader } = attempt
    attempt.begin(exchange)
    while (!reader.ended) {
      // Nothing is waited for that is there already.
      let frames = exchange.frames.arrived()
      if (!frames) {
        const showing = attempt.settle(exchange)
        if (showing) await showing
        const arrival = exchange.frames.arrival()
        if (arrival) {
          await arrival
          continue
        }
        frames = await exchange.frames.next()
      }
      const taking = attempt.take(exchange, frames)
      if (taking) await taking
    }
    const turnState = reader.headers[TURN_STATE]
    if (turnState !== undefined) context.turnStates.learn(conversation, turnOf(call.request), turnState)
    // The server holds a response for the next turn only if it completed; behind a checkpoint it would go on from all that stood before it.
    const responseId = reader.ended.kind === 'completed' && !call.asCheckpoint ? reader.responseId : undefined
    exchange.finish({ responseId, doneItems: reader.items(), behind: attempt.behind })
    exchange = undefined
    deps.quota.observeServed(call.model.slug, { startedAtMs })
    deps.limiter.observeServed()
    return reader
  } catch (thrown) {
    throw attempt.heldBack ? new PlaceLost() : fromThrown(attempt, thrown)
  } finally {
    exchange?.abandon()
    // A probe that ended without an answer to its question leaves it to the next call.
    if (probing) deps.quota.releaseProbe(call.model.slug)
    place()
  }
}

/** What may come before a request is accepted: word of the connection and of limits, and refusals. */
const BEFORE_ACCEPTANCE: ReadonlySet<string> = new Set([
  'codex.rate_limits', 'codex.response.metadata', 'response.metadata', 'response.failed', 'error',
])

/**
 * One attempt at a request, and what of its answer was read and not shown yet. Its methods wait for nothing
 * themselves: a suspended function is 500 bytes for each step of each of thousands of waiting streams.
 */
class Attempt implements AttemptState {
  accepted = false
  /** it was not sent, since its place may be another's by now */
  heldBack = false
  /** what came with the answer's end, behind it */
  behind: readonly string[] = []
  #malformed = false
  #reader: AnswerReader | undefined
  /** the wire's own, where somebody wants them */
  #events: TypedEvent[] | undefined
  #blocks: AnswerEvent[] = []
  /** events read since the last were shown */
  #unshown = 0
  #learned = false

  constructor(readonly deps: ProviderDeps, readonly turn: Turn, readonly credential: Credential, readonly provenance: ReasoningProvenance, readonly place: Place) {}

  get call(): Call {
    return this.turn.call
  }

  get reader(): AnswerReader {
    return (this.#reader ??= new AnswerReader({ provenance: this.provenance, firstIndex: this.turn.firstIndex, items: this.call.options.onBlocks !== undefined }))
  }

  /** A process that has stood still since it was given the place must not begin by it. */
  mayLeave(): boolean {
    return !(this.heldBack = !this.deps.limiter.holds(this.place))
  }

  /** Makes ready what the first events need: while the backend thinks there is time. */
  prepare(): void {
    void this.reader
    this.turn.sink.prepare()
  }

  begin({ kind, reason, headers }: Exchange): void {
    this.call.route.transport = kind
    this.call.route.transport_reason = reason
    this.reader.observeHeaders(headers)
  }

  /** What comes before any output is a few events, and the output may be here already: they are shown once it is known that it is not. */
  settle({ headers }: Exchange): Promise<void> | undefined {
    const showing = this.#show()
    if (showing) return showing.then(() => this.#learnHeaders(headers))
    this.#learnHeaders(headers)
    return undefined
  }

  /** Reads what arrived together and shows it, the first output at once. @throws AttemptFailure, TransportFailure */
  take(exchange: Exchange, frames: readonly string[] | undefined, from = 0): Promise<void> | undefined {
    if (!frames) throw fromCut(this)
    const { reader, call } = this
    let next = from
    while (next < frames.length && !reader.ended) {
      next = this.#read(frames, next, exchange)
      if (reader.ended || this.#malformed) this.#learnHeaders(exchange.headers)
      const failed = reader.ended && fromTerminal(this)
      if (failed && !call.outputSeen) throw failed
      if (reader.ended) this.behind = frames.slice(next)
      else if (!call.outputSeen && !this.#malformed) continue
      const conclude = () => {
        if (failed) throw failed
        if (this.#malformed && !reader.ended) throw fromCut(this, 'malformed_event')
      }
      const showing = this.#show()
      if (showing) {
        return showing.then(() => {
          // Its reader gets nothing more of a call that was stopped, so it must not end as if it were whole.
          if (call.signal.aborted) throw new TransportFailure('the call was stopped', { kind: 'aborted', phase: 'answering' })
          conclude()
          return this.take(exchange, frames, next)
        })
      }
      conclude()
    }
    return undefined
  }

  /** Reads from this frame on, up to the first output. Answers the next frame's place. */
  #read(frames: readonly string[], from: number, { guard, headers }: Exchange): number {
    const { reader, call } = this
    const { sawOutput } = reader
    let next = from
    while (next < frames.length && !reader.ended && reader.sawOutput === sawOutput) {
      const frame = frames[next++] as string
      const value = parseJson(frame)
      if (value === undefined) {
        if (frame === '[DONE]') continue
        this.#malformed = true
        break
      }
      const known = decodeEvent(value)
      const event = known ?? readOtherEvent(value)
      if (!event) continue
      const owner = this.#ownerOf(guard, event)
      if (owner !== 'own') {
        this.accepted ||= owner === 'unknown'
        continue
      }
      if (event.type === 'codex.rate_limits') {
        this.#learnHeaders(headers)
        this.deps.quota.observeEvent(value, call.model.slug)
      }
      if (known) reader.accept(known, this.#blocks)
      else reader.acceptOther(event as OtherEvent, this.#blocks)
      this.accepted ||= event.type.startsWith('response.') && !BEFORE_ACCEPTANCE.has(event.type)
      this.#unshown++
      if (call.tap) (this.#events ??= []).push(event)
    }
    call.outputSeen ||= reader.sawOutput
    return next
  }

  /** Shows what was read: the wire's events as they came, and what they add to the answer. */
  #show(): Promise<void> | undefined {
    if (this.#unshown === 0) return undefined
    const { tap, options: { onBlocks }, route, watch } = this.call
    const blocks = this.#blocks
    this.#blocks = []
    this.#unshown = 0
    if (tap ?? onBlocks) {
      const source = { provenance: this.provenance, route }
      tap?.(this.#events ?? [], source)
      this.#events = undefined
      onBlocks?.(blocks, source)
    }
    if (watch && blocks.length > 0) this.#tellOutput(watch)
    return this.turn.sink.write(blocks)
  }

  /**
   * Tells quota and catalog, once, what came in front of the answer. Behind its first events: those are what
   * the caller waits for, and this takes 12 µs.
   */
  #learnHeaders(headers: Exchange['headers']): void {
    if (this.#learned) return
    this.#learned = true
    this.deps.quota.observeHeaders(headers, this.call.model.slug)
    const etag = headers['x-models-etag']
    if (etag) this.deps.catalog.observeEtag(etag)
  }

  #tellOutput(watch: CallWatch): void {
    if (!this.call.streaming) watch.phase('streaming')
    this.call.streaming = true
    watch.chunk()
  }

  #ownerOf(guard: Exchange['guard'], event: TypedEvent): ReturnType<Exchange['guard']['ownerOf']> {
    try {
      return guard.ownerOf(event)
    } catch (thrown) {
      throw thrown instanceof NotAttributable ? fromCut(this, 'not_attributable') : thrown
    }
  }
}
