import { isLLMError, type LLMError } from '../contract/index.js'
import { backoffMs } from '../lib/index.js'
import type { Repeat } from '../responses/index.js'
import { AttemptFailure } from './attempt-failure.js'
import { modelOf, type Call } from './call.js'
import type { ProviderDeps } from './deps.js'
import type { Emitter } from './emitter.js'
import type { ProviderContext } from './provider-context.js'
import type { Turn } from './turn.js'

/** Waits between attempts that were told nothing: the official client's first step, with full jitter. */
const BACKOFF = { baseMs: 400, capMs: 20_000 }
/** Waits for a model at capacity, seconds; each is stretched by a random factor from 1 to 2. */
const PATIENT_SECONDS = [5, 30, 120]
/** A server that names a longer wait than this is not waited for; the caller gets its `retry_after`. */
const LONGEST_WAIT_SECONDS = 60

type Decision = { kind: 'give_up' } | { kind: 'at_once' } | { kind: 'wait'; ms: number }

const GIVE_UP: Decision = { kind: 'give_up' }
const AT_ONCE: Decision = { kind: 'at_once' }

/**
 * Returns when the request may be sent again. Only classified, retryable failures of requests that
 * provably did not run are repeated, and nothing is once output has been seen. Every wait is announced
 * before it begins.
 * @throws what ended the call where it may not, as an LLMError where it was classified
 */
export async function repeatOrThrow({ deps, emitter, compactor }: ProviderContext, { call, repeats, built }: Turn, failure: unknown): Promise<void> {
  if (!(failure instanceof AttemptFailure)) throw failure
  noteAttempt(call, deps.redactor.error(failure.error))
  // The request is built without compaction from now on.
  if (compactor.refused(built, failure.error)) return
  const decision = await decide(deps, call, failure, repeats)
  if (decision.kind === 'give_up') throw failure.error
  if (decision.kind === 'wait') await wait(deps, emitter, call, failure.error, decision.ms)
}

/** Writes an attempt into the receipt. */
export function noteAttempt({ route, model, watch }: Call, error?: LLMError): void {
  route.attempts.push({
    model: model.slug,
    transport: route.transport,
    ...(error ? { outcome: 'error', error_type: error.name, ...(error.code !== undefined && { error_code: error.code }) } : { outcome: 'ok' }),
  })
  watch?.attemptEnded(error)
}

/** How often a way that costs no wait is taken in one call. */
const MOST: Partial<Record<Repeat, number>> = { refreshed: 1, reconnected: 2, without_reasoning: 1, over_http: 1 }

async function decide(deps: ProviderDeps, call: Call, { error, repeat, rejectedToken }: AttemptFailure, repeats: Turn['repeats']): Promise<Decision> {
  if (call.signal.aborted || repeat === 'never') return GIVE_UP
  const taken = (repeats[repeat] = (repeats[repeat] ?? 0) + 1)
  if (MOST[repeat] !== undefined && taken > MOST[repeat]) return GIVE_UP
  switch (repeat) {
    case 'refreshed':
      if (rejectedToken === undefined) return GIVE_UP
      await deps.credentials.replace(rejectedToken, { signal: call.signal })
      return AT_ONCE
    case 'reconnected':
      return AT_ONCE
    case 'without_reasoning':
      call.dropReasoning = true
      return AT_ONCE
    case 'over_http':
      if (call.httpOnly || call.route.transport !== 'websocket') return GIVE_UP
      call.httpOnly = true
      return AT_ONCE
    case 'patiently':
      return call.hasAlternative && !call.continuing ? GIVE_UP : spend(call, PATIENT_SECONDS[taken - 1], 1 + deps.random())
    case 'once':
    case 'after_wait':
      if (repeat === 'once' && taken > 1) return GIVE_UP
      if (error.retry_after !== undefined) return spend(call, error.retry_after <= LONGEST_WAIT_SECONDS ? error.retry_after : undefined)
      return spend(call, backoffMs(BACKOFF, call.budget.max - call.budget.left + 1, deps.random) / 1000)
  }
}

/** One of the retries that are left, after so many seconds; none where the wait is none. */
function spend(call: Call, seconds: number | undefined, stretch = 1): Decision {
  if (seconds === undefined || call.budget.left <= 0) return GIVE_UP
  call.budget.left--
  return { kind: 'wait', ms: seconds * 1000 * stretch }
}

async function wait(
  deps: ProviderDeps, emitter: Emitter, call: Call, error: LLMError, ms: number,
): Promise<void> {
  const common = { provider: deps.mountName, model: modelOf(call) }
  if (isLLMError(error) && error.name === 'RateLimitError') {
    await emitter.emit('throttle', {
      ...common, reason: error.code ?? error.name, retry_after: ms / 1000, concurrency: deps.limiter.limit,
      delay: ms / 1000, dimension: 'requests', remaining: 0,
    })
  }
  await emitter.emit('retry', {
    ...common,
    attempt: ++call.retries,
    max_retries: call.budget.max,
    delay: ms / 1000,
    error_type: error.name,
    error_message: error.message,
  })
  await deps.delay(ms, { signal: call.signal })
}
