import { hash, timingSafeEqual } from 'node:crypto'

/** A key that may ask; the key itself is not kept. */
export interface HttpKey {
  /** names the key in logs; of keys that the user named, the name */
  name: string
  /** a short hash: what is kept for one key is not another's */
  id: string
}

export interface StoredKey {
  name: string
  /** SHA-256 of the key, hex */
  sha256: string
  /** ISO 8601 */
  created_at: string
}

/** @returns the key that was given, or undefined */
export type FindKey = (given: string) => HttpKey | undefined

/** Keys are 32 random bytes, so one round of a fast hash hides them. */
export const hashKey = (key: string): string => hash('sha256', key, 'hex')

/** Looks through all keys, whichever fits, so that the time it takes says nothing. */
export function createKeyRing(keys: () => readonly StoredKey[]): FindKey {
  return (given) => {
    const shown = Buffer.from(hashKey(given), 'hex')
    let found: HttpKey | undefined
    for (const { name, sha256 } of keys()) {
      const wanted = Buffer.from(sha256, 'hex')
      if (wanted.length === shown.length && timingSafeEqual(wanted, shown)) found = { name, id: sha256.slice(0, 16) }
    }
    return found
  }
}
