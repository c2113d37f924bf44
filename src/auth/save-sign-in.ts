import { AuthenticationError } from '../contract/index.js'
import { defined } from '../lib/index.js'
import { accountMismatch, mapLoadFault } from './auth-failures.js'
import { buildRecord } from './build-record.js'
import { readClaims } from './claims.js'
import { registerTokens } from './hide-secrets.js'
import { identify } from './identify.js'
import type { SignIn } from './sign-in.js'
import type { Lane } from './lane.js'
import type { StoredCredential, StoredRecord, TokenStore } from './token-store.js'

export interface SaveSignInInput {
  lane: Lane
  store: TokenStore
  signIn: SignIn
  now?: () => number
  registerSecret?: (secret: string | undefined) => void
  /**
   * `pinned`: the new sign-in must be of the account and user that are stored, as for a named account.
   * Default `any`.
   */
  identity?: 'any' | 'pinned'
}

/**
 * Proves before a person is asked to sign in that the store will take what comes of it.
 * @throws AuthenticationError, NetworkError as a load of the same place
 */
export async function assertReplaceable(store: TokenStore): Promise<void> {
  const found = await store.load()
  if (found.state === 'unreadable' || found.state === 'wrong_lane') throw mapLoadFault(found)
}

/**
 * Saves a sign-in over what is stored; keys nobody knows stay. A sign-in that names no account where
 * the lane needs one is refused, and the one that is stored stays as it was.
 * @throws AuthenticationError, AccessDeniedError on another identity, TokenStoreError
 */
export async function saveSignIn(input: SaveSignInInput): Promise<StoredCredential> {
  const { lane, store, signIn, registerSecret } = input
  registerTokens(registerSecret, signIn.reply)
  return store.withLock(async (lock) => {
    const found = await store.load()
    const stored: StoredRecord = found.record ?? {}
    const fresh = await buildRecord({
      lane,
      reply: signIn.reply,
      previous: forgetSignIn(stored),
      nowMs: (input.now ?? Date.now)(),
      ...defined({ fields: signIn.fields }),
    })
    if (fresh === undefined) throw new AuthenticationError(`the sign-in brought no access token. Run ${lane.signIn} again`, { code: 'no_access_token' })
    const refusal = lane.refuse(await identify(lane, fresh))
    // A sign-in that may only identify is better than none, and worse than the one that is there.
    if (refusal !== undefined && (lane.name === 'codex' || found.state === 'present')) {
      throw new AuthenticationError(refusal, { code: lane.name === 'codex' ? 'missing_account_id' : 'missing_scope' })
    }
    if (input.identity === 'pinned' && found.state === 'present') await assertPinned(lane, found.record, fresh)
    await store.save(fresh, { lock })
    return fresh
  })
}

/** Everything that spoke of the account before; what is left are keys of others and this host's own name. */
function forgetSignIn(record: StoredRecord): StoredRecord {
  const {
    access_token: _a, refresh_token: _r, id_token: _i, account_id: _c, plan_type: _p, expires_at: _e, lane: _l, issuer: _s,
    base_url: _b, subject: _u, email: _m, last_refresh: _f, scope: _o, earliest_refresh_at: _t, pending_refresh: _d,
    auth_mode: _n, client_id: _k, scopes: _g, token_type: _y, saved_at: _v, ...rest
  } = record
  return rest
}

async function assertPinned(lane: Lane, stored: StoredCredential, fresh: StoredCredential): Promise<void> {
  const before = await readClaims(stored)
  const after = await readClaims(fresh)
  for (const key of ['accountId', 'subject'] as const) {
    const was = before[key]
    const is = after[key]
    if (was !== undefined && is !== undefined && was !== is) throw accountMismatch(was, is, lane)
  }
}
