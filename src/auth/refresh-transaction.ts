import { hostname } from 'node:os'
import { AuthenticationError, type LLMError } from '../contract/index.js'
import { isRecord, shortHash, type delay } from '../lib/index.js'
import { accountMismatch, mapExchangeError, mapLoadFault } from './auth-failures.js'
import { buildRecord } from './build-record.js'
import { assertBinding } from './assert-binding.js'
import { readClaims } from './claims.js'
import { judgeFreshness, mayNotRefreshUntil } from './freshness.js'
import { refuseStale } from './file-lock.js'
import { hideSecrets, registerTokens } from './hide-secrets.js'
import { describeReply, recoverRefresh } from './recover-refresh.js'
import { findWrongLane } from './stored-record.js'
import { ExchangeError, withExchangeRetry, type TokenReply } from './token-endpoint.js'
import { TokenStoreError, type StoredCredential, type StoreLock, type TokenStore } from './token-store.js'
import type { Lane } from './lane.js'
import type { Transport } from '../transport/transport.js'

export interface RefreshContext {
  lane: Lane
  store: TokenStore
  transport: Transport
  now: () => number
  random: () => number
  delay: typeof delay
  /** permanent failures by the refresh token's hash: such a token is never sent again */
  failures: Map<string, LLMError>
  /** access tokens a server refused, by hash */
  rejected: ReadonlySet<string>
  registerSecret: (secret: string | undefined) => void
  warn: (message: string) => void
}

export interface RefreshOutcome {
  record: StoredCredential
  how: 'adopted' | 'refreshed'
  /** Where the new record could not be saved: the refresh token that was consumed for it. */
  unsaved?: { consumed: string }
}

/**
 * The one way a token is refreshed: under the store's lock, read again and adopt what somebody else
 * has saved or was about to save, note that a refresh began, prove that the answer can be kept, exchange, keep the
 * answer as it came, save. Nobody's signal reaches into it: a cancelled exchange would burn the token. A process that
 * is killed before the answer has reached it loses the sign-in where the server takes a token once only.
 */
export async function refreshStored(context: RefreshContext): Promise<RefreshOutcome> {
  const { store } = context
  return store.withLock(async (lock) => {
    const held = await recoverRefresh(context, { held: await loadUsable(context), lock })
    if (!isRejected(context, held) && (await judgeFreshness(held, context.now())) === 'fresh') return { record: held, how: 'adopted' }
    refuseRefresh(context, held)
    const consumed = held.refresh_token ?? ''
    await store.save(noteBegin(held, context.now()), { lock })
    await store.proveWritable()
    await refuseStale(store.place, lock)
    let reply: TokenReply
    try {
      reply = await exchange(context, held)
    } catch (error) {
      return await settleFailure(context, { held, error, lock })
    }
    const next = await buildRecord({ lane: context.lane, reply, previous: held, nowMs: context.now() })
    if (next === undefined) throw new ExchangeError('the refresh brought no access token', { kind: 'transient' })
    registerTokens(context.registerSecret, next)
    return await saveRefreshed(context, { next, consumed, lock })
  })
}

/** What is stored, once it is certain that this lane may use it. @throws AuthenticationError, NetworkError */
export async function loadUsable(context: Pick<RefreshContext, 'store' | 'lane' | 'registerSecret'>): Promise<StoredCredential> {
  const found = await context.store.load()
  if (found.state !== 'present') throw mapLoadFault(found)
  const { record } = found
  // Our own stores have looked already; one of the host program's knows no lanes.
  const wrong = findWrongLane(record, { place: context.store.place, lane: context.lane.name, signIn: context.lane.signIn })
  if (wrong) throw mapLoadFault(wrong)
  registerTokens(context.registerSecret, record)
  await assertBinding(context.lane, record)
  return record
}

/** How long a save waits for a lock that was lost: a call waits with it, and can be served unsaved. */
const RELOCK_WAIT_MS = 3_000

/**
 * Saves what an exchange brought. The store decides: if it still holds the token we consumed, ours is the newer one.
 * Another sign-in may stand there although we hold the lock: other programs write the file without it.
 */
export async function saveRefreshed(
  context: Pick<RefreshContext, 'store' | 'warn' | 'delay'>,
  result: { next: StoredCredential; consumed: string; lock?: StoreLock },
): Promise<RefreshOutcome> {
  const { store } = context
  const { next, consumed } = result
  let { lock } = result
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (lock) return await reconcile(context, { next, consumed, lock })
      return await store.withLock((again) => reconcile(context, { next, consumed, lock: again }), { waitMs: RELOCK_WAIT_MS })
    } catch (error) {
      const code = error instanceof TokenStoreError ? error.code : undefined
      if (attempt === 3 || code === 'locked') {
        context.warn(`the refreshed sign-in could not be saved and lives in this process only: ${error instanceof Error ? error.message : String(error)}`)
        return { record: next, how: 'refreshed', unsaved: { consumed } }
      }
      if (code === 'stale_lock') lock = undefined
      else await context.delay(100 * attempt)
    }
  }
}

async function reconcile(
  context: Pick<RefreshContext, 'store'>,
  { next, consumed, lock }: { next: StoredCredential; consumed: string; lock: StoreLock },
): Promise<RefreshOutcome> {
  const found = await context.store.load()
  if (found.state === 'present' && found.record.refresh_token !== consumed) {
    await context.store.replyNote?.forget()
    return { record: found.record, how: 'adopted' }
  }
  await context.store.save(next, { lock })
  return { record: next, how: 'refreshed' }
}

function isRejected(context: RefreshContext, record: StoredCredential): boolean {
  return context.rejected.has(shortHash(record.access_token))
}

function refuseRefresh({ lane, failures, now }: RefreshContext, held: StoredCredential): void {
  if (lane.refresh === undefined || held.refresh_token == null || held.refresh_token === '') {
    const what = lane.name === 'api_key' ? 'the server refused the stored API key' : 'the access token is no longer good and there is no refresh token'
    throw new AuthenticationError(`${what}. Run ${lane.signIn}`, { code: lane.name === 'api_key' ? 'invalid_api_key' : 'no_refresh_token' })
  }
  const known = failures.get(shortHash(held.refresh_token))
  if (known) throw known
  const earliest = mayNotRefreshUntil(held, now())
  if (earliest !== undefined) {
    throw new AuthenticationError(
      `the server refused the access token, and refreshing it before ${new Date(earliest).toISOString()} would end the sign-in. ` +
      `Try again then, or run ${lane.signIn}`, { code: 'refresh_too_early', retry_after: (earliest - now()) / 1000 })
  }
}

/** What a later reader of a consumed token needs to name the cause. Saving it is the first proof that saving works. */
function noteBegin(held: StoredCredential, nowMs: number): StoredCredential {
  const token = shortHash(held.refresh_token ?? '')
  if (held.pending_refresh?.token === token) return held
  return hideSecrets({
    ...held,
    pending_refresh: { started_at: new Date(nowMs).toISOString(), token, pid: process.pid, host: hostname() },
  })
}

/** For every process that asks how the sign-in stands; the next sign-in or refresh that is saved takes it away. */
function noteRefusal(held: StoredCredential, { code, nowMs }: { code: string; nowMs: number }): StoredCredential {
  const begun = noteBegin(held, nowMs)
  return begun.pending_refresh === undefined ? begun : hideSecrets({ ...begun, pending_refresh: { ...begun.pending_refresh, refused: { code, at: new Date(nowMs).toISOString() } } })
}

/** Why a stored sign-in has ended, where the server has refused its refresh token for good; undefined where it has not. */
export function findRefusal(record: StoredCredential, { signIn }: Pick<Lane, 'signIn'>): string | undefined {
  const { pending_refresh: pending, refresh_token: token } = record
  if (!isRecord(pending) || !isRecord(pending.refused) || pending.token !== shortHash(token ?? '')) return undefined
  return `the sign-in has ended: the server refused for good to refresh it (${String(pending.refused.code)}, ${String(pending.refused.at)}). Run ${signIn}`
}

function exchange(context: RefreshContext, held: StoredCredential): Promise<TokenReply> {
  const { lane, transport, now, random, store } = context
  const consumed = held.refresh_token ?? ''
  return withExchangeRetry(
    async () => {
      if (lane.refresh === undefined) throw new ExchangeError('this lane has no refresh', { kind: 'permanent' })
      return lane.refresh(held, { transport, now, keep: (reply) => store.replyNote?.keep(describeReply(reply, { consumed, nowMs: now() })) })
    },
    { random, delay: context.delay },
  )
}

/** A stale failure never counts: what somebody else saved meanwhile is adopted. */
async function settleFailure(
  context: RefreshContext,
  { held, error, lock }: { held: StoredCredential; error: unknown; lock: StoreLock },
): Promise<RefreshOutcome> {
  const { store, now } = context
  if (!(error instanceof ExchangeError)) throw error
  const found = error.kind === 'permanent' ? await store.load() : undefined
  const isOurs = found?.state === 'present' && found.record.refresh_token === held.refresh_token
  if (found?.state === 'present' && !isOurs && !isRejected(context, found.record)) return { record: found.record, how: 'adopted' }
  const token = shortHash(held.refresh_token ?? '')
  const begun = held.pending_refresh?.token === token ? held.pending_refresh : undefined
  const pending = begun?.refused ? undefined : begun
  const failure = mapExchangeError(error, context.lane, pending)
  if (error.kind === 'permanent') {
    context.failures.set(token, failure)
    // Over nothing that somebody has saved meanwhile.
    if (isOurs) await store.save(noteRefusal(held, { code: error.code ?? 'refresh_refused', nowMs: now() }), { lock }).catch(() => undefined)
  }
  // The server has spoken and kept the token, or was never reached: there is nothing left to explain.
  else if (pending === undefined && error.certain) await context.store.save(held, { lock }).catch(() => undefined)
  throw failure
}

/** Two records of one account, as far as both say. @throws AccessDeniedError */
export async function assertSameAccount(lane: Lane, expected: StoredCredential, found: StoredCredential): Promise<void> {
  const before = await readClaims(expected)
  const after = await readClaims(found)
  const was = before.tokenAccountId ?? before.accountId
  const is = after.tokenAccountId ?? after.accountId
  if (was !== undefined && is !== undefined && was !== is) throw accountMismatch(was, is, lane)
}
