/**
 * A short string costs 24 bytes or more whatever it holds, so a million small deltas kept apart
 * take ten times their text. Joined by the dozen they take little more than the text.
 */
const JOIN_EVERY = 32

/** Joins text that arrives in pieces: linear in its length, and compact however small the pieces are. */
export class TextBuffer {
  #joined: string[] = []
  #pieces: string[] = []

  get isEmpty(): boolean {
    return this.#pieces.length === 0 && this.#joined.length === 0
  }

  push(piece: string): void {
    if (this.#pieces.push(piece) < JOIN_EVERY) return
    this.#joined.push(this.#pieces.join(''))
    this.#pieces = []
  }

  text(): string {
    const text = this.#joined.join('') + this.#pieces.join('')
    this.set(text)
    return text
  }

  /** Holds this text alone. */
  set(text: string): void {
    this.#joined = text === '' ? [] : [text]
    this.#pieces = []
  }
}
