/**
 * A short string costs 24 bytes or more whatever it holds, so a million small deltas kept apart
 * take ten times their text. Joined by the dozen they take little more than the text.
 */
const JOIN_EVERY = 32

/** Joins text that arrives in pieces: linear in its length, and compact however small the pieces are. */
export class Fragments {
  #joined: string[] = []
  #pieces: string[] = []
  #length = 0

  /** in UTF-16 code units */
  get length(): number {
    return this.#length
  }

  push(piece: string): void {
    this.#length += piece.length
    if (this.#pieces.push(piece) < JOIN_EVERY) return
    this.#joined.push(this.#pieces.join(''))
    this.#pieces = []
  }

  text(): string {
    const text = this.#joined.join('') + this.#pieces.join('')
    this.#joined = text === '' ? [] : [text]
    this.#pieces = []
    return text
  }
}
