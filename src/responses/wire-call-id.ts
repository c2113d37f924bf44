import { shortHash } from '../lib/index.js'

const MAX_LENGTH = 64
const ALLOWED = /^[A-Za-z0-9_-]+$/

/** True where the API takes the id as it is: 1 to 64 letters, digits, underscores and dashes. */
export function isWireCallId(id: string): boolean {
  return id.length <= MAX_LENGTH && ALLOWED.test(id)
}

/** The ids of one conversation's tool calls, as they go on the wire. */
export class WireCallIds {
  readonly #wireIds = new Map<string, string>()
  readonly #taken = new Set<string>()

  /** @param hash 16 hex digits by default; two ids with one hash are told apart all the same */
  constructor(private readonly hash: (text: string) => string = shortHash) {}

  /**
   * The wire id of the n-th call with this id (from 0). One that the API would refuse, and every
   * repetition, becomes `call_` and a hash; the same question has the same answer, and no two
   * calls share one.
   */
  wireId(id: string, occurrence = 0): string {
    const key = occurrence === 0 ? id : `${id}\u0000${occurrence}`
    const known = this.#wireIds.get(key)
    if (known !== undefined) return known
    if (isWireCallId(key) && !this.#taken.has(key)) return this.#assign(key, key)
    for (let attempt = 0; ; attempt += 1) {
      const wireId = `call_${this.hash(attempt === 0 ? key : `${key}\u0000\u0000${attempt}`)}`
      if (!this.#taken.has(wireId)) return this.#assign(key, wireId)
    }
  }

  #assign(key: string, wireId: string): string {
    this.#wireIds.set(key, wireId)
    this.#taken.add(wireId)
    return wireId
  }
}
