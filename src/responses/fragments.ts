/** Joins text that arrives in pieces: linear in its length, and compact however small the pieces are. */
export interface Fragments {
  push(piece: string): void
  /** in UTF-16 code units */
  readonly length: number
  text(): string
}

/**
 * A short string costs 24 bytes or more whatever it holds, so a million small deltas kept apart
 * take ten times their text. Joined by the dozen they take little more than the text.
 */
const JOIN_EVERY = 32

export function createFragments(): Fragments {
  let joined: string[] = []
  let pieces: string[] = []
  let length = 0
  return {
    push(piece) {
      length += piece.length
      if (pieces.push(piece) < JOIN_EVERY) return
      joined.push(pieces.join(''))
      pieces = []
    },
    get length() {
      return length
    },
    text() {
      const text = joined.join('') + pieces.join('')
      joined = text === '' ? [] : [text]
      pieces = []
      return text
    },
  }
}
