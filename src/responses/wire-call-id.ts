import { shortHash } from '../lib/index.js'

const MAX_LENGTH = 64
const ALLOWED = /^[A-Za-z0-9_-]+$/

/** True where the API takes the id as it is: 1 to 64 letters, digits, underscores and dashes. */
export function isWireCallId(id: string): boolean {
  return id.length <= MAX_LENGTH && ALLOWED.test(id)
}

/** The ids of one conversation's tool calls, as they go on the wire. */
export interface WireCallIds {
  /**
   * The wire id of the n-th call with this id (from 0). One that the API would refuse, and every
   * repetition, becomes `call_` and a hash; the same question has the same answer, and no two
   * calls share one.
   */
  wireId(id: string, occurrence?: number): string
}

/** @param hash 16 hex digits by default; two ids with one hash are told apart all the same */
export function createWireCallIds(hash: (text: string) => string = shortHash): WireCallIds {
  const wireIds = new Map<string, string>()
  const taken = new Set<string>()
  const assign = (key: string, wireId: string): string => {
    wireIds.set(key, wireId)
    taken.add(wireId)
    return wireId
  }
  return {
    wireId(id, occurrence = 0) {
      const key = occurrence === 0 ? id : `${id}\u0000${occurrence}`
      const known = wireIds.get(key)
      if (known !== undefined) return known
      if (isWireCallId(key) && !taken.has(key)) return assign(key, key)
      for (let attempt = 0; ; attempt += 1) {
        const wireId = `call_${hash(attempt === 0 ? key : `${key}\u0000\u0000${attempt}`)}`
        if (!taken.has(wireId)) return assign(key, wireId)
      }
    },
  }
}
