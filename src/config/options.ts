import type { JsonObject, LaneName } from '../contract/index.js'

export const TRANSPORTS = ['auto', 'sse', 'websocket'] as const
export const CONTINUATIONS = ['exact', 'lenient'] as const
/** How far `max_concurrency` reaches. */
export const CONCURRENCY_SCOPES = ['account', 'machine', 'process'] as const
export const TOKEN_STORES = ['file', 'keychain', 'memory', 'redis'] as const
/** `reference`: without what ours adds to the reference's rules. */
export const ROUTING_RULES = ['checked', 'reference'] as const
export const ADMISSIONS = ['off', 'forecast'] as const
export const SERVED_MODEL_POLICIES = ['accept', 'warn', 'fail'] as const

export type TransportChoice = (typeof TRANSPORTS)[number]
export type Continuation = (typeof CONTINUATIONS)[number]
export type TokenStoreKind = (typeof TOKEN_STORES)[number]
export type ServedModelPolicy = (typeof SERVED_MODEL_POLICIES)[number]

/** The mount config, decoded: defaults filled in, units in the names. `schemas/provider-config.schema.json` describes each. */
export interface ProviderOptions {
  readonly defaultModel: string
  /** from the mount config; ranks below the request's own */
  readonly reasoningEffort?: string
  /** from AMPLIFIER_CHATGPT_REASONING_EFFORT; ranks below {@link reasoningEffort} */
  readonly environmentEffort?: string
  readonly reasoningSummary: string
  readonly textVerbosity?: string
  /** as the wire says it: `priority` or `flex`; absent sends none */
  readonly serviceTier?: string
  readonly toolOutputMaxChars?: number
  /** without store, stream, input and model, which may not be set */
  readonly extraRequestParams: JsonObject
  readonly useStreaming: boolean
  readonly raw: boolean

  /** absent: no limit */
  readonly idleTimeoutMs?: number
  /** absent: no limit */
  readonly totalTimeoutMs?: number
  readonly connectTimeoutMs: number
  /** absent: no limit */
  readonly firstEventTimeoutMs?: number
  readonly maxRetries: number
  readonly maxContinuations: number
  readonly maxConcurrency: number
  readonly concurrencyScope: (typeof CONCURRENCY_SCOPES)[number]
  readonly transport: TransportChoice
  readonly warmUp: boolean
  readonly continuation: Continuation
  /** share of the model's window; absent: never */
  readonly compactAt?: number
  /** without a `/` at its end; the lane's own where none was set */
  readonly baseUrl: string
  /** without a `/` at its end */
  readonly issuer: string
  readonly clientId?: string
  /** absolute */
  readonly caFile?: string

  readonly lane: LaneName
  /** not enumerable, so that no dump of the options shows it; a spread loses it */
  readonly apiKey?: string
  readonly account?: string
  readonly loginOnMount: boolean
  readonly tokenStore: TokenStoreKind
  /** absolute; absent means the account's usual place */
  readonly tokenFilePath?: string
  /** absolute; absent: beside the credential file */
  readonly hostFilePath?: string
  readonly appName?: string
  /** not enumerable, since it may hold a password; a spread loses it */
  readonly redisUrl?: string
  /** plain redis:// beyond loopback is meant */
  readonly redisAllowPlaintext: boolean

  readonly modelsCacheTtlMs: number
  readonly modelsClientVersion: string
  readonly priority: number
  readonly matrix: string
  readonly routingOverrides?: JsonObject
  /** absolute */
  readonly customRoutingDirs: readonly string[]
  readonly strictRouting: boolean
  readonly routingRules: (typeof ROUTING_RULES)[number]
  readonly admission: (typeof ADMISSIONS)[number]
  readonly servedModelPolicy: ServedModelPolicy
  readonly usageTotals: boolean
  readonly telemetryContent: boolean
}
