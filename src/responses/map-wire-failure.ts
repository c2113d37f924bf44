/** The only classifier: HTTP refusals, error frames, bad terminals and broken connections all come here. */
import {
  AbortError, AccessDeniedError, AuthenticationError, ConfigurationError, ContentFilterError, ContextLengthError, InvalidRequestError,
  LLMTimeoutError, NetworkError, NotFoundError, ProviderUnavailableError, QuotaExceededError, RateLimitError, StreamError,
  type ChatResponse, type LaneName, type LLMError, type LLMErrorFields,
} from '../contract/index.js'
import { formatMoment, nearestName } from '../lib/index.js'
import { cleanWord } from './clean-wire-text.js'
import { classifyFailure } from './classify-failure.js'
import { classifyTransportFailure } from './classify-transport-failure.js'
import { FAILURE_TABLE, type AdviceContext, type FailureRow } from './failure-table.js'
import { ownCode, readFailureFacts, type FailureFacts } from './read-failure-facts.js'
import { readRetryAfter } from './read-retry-after.js'
import { readLimit } from './read-usage-limit.js'
import { findRetryRow, type AttemptPhase, type Repeat } from './retry-table.js'
import type { WireFailure } from './wire-failure.js'

export interface FailureContext {
  provider: string
  model: string
  lane: LaneName
  /** ms since 1970 */
  nowMs: number
  /** default `amplifier-chatgpt login` */
  signInCommand?: string
  /** what the account has, to name the nearest of */
  availableModels?: readonly string[]
  /** what had arrived; goes with the error */
  partial?: ChatResponse
  /** output has been shown; default: where `partial` has a block that shows something */
  sawOutput?: boolean
  /** how far the attempt had come, where what failed was one; default `answered` */
  phase?: AttemptPhase
}

export interface JudgedFailure {
  error: LLMError
  /** what is to be done with the request, by the retry table */
  repeat: Repeat
}

const KINDS = {
  AbortError, AccessDeniedError, AuthenticationError, ConfigurationError, ContentFilterError, ContextLengthError, InvalidRequestError,
  LLMTimeoutError, NetworkError, NotFoundError, ProviderUnavailableError, QuotaExceededError, RateLimitError, StreamError,
} satisfies Record<FailureRow['kind'], new (message: string, fields: LLMErrorFields) => LLMError>

/** Kinds that another attempt or candidate could cure before output; after it they are a broken answer. */
const BROKEN_AFTER_OUTPUT: ReadonlySet<string> = new Set(['RateLimitError', 'ProviderUnavailableError', 'NetworkError'])

/**
 * The typed error that a failure is, with one sentence of what happened and one that says what to do.
 * Total over the contract's table of errors; `retryable` is decided here and nowhere else. Quotes the
 * wire's message bounded and without controls or secrets, never a body.
 */
export function mapWireFailure(failure: WireFailure, context: FailureContext): LLMError {
  return judgeWireFailure(failure, context).error
}

/** The same, with what the retry table says of the request; an error of one that may have run says so. */
export function judgeWireFailure(failure: WireFailure, context: FailureContext): JudgedFailure {
  const facts = readFailureFacts(failure)
  const failureClass = failure.source === 'transport' ? classifyTransportFailure(failure, facts) : classifyFailure(facts)
  const words = FAILURE_TABLE[failureClass]
  const code = chooseCode(words, failure, facts)
  const resetsAtMs = failureClass === 'quota' ? readLimit(facts, context.nowMs).resetsAtMs : undefined
  const retryAfter = resetsAtMs === undefined
    ? readRetryAfter(facts.headers, facts.prose, context.nowMs)
    : Math.max(0, Math.ceil((resetsAtMs - context.nowMs) / 1000))
  const sawOutput = context.sawOutput ?? context.partial?.content.some((block) => block.type !== 'thinking' || block.thinking !== '')
  const Kind = KINDS[sawOutput === true && BROKEN_AFTER_OUTPUT.has(words.kind) ? 'StreamError' : words.kind]
  const retryable = words.retryable ?? new Kind('').retryable
  const { repeat, mayHaveRun } = findRetryRow({ phase: context.phase ?? 'answered', failureClass, status: facts.status, codes: facts.codes, retryable })
  const may_have_run = context.phase === undefined ? undefined : mayHaveRun || undefined
  const { provider, model, lane, signInCommand = 'amplifier-chatgpt login', availableModels = [], partial } = context
  const advice: AdviceContext = {
    lane, model, signInCommand, code, retryAfter, availableModels, mayHaveRun: may_have_run === true, resetsAt: formatMoment(resetsAtMs),
    param: facts.param, proxy: failure.proxy, nearestModel: nearestName(model, availableModels),
  }
  // Of a setting our own transport speaks, and names the file or the variable; nothing of the wire is in it.
  const quote = failureClass === 'misconfigured' ? (failure.message ?? '') : facts.quote
  const error = new Kind(composeMessage(words, advice, { ...facts, quote }), {
    provider, model, delay_multiplier: words.delayMultiplier ?? 1, retryable,
    code, may_have_run, status_code: facts.status, retry_after: retryAfter, request_id: facts.requestId, cause: failure.cause, partial,
  })
  return { error, repeat }
}

function chooseCode(words: FailureRow, failure: WireFailure, facts: FailureFacts): string | undefined {
  if (words.code !== undefined && words.keepsCode !== true) return words.code
  const closed = failure.kind === 'closed' && failure.closeCode !== undefined ? `close_${failure.closeCode}` : undefined
  return ownCode(facts) ?? cleanWord(failure.systemCode) ?? closed ?? words.code
}

/** "What happened (HTTP 429, code, request id x): the wire's words. What to do." */
function composeMessage(words: FailureRow, advice: AdviceContext, facts: FailureFacts): string {
  const say = (text: FailureRow['what']) => (typeof text === 'string' ? text : text(advice))
  const details = [
    facts.status === undefined ? undefined : `HTTP ${facts.status}`,
    advice.code,
    facts.requestId === undefined ? undefined : `request id ${facts.requestId}`,
  ].filter((detail) => detail !== undefined)
  const head = details.length === 0 ? say(words.what) : `${say(words.what)} (${details.join(', ')})`
  const quote = facts.quote === '' ? '.' : `: ${facts.quote.replace(/[.!?\s]+$/, '')}.`
  return `${head}${quote} ${say(words.advice)}`
}
