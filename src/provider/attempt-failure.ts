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

export interface FailureReader {
  /** an event of the answer came: the backend has accepted the request */
  accepted: boolean
  fromThrown(thrown: unknown): unknown
  /** undefined for an answer that is complete, or cut by the length limit */
  fromTerminal(): AttemptFailure | undefined
  /** the frames ended, or made no sense, before the terminal event */
  cut(code?: string): AttemptFailure
}

/** Turns whatever ended an attempt into its classified failure, and tells quota and limiter of limits. */
export function createFailureReader(deps: ProviderDeps, call: Call, reader: AnswerReader, credential: Credential): FailureReader {
  const context = (phase: AttemptPhase) => ({
    provider: deps.mountName,
    model: modelOf(call),
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
