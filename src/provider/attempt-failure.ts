import type { Credential } from '../auth/credential-source.js'
import type { LLMError } from '../contract/index.js'
import {
  fromTransportFailure, judgeWireFailure, readUsageLimit, type AnswerReader, type AttemptPhase, type Repeat, type WireFailure,
} from '../responses/index.js'
import { TransportFailure } from '../transport/transport.js'
import { modelOf, type Call } from './call.js'
import type { ProviderDeps } from './deps.js'

/** One attempt's end: the classified error, and what the retry table says of its request. */
export class AttemptFailure extends Error {
  override readonly name = 'AttemptFailure'
  constructor(
    readonly error: LLMError,
    readonly repeat: Repeat,
    /** the bearer that was refused, where the refusal was about it */
    readonly rejectedToken?: string,
  ) {
    super(error.message)
    // The bearer must not show when the failure is inspected.
    Object.defineProperty(this, 'rejectedToken', { value: rejectedToken, enumerable: false })
  }
}

/** What a failure of an attempt is judged by. */
export interface AttemptState {
  readonly deps: ProviderDeps
  readonly call: Call
  readonly credential: Credential
  /** what has been read of the answer */
  readonly reader: AnswerReader
  /** an event of the answer came: the backend has accepted the request */
  readonly accepted: boolean
}

/** A failure of the transport, classified; whatever else was thrown stays as it is. */
export function fromThrown(attempt: AttemptState, thrown: unknown): unknown {
  return thrown instanceof TransportFailure ? classify(attempt, fromTransportFailure(thrown), phaseOf(thrown)) : thrown
}

/** Undefined for an answer that is complete, or cut by the length limit. */
export function fromTerminal(attempt: AttemptState): AttemptFailure | undefined {
  const failure = attempt.reader.failure()
  return failure && classify(attempt, failure, 'answered')
}

/** The frames ended, or made no sense, before the terminal event. */
export function fromCut(attempt: AttemptState, code?: string): AttemptFailure {
  const failure: WireFailure = attempt.reader.failure() ?? { source: 'transport', kind: 'cut', phase: 'answering' }
  return classify(attempt, code === undefined ? failure : { ...failure, error: { code } }, 'sent')
}

function classify({ deps, call, credential, reader, accepted }: AttemptState, failure: WireFailure, phase: AttemptPhase): AttemptFailure {
  const { error, repeat } = judgeWireFailure(failure, {
    provider: deps.mountName,
    model: modelOf(call),
    lane: credential.lane,
    signInCommand: deps.credentials.signIn,
    nowMs: deps.now(),
    availableModels: deps.catalog.peek()?.models.map((model) => model.id),
    partial: reader.partial(),
    sawOutput: call.outputSeen || call.continuing,
    phase: call.outputSeen ? 'output' : accepted ? 'accepted' : phase,
  })
  observeLimits(deps, call, error, failure)
  return new AttemptFailure(error, repeat, credential.accessToken)
}

/** Tells quota and limiter of the limits that a failure speaks of. */
function observeLimits(deps: ProviderDeps, call: Call, error: LLMError, failure: WireFailure): void {
  if (failure.headers) deps.quota.observeHeaders(failure.headers, call.model.slug)
  if (error.name === 'QuotaExceededError') {
    deps.quota.observeExhausted({ model: call.model.slug, ...readUsageLimit(failure, deps.now()) })
  } else if (error.name === 'RateLimitError') {
    deps.limiter.observeRateLimited(error.retry_after === undefined ? undefined : error.retry_after * 1000)
  }
}

/** A status is an answer, also one that stands before no event stream; an upgrade's answer comes before anything is sent. */
function phaseOf({ phase, status }: TransportFailure): AttemptPhase {
  if (phase === 'unsent') return 'unsent'
  return status === undefined ? 'sent' : 'answered'
}
