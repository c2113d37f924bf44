/** One call: what stays the same over its attempts, and what they learn on the way. */
import type { CallOptions, ChatRequest, ChatResponse, Degradation, LLMError, RouteReceipt } from '../contract/index.js'
import type { ModelChoice } from './choose-model.js'
import type { ProviderSettings } from './deps.js'

/** How a run ended; it never throws. */
export type Outcome = { response: ChatResponse; error?: undefined } | { response?: undefined; error: LLMError }

/**
 * Hands a batch on; resolves when the next one is wanted, and is undefined where that is so already.
 * The producer waits for it, so a slow reader is a slow producer.
 */
export type Deliver<Item> = (batch: readonly Item[]) => Promise<void> | undefined

/** Retries left beyond each candidate's own first attempt; shared along a chain so that attempts never multiply. */
export interface RetryBudget {
  left: number
  readonly max: number
}

/** What is known of a call before anything was asked of anybody. */
export interface CallHead {
  readonly request: ChatRequest
  readonly options: CallOptions
  /** as the caller or the mount config named the model */
  readonly requestedModel: string
  readonly settings: ProviderSettings
  readonly signal: AbortSignal
  readonly budget: RetryBudget
  /** another candidate could take over: nobody waits out an overload or asks an exhausted model */
  readonly hasAlternative: boolean
  /** part of a chain: a model known to be exhausted is not asked */
  readonly delegated: boolean
  readonly degradation?: Degradation | undefined
  readonly route: RouteReceipt & { transport: 'sse' | 'websocket' }
}

export interface Call extends CallHead {
  readonly model: ModelChoice
  /** the last attempt sent reasoning that the server could not decrypt: leave it out */
  dropReasoning: boolean
  /** one message was too large for a WebSocket: this call stays on HTTP */
  httpOnly: boolean
  /** the running request has shown output */
  outputSeen: boolean
  /** a part of the answer has been shown whole: no other candidate takes over any more */
  continuing: boolean
  /** waits announced so far, over all requests of the call */
  retries: number
}
