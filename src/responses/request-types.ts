/** What a request is built from, and what it is once built. */
import type { ChatRequest, JsonObject, LaneName, ReasoningProvenance } from '../contract/index.js'
import type { ToolRepair } from './repair-tool-sequence.js'

/** The model a request goes to, and what it takes. */
export interface RequestModel {
  slug: string
  effort?: string
  /** `fast` reads `priority` */
  serviceTier?: string
  /** false leaves effort, summary and encrypted reasoning out */
  reasons: boolean
  supportsVerbosity: boolean
  supportsReasoningSummary: boolean
  acceptsImages: boolean
}

export interface BuildInput {
  request: ChatRequest
  model: RequestModel
  settings: {
    reasoningSummary?: string
    textVerbosity?: string
    /** in UTF-16 code units; absent or 0 means no limit */
    toolOutputMaxChars?: number
    extraRequestParams: JsonObject
  }
  lane: LaneName
  /** tokens from which on the server compacts within the answer; absent: not asked for */
  compactThreshold?: number
  /** the answer is to be a checkpoint of this history and nothing else */
  asCheckpoint?: boolean
  /** where this request goes: reasoning that came from elsewhere is not sent */
  provenance: ReasoningProvenance
  /** the conversation's name: its prompt cache key on the wire, and what the cache knows it by */
  cacheKey?: string
}

export interface BuiltRequest {
  /** every field but input */
  fields: JsonObject
  /** wire items, one canonical JSON text each */
  items: readonly string[]
  /** what was asked for and is not sent, by name */
  leftOut: readonly string[]
  /** what is sent otherwise than it was asked for, in words */
  changed: readonly string[]
  repairs: readonly ToolRepair[]
  /** reasoning blocks that could not be sent back here */
  droppedReasoning: number
  /** the members of `fields` as JSON text, valid as long as they still are `of` */
  fieldsText?: { of: JsonObject; text: string }
}
