import type { JsonObject } from '../contract/index.js'
import { keepNewest } from '../lib/index.js'

/** A conversation has hundreds of calls at most; a sidecar serves many conversations. */
const MAX_CALLS = 10_000

/**
 * In which order the arguments of each call stand. The Rust kernel holds them in a hash map, so they come back in another
 * order with every request: a continued turn would go out whole again, and the prompt cache end at the first of them.
 */
export interface CallOrder {
  /** The arguments of a call, in the order in which they were first seen. */
  keep(id: string, input: JsonObject): JsonObject
}

/** Remembers the newest {@link MAX_CALLS} calls. */
export function createCallOrder(): CallOrder {
  const orders = new Map<string, readonly string[]>()
  return {
    keep(id, input) {
      const keys = Object.keys(input)
      if (keys.length < 2) return input
      const known = orders.get(id)
      const isKnown = known?.length === keys.length && known.every((key) => Object.hasOwn(input, key))
      keepNewest(orders, id, isKnown ? known : keys, MAX_CALLS)
      return isKnown ? Object.fromEntries(known.map((key) => [key, input[key]])) : input
    },
  }
}
