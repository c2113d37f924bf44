/**
 * The credentials' interface.
 *
 * auth/ owns sign-in, refresh and the places credentials are kept; it knows OAuth, files and locks.
 * It refuses to know models, chat and hooks.
 */
import type { Billing, LaneName } from '../contract/index.js'
import type { SignIn } from './sign-in.js'
import type { LoadResult } from './token-store.js'

export interface Credential {
  lane: LaneName
  /** the bearer; not enumerable in what this room hands out, so no log prints it */
  accessToken: string
  accountId?: string
  planType?: string
  /** the user's id at the issuer */
  subject?: string
  email?: string
  /** ms since 1970 */
  expiresAtMs?: number
  /** a short hash that names the account in state files, provenance and logs without showing it */
  accountKey: string
  /** the account lives in the issuer's government cloud; calls say so in a header */
  fedramp?: boolean
  /** what the sign-in was granted, where the token reply said it */
  scope?: string
  /** plan lane: the sign-in may use the plan, not only identify */
  planEnabled?: boolean
}

export interface CredentialSource {
  readonly lane: LaneName
  readonly billing: Billing
  /** the command that signs in to this lane and account, for messages */
  readonly signIn: string
  /** What `current()` would answer without a wait; undefined where it would look into the store or refresh. */
  held(): Credential | undefined
  /** The credential in force, refreshed ahead of its expiry. @throws AuthenticationError, NetworkError */
  current(options?: { signal?: AbortSignal }): Promise<Credential>
  /**
   * The server refused `rejectedAccessToken`: refreshes only if that is still the one in the store,
   * else answers the newer one. @throws AuthenticationError with the command to run
   */
  replace(rejectedAccessToken: string, options?: { signal?: AbortSignal }): Promise<Credential>
  /** What is known without a call to anybody; undefined where nobody is signed in. */
  peek(): Promise<Credential | undefined>
  /** Why what the store holds will never be refreshed again; undefined where nothing says so. Calls nobody; never throws. */
  refusal(): Promise<string | undefined>
  /** The headers that identify a call: Authorization, and the account where the lane names it. */
  headers(credential: Credential): Record<string, string>
  close(): Promise<void>
}

/** What a mount and the command line have: the credential's state and its sign-in beside it. */
export interface ManagedCredentialSource extends CredentialSource {
  readonly baseUrl: string
  /** What the store holds, for status and doctor; never throws for its state. */
  state(): Promise<LoadResult>
  /** Saves a new sign-in and serves it from now on. @throws AuthenticationError where it cannot be kept */
  accept(signIn: SignIn): Promise<Credential>
}
