import { isLLMError, type LLMError } from '../contract/index.js'
import { backoffMs } from '../lib/index.js'
import type { Accumulator } from '../responses/index.js'
import { AttemptFailure } from './attempt-failure.js'
import type { Call } from './call.js'
import type { ProviderDeps } from './deps.js'
import type { Emitter } from './emitter.js'

/** Waits between attempts that were told nothing: the official client's first step, with full jitter. */
const BACKOFF = { baseMs: 400, capMs: 20_000 }
/** Waits for a model at capacity, seconds; each is stretched by a random factor from 1 to 2. */
const PATIENT_SECONDS = [5, 30, 120]
/** A server that names a longer wait than this is not waited for; the caller gets its `retry_after`. */
const LONGEST_WAIT_MS = 60_000
/** Repairs that cost no wait: each is made at most this often in one call. */
const REPAIRS_PER_CALL = 2

const RECONNECT_CODES = new Set(['previous_response_not_found', 'websocket_connection_limit_reached'])

type Decision = { kind: 'give_up' } | { kind: 'at_once' } | { kind: 'wait'; ms: number }

/**
 * Runs attempts until one answers. The attempt rebuilds its request each time; only classified,
 * retryable failures of requests that provably did not run are repeated, and nothing is once output
 * has been seen. Every wait is announced before it begins.
 */
export async function withRetry(
  deps: ProviderDeps,
  emitter: Emitter,
  call: Call,
  attempt: () => Promise<Accumulator>,
): Promise<Accumulator> {
  const history = { repairs: 0, refreshed: false, capacityWaits: 0, timeouts: 0 }
  for (;;) {
    try {
      const accumulator = await attempt()
      call.route.attempts.push({ model: call.model.slug, transport: call.route.transport, outcome: 'ok' })
      return accumulator
    } catch (thrown) {
      if (!(thrown instanceof AttemptFailure)) throw thrown
      noteAttempt(call, deps.redactor.error(thrown.error))
      const decision = await decide(deps, call, thrown, history)
      if (decision.kind === 'give_up') throw thrown.error
      if (decision.kind === 'wait') await wait(deps, emitter, call, thrown.error, decision.ms)
    }
  }
}

function noteAttempt(call: Call, error: LLMError): void {
  call.route.attempts.push({
    model: call.model.slug,
    transport: call.route.transport,
    outcome: 'error',
    error_type: error.name,
    ...(error.code === undefined ? {} : { error_code: error.code }),
  })
}

interface History {
  repairs: number
  refreshed: boolean
  capacityWaits: number
  timeouts: number
}

async function decide(deps: ProviderDeps, call: Call, failure: AttemptFailure, history: History): Promise<Decision> {
  const { error, state } = failure
  if (call.signal.aborted || state === 'output') return { kind: 'give_up' }
  const repair = await tryRepair(deps, call, failure, history)
  if (repair) return { kind: 'at_once' }
  if (!error.retryable || (state !== 'unsent' && state !== 'refused') || call.budget.left <= 0) return { kind: 'give_up' }
  if (error.code === 'at_capacity') return patient(deps, call, history)
  if (error.status_code === 408 && history.timeouts++ > 0) return { kind: 'give_up' }
  const told = error.retry_after === undefined ? undefined : error.retry_after * 1000
  if (told !== undefined && told > LONGEST_WAIT_MS) return { kind: 'give_up' }
  const used = call.budget.max - call.budget.left + 1
  call.budget.left--
  return { kind: 'wait', ms: told ?? backoffMs(BACKOFF, used, deps.random) }
}

/** What can be mended without waiting and without spending the budget. */
async function tryRepair(deps: ProviderDeps, call: Call, failure: AttemptFailure, history: History): Promise<boolean> {
  const { error, state } = failure
  if (error.status_code === 401 && state === 'refused' && failure.rejectedToken !== undefined && error.code !== 'missing_scopes') {
    if (history.refreshed) return false
    history.refreshed = true
    await deps.credentials.replace(failure.rejectedToken, { signal: call.signal })
    return true
  }
  if (history.repairs >= REPAIRS_PER_CALL || error.code === undefined) return false
  if (RECONNECT_CODES.has(error.code)) {
    history.repairs++
    return true
  }
  if (error.code === 'invalid_encrypted_content' && !call.dropReasoning) {
    history.repairs++
    call.dropReasoning = true
    return true
  }
  // A server that has begun an answer has taken the message, whatever it closes with.
  if (error.code === 'message_too_big' && state !== 'accepted' && !call.httpOnly) {
    history.repairs++
    call.httpOnly = true
    return true
  }
  return false
}

function patient(deps: ProviderDeps, call: Call, history: History): Decision {
  const seconds = PATIENT_SECONDS[history.capacityWaits++]
  if (seconds === undefined || (call.hasAlternative && !call.continuing)) return { kind: 'give_up' }
  call.budget.left--
  return { kind: 'wait', ms: seconds * 1000 * (1 + deps.random()) }
}

async function wait(
  deps: ProviderDeps, emitter: Emitter, call: Call, error: LLMError, ms: number,
): Promise<void> {
  const common = { provider: deps.mountName, model: call.requestedModel }
  if (isLLMError(error) && error.name === 'RateLimitError') {
    await emitter.emit('throttle', {
      ...common, reason: error.code ?? error.name, retry_after: ms / 1000, concurrency: deps.limiter.limit,
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
