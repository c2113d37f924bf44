/** What stands before each attempt of a call: a place among those that run, and a quota that is not known to be used up. */
import type { Place } from '../account/index.js'
import { QuotaExceededError } from '../contract/index.js'
import { orAbort, shortHash } from '../lib/index.js'
import { AttemptFailure } from './attempt-failure.js'
import { modelOf, type Call } from './call.js'
import type { ProviderDeps } from './deps.js'

/** Nothing was sent, and the place may be another's by now: the call asks for one anew. */
export class PlaceLost extends Error {
  override readonly name = 'PlaceLost'
}

/** Names the waiter by a hash: it is read by all that share the places. */
export async function waitForPlace({ limiter }: ProviderDeps, call: Call, conversation: string): Promise<Place> {
  const startedMs = performance.now()
  const place = await limiter.acquire({ interactive: call.options.interactive, signal: call.signal, key: shortHash(conversation) })
  call.route.waited_ms = Math.round((call.route.waited_ms ?? 0) + performance.now() - startedMs)
  return place
}

/**
 * Once one agent has learned that a model's quota is gone, those that waited for a place don't ask it
 * too. Answers true for the one call that finds out after the reset whether the model serves again.
 */
export function refuseExhausted(deps: ProviderDeps, call: Call): boolean {
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
export async function ownsProbe(deps: ProviderDeps, call: Call): Promise<boolean> {
  const { quota } = deps
  const { slug } = call.model
  const claim = quota.claimProbe(slug)
  try {
    return (await orAbort(claim, call.signal)) || refuseExhausted(deps, call)
  } catch (error) {
    // The call is over before the claim was answered: the next one may make it.
    if (call.signal.aborted) void claim.then(() => quota.releaseProbe(slug))
    throw error
  }
}
