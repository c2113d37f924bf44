import { hash, timingSafeEqual } from 'node:crypto'

/** A key that may ask; the key itself is not kept. */
export interface HttpKey {
  /** names the key in logs; of keys that the user named, the name */
  readonly name: string
  /** a short hash: what is kept for one key is not another's */
  readonly id: string
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

/** See {@link HttpKey.id}. */
export const idOf = ({ sha256 }: StoredKey): string => sha256.slice(0, 16)

/** Looks through all keys, whichever fits, so that the time it takes says nothing. */
export function createKeyRing(keys: () => readonly StoredKey[]): FindKey {
  const known = new WeakMap<StoredKey, Wanted>()
  const wantedOf = (key: StoredKey): Wanted => {
    const seen = known.get(key)
    if (seen) return seen
    const made = { bytes: Buffer.from(key.sha256, 'hex'), key: { name: key.name, id: idOf(key) } }
    known.set(key, made)
    return made
  }
  return (given) => {
    const shown = hash('sha256', given, 'buffer')
    let found: HttpKey | undefined
    for (const { bytes, key } of keys().map(wantedOf)) if (bytes.length === shown.length && timingSafeEqual(bytes, shown)) found = key
    return found
  }
}

interface Wanted {
  bytes: Buffer
  key: HttpKey
}
