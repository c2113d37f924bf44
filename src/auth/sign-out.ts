import { assertBinding } from './assert-binding.js'
import { readHostId } from './plan-record.js'
import { withExchangeRetry } from './token-endpoint.js'
import type { Lane } from './lane.js'
import type { StoreLock, TokenStore } from './token-store.js'
import type { Transport } from '../transport/transport.js'

export interface SignOutOptions {
  lane: Lane
  store: TokenStore
  transport: Transport
  now?: () => number
  signal?: AbortSignal
  /** `here`: the tokens go on, for a sign-in that was carried elsewhere; default `server` */
  end?: 'server' | 'here'
}

export interface SignOutResult {
  /** `nothing`: there was no sign-in, its tokens were to go on, or this lane's cannot be ended at the server */
  revoked: 'confirmed' | 'unconfirmed' | 'nothing'
  /** says what happened, and what to do where the server did not confirm */
  message: string
  /** copies that may still hold a token and were not removed: place and reason */
  left?: readonly string[]
}

/**
 * Ends the tokens at the server and forgets them here, in this order; they are forgotten also where
 * the server did not confirm, with every copy the store keeps beside them. A record that cannot be opened is forgotten
 * too. The plan lane keeps its client
 * and host id, which are no secrets.
 * @throws TokenStoreError where they could not be forgotten; AuthenticationError `origin_mismatch` where they are of another issuer than
 * the configured one, which is sent none of them: nothing is changed then
 */
export async function signOut(options: SignOutOptions): Promise<SignOutResult> {
  const { store } = options
  return store.withLock(async (lock) => {
    const result = await endSignIn(options, lock)
    const left = (await store.removeCopies?.({ lock })) ?? []
    if (left.length === 0) return result
    return { ...result, message: `${result.message}. Left behind, remove it where it is yours: ${left.join('; ')}`, left }
  })
}

async function endSignIn(options: SignOutOptions, lock: StoreLock): Promise<SignOutResult> {
  const { lane, store, transport } = options
  const now = options.now ?? Date.now
  const found = await store.load()
  if (found.state === 'missing') return { revoked: 'nothing', message: `nobody was signed in: ${store.place} does not exist` }
  let failure: string | undefined
  const isEnded = found.state === 'present' && lane.revoke !== undefined && options.end !== 'here'
  if (isEnded) {
    const { record } = found
    // Only the issuer is asked here.
    await assertBinding({ ...lane, baseUrl: lane.issuer }, record, 'logout --local forgets it here and ends nothing at the server')
    await withExchangeRetry(
      () => lane.revoke?.(record, { transport, now, ...(options.signal ? { signal: options.signal } : {}) }) ?? Promise.resolve(),
      { attempts: 2 },
    ).catch((error: unknown) => { failure = error instanceof Error ? error.message : String(error) })
  }
  const { client_id, issuer } = found.record ?? {}
  const hostId = readHostId(found.record ?? {})
  if (lane.name === 'plan' && client_id !== undefined) {
    await store.save({ auth_mode: lane.authMode, lane: lane.name, client_id, ...(hostId ? { ext_agent_host_id: hostId } : {}), ...(issuer ? { issuer } : {}) }, { lock })
  } else await store.clear({ lock })
  if (!isEnded) return { revoked: 'nothing', message: `${store.place} is forgotten${options.end === 'here' ? '; nothing was ended at the server' : ''}` }
  return failure === undefined
    ? { revoked: 'confirmed', message: 'signed out; the server has ended the tokens' }
    : { revoked: 'unconfirmed', message: `signed out here, and the server did not confirm that the tokens have ended: ${failure}. End the session in ChatGPT under Settings → Security` }
}
