/** A limit that gives way at once and comes back slowly. */
export interface AdaptiveLimit {
  readonly value: number
  /** Halves, down to 1; what is refused within two seconds of a cut ran before it and cuts no further. */
  cut(): void
  /** Counts a success; after as many in a row as two rounds, and four at least, grows by one. @returns whether it grew */
  grow(): boolean
}

const SAME_MOMENT_MS = 2000
const LEAST_STREAK = 4

export function createAdaptiveLimit(most: number, now: () => number): AdaptiveLimit {
  let value = most
  let streak = 0
  let cutAtMs = Number.NEGATIVE_INFINITY
  return {
    get value() { return value },
    cut() {
      streak = 0
      if (now() - cutAtMs < SAME_MOMENT_MS) return
      cutAtMs = now()
      value = Math.max(1, Math.floor(value / 2))
    },
    grow() {
      if (value >= most || ++streak < Math.max(LEAST_STREAK, 2 * value)) return false
      streak = 0
      value++
      return true
    },
  }
}
