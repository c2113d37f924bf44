import type { Credential } from '../auth/credential-source.js'
import type { ChatRequest, JsonObject, LaneName, ReasoningProvenance } from '../contract/index.js'
import { keepNewest } from '../lib/index.js'
import { buildRequest, ConversationCache, findFirstDifference, type BuiltRequest } from '../responses/index.js'
import type { Call } from './call.js'
import type { ModelChoice } from './choose-model.js'

/** What must be told apart in reasoning that comes back: who thought it, where, and with which kind of model. */
export function provenanceOf({ accountKey, lane }: Credential, { family }: ModelChoice): ReasoningProvenance {
  return { account: accountKey, lane, model_family: family }
}

/** Conversations whose last request is remembered. */
const REMEMBERED = 32

/** Builds requests with what earlier turns have built already. */
export class RequestBuilder {
  readonly #cache = new ConversationCache()
  readonly #reported = new Set<string>()
  readonly #lastBuilt = new Map<string, BuiltRequest>()

  /**
   * @param warn told once for each field that the lane refuses or that is sent otherwise
   * @param nameOf names the conversation of a request
   */
  constructor(private readonly warn: (message: string) => void, readonly nameOf: (request: ChatRequest) => string) {}

  /** From now on a checkpoint goes in place of the first `count` messages of the conversation, for as long as they stay. */
  keepCheckpoint(conversation: string, item: JsonObject, count: number): void {
    this.#cache.recall(conversation).keepCheckpoint(item, count)
  }

  /** How many of the conversation's first messages a checkpoint stands for. */
  covered(conversation: string): number {
    return this.#cache.recall(conversation).covered
  }

  /** @param compactThreshold tokens from which on the server is asked to compact within the answer; absent: never */
  build(call: Call, provenance: ReasoningProvenance, compactThreshold?: number): { built: BuiltRequest; conversation: string } {
    const { request, model, settings } = call
    const conversation = this.nameOf(request)
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
    }, call.dropReasoning ? undefined : this.#cache)
    const leftOut = built.leftOut.filter((words) => this.#isNews(words))
    if (leftOut.length > 0) this.warn(`the ${provenance.lane} lane takes no ${leftOut.join(', ')}: left out of every request of this mount`)
    for (const words of built.changed) if (this.#isNews(words)) this.warn(words)
    return { built, conversation }
  }

  /**
   * What differs from the conversation's request before, where it was not merely extended: the reason
   * of a broken prompt cache. Remembers this one for the next time.
   */
  compare(conversation: string, built: BuiltRequest): string | undefined {
    const before = this.#lastBuilt.get(conversation)
    keepNewest(this.#lastBuilt, conversation, built, REMEMBERED)
    return before && findFirstDifference(before, built)
  }

  #isNews(words: string): boolean {
    if (this.#reported.has(words)) return false
    this.#reported.add(words)
    return true
  }
}
