/** What a provider is made of; the composition root hands the concrete parts in. */
import type { Lineage, NamedSession } from './name-conversation.js'
import type { Catalog, ConcurrencyLimiter, Quota, QuotaAdmission, WebSocketBlock } from '../account/index.js'
import type { CredentialSource } from '../auth/credential-source.js'
import type { CallObserver, Cancellation, CandidateVerdict, Hooks, JsonObject, Provider, RouteReceipt } from '../contract/index.js'
import type { Redactor } from '../lib/index.js'
import type { Transport } from '../transport/transport.js'

/** The options a provider reads, times in milliseconds. */
export interface ProviderSettings {
  baseUrl: string
  defaultModel: string
  raw: boolean
  useStreaming: boolean
  extraRequestParams: JsonObject
  /** absent: no limit */
  idleTimeoutMs?: number
  connectTimeoutMs: number
  /** absent: no limit */
  firstEventTimeoutMs?: number
  totalTimeoutMs?: number
  transport: 'auto' | 'sse' | 'websocket'
  /** whether a turn may go on from a response whose request had temporary messages that are gone */
  continuation: 'exact' | 'lenient'
  /** share of the model's window from which on a history is compacted; absent: never */
  compactAt?: number
  maxRetries: number
  maxContinuations: number
  reasoningEffort?: string
  environmentEffort?: string
  reasoningSummary?: string
  textVerbosity?: string
  /** as the wire says it: `priority` or `flex` */
  serviceTier?: string
  /** the host's: lower is asked first */
  priority?: number
  toolOutputMaxChars?: number
  servedModelPolicy: 'accept' | 'warn' | 'fail'
}

/** The chain of candidates for some roles, with where it was written. */
export interface ResolvedRoute extends Pick<RouteReceipt, 'role' | 'matrix' | 'file' | 'line' | 'origin' | 'clamp' | 'admission'> {
  candidates: CandidateVerdict[]
  /** the role keeps its model where a quota window runs short */
  essential?: true
  /** of the roles asked for, those that the matrix doesn't have */
  unknown_roles?: readonly { role: string; did_you_mean?: string }[]
}

/** `lower`: of tiers below the one that would serve; no candidate where there is none. */
export type RouteResolver = (roles: readonly string[], how?: { lower?: true }) => Promise<ResolvedRoute>

export interface ProviderDeps {
  /** the name it is mounted under by default, and the `provider` of its events */
  mountName: string
  /** in force now: read once by each call */
  readonly settings: ProviderSettings
  /** the mount's config as hosts see it; what they write is in `settings` from then on */
  config: Record<string, unknown>
  credentials: CredentialSource
  catalog: Catalog
  quota: Quota
  limiter: ConcurrencyLimiter
  webSocketBlock: WebSocketBlock
  transport: Transport
  hooks: Hooks
  sessionId: string
  /** the session whose id names its conversation, where the host's ids outlive the process */
  session?: NamedSession
  /** shared by the mounts of the process */
  lineage?: Lineage
  /** are told of every call while it runs */
  observers?: readonly CallObserver[]
  cancellation: Cancellation
  /** @throws ConfigurationError where no matrix is in force */
  resolveRoute: RouteResolver
  /** keeps a reserve of the quota windows for essential roles; absent: calls go as they are asked */
  admission?: QuotaAdmission
  /** another provider of the host, by its mounted name */
  findProvider: (mountedAs: string) => Provider | undefined
  userAgent: string
  redactor: Redactor
  warn: (message: string) => void
  now: () => number
  random: () => number
  delay: (ms: number, options: { signal?: AbortSignal }) => Promise<void>
}
