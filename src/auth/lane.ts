import type { Billing, LaneName } from '../contract/index.js'
import type { Transport } from '../transport/transport.js'
import type { Credential } from './credential-source.js'
import type { StoredCredential, StoredRecord } from './token-store.js'
import type { TokenCall, TokenReply } from './token-endpoint.js'

/** A way to be let in. Lanes are never mixed, and work never moves from one to another by itself. */
export interface Lane {
  readonly name: LaneName
  /** declared, never inferred */
  readonly billing: Billing
  /** the `auth_mode` of its records */
  readonly authMode: string
  readonly issuer: string
  readonly clientId: string
  /** where its calls go */
  readonly baseUrl: string
  /** the command that signs in, for messages */
  readonly signIn: string
  /** api_key lane: the configured key */
  readonly apiKey?: string
  /** Why this credential may not be used for calls, undefined where it may. */
  refuse(credential: Credential): string | undefined
  headers(credential: Credential): Record<string, string>
  /** One exchange of the refresh token. Absent where the lane has none. @throws ExchangeError */
  refresh?(record: StoredCredential, context: LaneContext): Promise<TokenReply>
  /** Ends the tokens at the server. @throws ExchangeError where it did not confirm */
  revoke?(record: StoredRecord, context: LaneContext): Promise<void>
}

export interface LaneContext {
  transport: Transport
  now: () => number
  signal?: AbortSignal
  /** Gets the answer of an exchange the moment it is whole. */
  keep?: TokenCall['keep']
}

export interface LaneConfig {
  /** default `https://auth.openai.com` */
  issuer?: string
  /** default: the lane's own */
  clientId?: string
  /** default: the lane's own */
  baseUrl?: string
  /** api_key lane: the configured key */
  apiKey?: string
  /** a named account, so that messages name the right command */
  account?: string
  /** where the sign-in is kept, where that is not the default; for the same */
  tokenFile?: string
}
