import type { ChatRequest, LaneName, ReasoningProvenance } from '../contract/index.js'
import { keepNewest, shortHash } from '../lib/index.js'
import { buildRequest, createConversationCache, findFirstDifference, type BuiltRequest } from '../responses/index.js'
import type { Call } from './call.js'

export interface RequestBuilder {
  build(call: Call, provenance: ReasoningProvenance): { built: BuiltRequest; conversation: string }
  /**
   * What differs from the conversation's request before, where it was not merely extended: the reason
   * of a broken prompt cache. Remembers this one for the next time.
   */
  compare(conversation: string, built: BuiltRequest): string | undefined
}

/** What fits a header and the backend's limit for a prompt cache key; any other id goes out as its hash. */
const PLAIN_KEY = /^[\w.:-]{1,64}$/

/** Conversations whose last request, and whose name, is remembered. */
const REMEMBERED = 32
/** A hash takes 15 µs in a program that has just begun; longer openings are rather hashed than kept. */
const REMEMBERED_OPENING_CHARS = 4096

/**
 * Builds requests with what earlier turns have built already.
 * @param warn told once for each field that the lane refuses or that is sent otherwise
 */
export function createRequestBuilder(warn: (message: string) => void): RequestBuilder {
  const cache = createConversationCache()
  const reported = new Set<string>()
  const isNews = (words: string): boolean => {
    if (reported.has(words)) return false
    reported.add(words)
    return true
  }
  const lastBuilt = new Map<string, BuiltRequest>()
  const conversationOf = createConversationNamer()

  return {
    build(call, provenance) {
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

/**
 * The conversation's own id; else a name made from what never changes in one: its first messages up
 * to the first user message. The same conversation has the same prompt cache key after a restart.
 */
function createConversationNamer(): (request: ChatRequest) => string {
  const names = new Map<string, string>()
  return (request) => {
    const { conversation_id: id } = request
    if (id) return PLAIN_KEY.test(id) ? id : `conv-${shortHash(id)}`
    const first = request.messages.findIndex((message) => message.role === 'user')
    const opening = JSON.stringify(request.messages.slice(0, first + 1).map((message) => message.content))
    const known = names.get(opening)
    if (known !== undefined) return known
    const name = `conv-${shortHash(opening)}`
    if (opening.length <= REMEMBERED_OPENING_CHARS) {
      if (names.size >= REMEMBERED) names.clear()
      names.set(opening, name)
    }
    return name
  }
}
