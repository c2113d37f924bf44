import type { Credential } from '../auth/credential-source.js'
import type { ChatRequest, JsonObject, LaneName, ReasoningProvenance } from '../contract/index.js'
import { keepNewest } from '../lib/index.js'
import { buildRequest, createConversationCache, findFirstDifference, type BuiltRequest } from '../responses/index.js'
import type { Call } from './call.js'
import type { ModelChoice } from './choose-model.js'
import { createConversationNamer } from './name-conversation.js'

/** What must be told apart in reasoning that comes back: who thought it, where, and with which kind of model. */
export function provenanceOf({ accountKey, lane }: Credential, { family }: ModelChoice): ReasoningProvenance {
  return { account: accountKey, lane, model_family: family }
}

export interface RequestBuilder {
  /** The name of a request's conversation. */
  nameOf(request: ChatRequest): string
  /** From now on a checkpoint goes in place of the first `count` messages of the conversation, for as long as they stay. */
  keepCheckpoint(conversation: string, item: JsonObject, count: number): void
  /** How many of the conversation's first messages a checkpoint stands for. */
  covered(conversation: string): number
  /** @param compactThreshold tokens from which on the server is asked to compact within the answer; absent: never */
  build(call: Call, provenance: ReasoningProvenance, compactThreshold?: number): { built: BuiltRequest; conversation: string }
  /**
   * What differs from the conversation's request before, where it was not merely extended: the reason
   * of a broken prompt cache. Remembers this one for the next time.
   */
  compare(conversation: string, built: BuiltRequest): string | undefined
}

/** Conversations whose last request is remembered. */
const REMEMBERED = 32

/**
 * Builds requests with what earlier turns have built already.
 * @param conversationOf names the conversation of a request
 * @param warn told once for each field that the lane refuses or that is sent otherwise
 */
export function createRequestBuilder(warn: (message: string) => void, conversationOf = createConversationNamer()): RequestBuilder {
  const cache = createConversationCache()
  const reported = new Set<string>()
  const isNews = (words: string): boolean => {
    if (reported.has(words)) return false
    reported.add(words)
    return true
  }
  const lastBuilt = new Map<string, BuiltRequest>()

  return {
    nameOf: conversationOf,
    keepCheckpoint: (conversation, item, count) => cache.recall(conversation).keepCheckpoint(item, count),
    covered: (conversation) => cache.recall(conversation).covered,
    build(call, provenance, compactThreshold) {
      const { request, model, settings } = call
      const conversation = conversationOf(request)
      const built = buildRequest({
        request,
        model,
        settings,
        lane: provenance.lane as LaneName,
        // No item's provenance matches an empty account: all encrypted reasoning stays behind.
        provenance: call.dropReasoning ? { ...provenance, account: '' } : provenance,
        cacheKey: conversation,
        asCheckpoint: call.asCheckpoint,
        ...(compactThreshold === undefined || call.asCheckpoint ? {} : { compactThreshold }),
      }, call.dropReasoning ? undefined : cache)
      const leftOut = built.leftOut.filter(isNews)
      if (leftOut.length > 0) warn(`the ${provenance.lane} lane takes no ${leftOut.join(', ')}: left out of every request of this mount`)
      for (const words of built.changed.filter(isNews)) warn(words)
      return { built, conversation }
    },
    compare(conversation, built) {
      const before = lastBuilt.get(conversation)
      keepNewest(lastBuilt, conversation, built, REMEMBERED)
      return before && findFirstDifference(before, built)
    },
  }
}
