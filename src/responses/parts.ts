/**
 * The parts of one item, in the order they came. Nearly every item has a single one, and a Map for it takes 180 bytes
 * that each waiting answer would hold.
 */
export class Parts<Part> {
  #key: number | string | undefined
  #only: Part | undefined
  #all: Map<number | string, Part> | undefined

  get size(): number {
    return this.#all?.size ?? (this.#only ? 1 : 0)
  }

  get(key: number | string): Part | undefined {
    if (this.#all) return this.#all.get(key)
    return key === this.#key ? this.#only : undefined
  }

  /** @param key of no part that is here */
  add(key: number | string, part: Part): void {
    if (this.#only === undefined && this.#all === undefined) {
      this.#key = key
      this.#only = part
      return
    }
    this.#all ??= new Map(this.#only && this.#key !== undefined ? [[this.#key, this.#only]] : [])
    this.#all.set(key, part)
  }

  values(): Iterable<Part> {
    return this.#all?.values() ?? (this.#only ? [this.#only] : [])
  }

  clear(): void {
    this.#key = undefined
    this.#only = undefined
    this.#all = undefined
  }
}
