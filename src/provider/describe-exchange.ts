import type { Credential } from '../auth/credential-source.js'
import type { BuiltRequest } from '../responses/index.js'
import type { ExchangeRequest } from './backend-exchange.js'
import type { ProviderContext } from './provider-context.js'
import type { Turn } from './turn.js'
import { turnOf } from './turn-state-store.js'

/** What asks: an attempt. */
interface Asker {
  turn: Turn
  credential: Credential
  /** whether its place still counts for it */
  mayLeave(): boolean
  /** the request has left, and there is time until its answer */
  prepare(): void
}

/** What a client is asked to open for one attempt. */
export function describeExchange({ requests, turnStates }: ProviderContext, attempt: Asker, built: BuiltRequest, conversation: string): ExchangeRequest {
  const { turn, credential } = attempt
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
    mayLeave: () => attempt.mayLeave(),
    onSent() {
      attempt.prepare()
      call.watch?.phase('waiting')
      if (turn.continuation || call.route.cache) return
      turn.difference = requests.compare(conversation, built)
      call.route.cache = { key: conversation, cached_tokens: 0, uncached_tokens: 0 }
    },
  }
}
