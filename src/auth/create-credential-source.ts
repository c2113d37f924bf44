import { AbortError, AuthenticationError, type LLMError } from '../contract/index.js'
import { addNewest, delay as realDelay, orAbort, shortHash } from '../lib/index.js'
import { createApiKeySource } from './api-key-source.js'
import { mapAuthFailure } from './auth-failures.js'
import { createCredentialSelector, type Held } from './select-credential.js'
import { identify } from './identify.js'
import { assertSameAccount, findRefusal, refreshStored, type RefreshContext, type RefreshOutcome } from './refresh-transaction.js'
import { saveSignIn } from './save-sign-in.js'
import type { Credential, ManagedCredentialSource } from './credential-source.js'
import type { Lane } from './lane.js'
import type { StoredCredential, TokenStore } from './token-store.js'
import type { Transport } from '../transport/transport.js'

/** What mounts of one process share, so that they refresh once for all of them. */
export interface RefreshShared {
  /** the refresh in flight, by store */
  flights: Map<string, Promise<RefreshOutcome>>
  /** permanent failures, by the hash of the refresh token */
  failures: Map<string, LLMError>
}

export interface CredentialSourceDeps {
  lane: Lane
  store: TokenStore
  transport: Transport
  now?: () => number
  random?: () => number
  delay?: typeof realDelay
  /** tells the user what may need their attention; no token is ever in it */
  warn?: (message: string) => void
  /** every live token passes here, so that a redactor knows it */
  registerSecret?: (secret: string | undefined) => void
  /** default: of this source alone */
  shared?: RefreshShared
  /** How long a refresh ahead of expiry may keep a call waiting whose token still serves. Default 5,000 ms. */
  aheadWaitMs?: number
}

const MAX_REJECTED = 64

export function createRefreshShared(): RefreshShared {
  return { flights: new Map(), failures: new Map() }
}

/**
 * The credential of one mount: what is in memory, else what the store holds, else a refresh, of which
 * there is one at a time for a store in this process and among all that share the store.
 */
export function createCredentialSource(deps: CredentialSourceDeps): ManagedCredentialSource {
  if (deps.lane.apiKey !== undefined) return createApiKeySource(deps.lane, deps.registerSecret)
  return createStoredSource(deps)
}

function createStoredSource(deps: CredentialSourceDeps): ManagedCredentialSource {
  const { lane, store } = deps
  const shared = deps.shared ?? createRefreshShared()
  const rejected = new Set<string>()
  const held: Held = {}
  const context = buildContext(deps, shared, rejected)
  const keep = async (record: StoredCredential): Promise<StoredCredential> => {
    if (held.record && held.record.access_token !== record.access_token) await assertSameAccount(lane, held.record, record)
    held.record = record
    return record
  }
  const refresh = createFlight(context, shared, held)
  const chooser = createCredentialSelector({ context, held, keep, refresh, aheadWaitMs: deps.aheadWaitMs ?? 5000 })
  const identifyOnce = createIdentifier(lane)
  const { serve, serveAgain } = createServing(lane, identifyOnce, chooser.serves)
  return {
    lane: lane.name,
    billing: lane.billing,
    baseUrl: lane.baseUrl,
    signIn: lane.signIn,
    held: serveAgain,
    current: async (options) => (options?.signal?.aborted ? undefined : serveAgain()) ?? serve(chooser.current, options?.signal),
    replace(refused, options) {
      addNewest(rejected, shortHash(refused), MAX_REJECTED)
      return serve(chooser.replace, options?.signal)
    },
    async peek() {
      if (held.record) return identifyOnce(held.record)
      const found = await store.load()
      return found.state === 'present' ? identifyOnce(found.record) : undefined
    },
    async refusal() {
      const found = await store.load()
      return found.state === 'present' ? findRefusal(found.record, lane) : undefined
    },
    headers: createHeaderWriter(lane),
    state: () => store.load(),
    async accept(signIn) {
      try {
        const record = await saveSignIn({ lane, store, signIn, now: context.now, registerSecret: context.registerSecret })
        held.record = record
        delete held.unsaved
        return await identifyOnce(record)
      } catch (error) {
        throw mapAuthFailure(error, lane)
      }
    },
    async close() {
      // A refresh cut off here would spend the token and lose the answer.
      await shared.flights.get(flightKey(store))?.catch(() => undefined)
    },
  }
}

/** Written once for the credential that serves: every request that waits holds its headers, and a bearer alone may be 2 KB. */
function createHeaderWriter(lane: Lane): ManagedCredentialSource['headers'] {
  let last: { credential: Credential; headers: Record<string, string> } | undefined
  return (credential) => {
    if (last?.credential !== credential) last = { credential, headers: lane.headers(credential) }
    return { ...last.headers }
  }
}

/**
 * From a record to the credential of a call. `serveAgain` answers what was served last at once, where it still
 * serves: with its waits and its listener the whole way took 30 µs of each call.
 */
function createServing(
  lane: Lane, identifyOnce: (record: StoredCredential) => Promise<Credential>,
  serves: (record: StoredCredential, expiresAtMs: number | undefined) => boolean,
) {
  let last: { record: StoredCredential; credential: Credential } | undefined
  return {
    serveAgain: (): Credential | undefined =>
      last && serves(last.record, last.credential.expiresAtMs) ? last.credential : undefined,
    async serve(work: () => Promise<StoredCredential>, signal?: AbortSignal): Promise<Credential> {
      try {
        if (signal?.aborted) throw cancelled(signal)
        const record = await (signal ? orAbort(work(), signal) : work())
        const credential = await identifyOnce(record)
        const refusal = lane.refuse(credential)
        if (refusal !== undefined) throw new AuthenticationError(refusal, { code: credential.accountId === undefined ? 'missing_account_id' : 'missing_scope' })
        last = { record, credential }
        return credential
      } catch (error) {
        throw signal?.aborted && error === signal.reason ? cancelled(signal) : mapAuthFailure(error, lane)
      }
    },
  }
}

/** The caller goes; the work goes on for the others who wait for it. */
function cancelled(signal: AbortSignal): AbortError {
  return new AbortError('cancelled while waiting for the sign-in', { cause: signal.reason })
}

/** Reading the tokens' claims is done once for a record. */
function createIdentifier(lane: Lane): (record: StoredCredential) => Promise<Credential> {
  const known = new WeakMap<StoredCredential, Promise<Credential>>()
  return (record) => {
    const credential = known.get(record) ?? identify(lane, record)
    known.set(record, credential)
    return credential
  }
}

function buildContext(deps: CredentialSourceDeps, shared: RefreshShared, rejected: ReadonlySet<string>): RefreshContext {
  return {
    lane: deps.lane,
    store: deps.store,
    transport: deps.transport,
    rejected,
    failures: shared.failures,
    now: deps.now ?? Date.now,
    random: deps.random ?? Math.random,
    delay: deps.delay ?? realDelay,
    registerSecret: deps.registerSecret ?? (() => undefined),
    warn: deps.warn ?? (() => undefined),
  }
}

/** One refresh at a time for a store in this process; one that began before we knew a token is refused is followed by another. */
function createFlight(context: RefreshContext, shared: RefreshShared, held: Held): () => Promise<StoredCredential> {
  const key = flightKey(context.store)
  const fly = (): Promise<RefreshOutcome> => {
    const running = shared.flights.get(key)
    if (running) return running
    const flight = refreshStored(context).finally(() => shared.flights.delete(key))
    shared.flights.set(key, flight)
    return flight
  }
  return async () => {
    let outcome = await fly()
    if (context.rejected.has(shortHash(outcome.record.access_token))) outcome = await fly()
    if (context.rejected.has(shortHash(outcome.record.access_token))) {
      throw new AuthenticationError(`the server refuses the access token also after a refresh. Run ${context.lane.signIn}`, { code: 'refused_after_refresh' })
    }
    if (outcome.unsaved) {
      held.unsaved = outcome.unsaved
      // The store still holds the token that was consumed by it: sending that again would end the sign-in.
      shared.failures.set(shortHash(outcome.unsaved.consumed), new AuthenticationError(
        `the refreshed sign-in could not be saved to ${context.store.place}, which still holds one that is spent. Make it writable, then run ${context.lane.signIn}`,
        { code: 'refresh_not_saved' }))
    }
    return outcome.record
  }
}

function flightKey(store: TokenStore): string {
  return `${store.kind} ${store.place}`
}
