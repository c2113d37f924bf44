/** A model of the account, as the backend describes it. */
export interface CatalogModel {
  /** what a request names; a variant such as `-fast` is an entry of its own */
  readonly id: string
  /** the slug on the wire: the id, without the suffix for a variant */
  readonly slug: string
  readonly displayName: string
  /** tokens */
  readonly contextWindow: number
  /** tokens; what the account's plan could be raised to, where the backend says it */
  readonly maxContextWindow?: number
  /** tokens */
  readonly maxOutputTokens: number
  /** from the least to the most, as listed; empty for a model that does not reason */
  readonly efforts: readonly string[]
  readonly defaultEffort?: string
  readonly inputModalities: readonly string[]
  /** the tier's word of a variant, such as `fast`: same slug, another service tier */
  readonly speed?: string
  readonly supportsVerbosity: boolean
  readonly supportsReasoningSummary: boolean
  /** lowest is the backend's own default; as listed where the entry has none */
  readonly priority: number
  /** the model that replaces this one, where the backend announces it */
  readonly replacedBy?: string
}

/** Tokens; the backend names no limit of output, and the original module tells its hosts this one. */
export const MAX_OUTPUT_TOKENS = 128_000
/** Tokens; of an entry that doesn't say. The window of every model of the plan route in autumn 2026. */
export const DEFAULT_CONTEXT_WINDOW = 272_000
