/** What calls drew, as far as this process saw it: in minutes, for as long as a week's window looks back. */
export interface DrawHistory {
  /** A call ended. @param weight what it would have drawn as it was asked for, see `drawWeight` */
  add(draw: { weight: number; essential: boolean }): void
  /** Since when draws are counted, at most `spanMs` back. */
  sinceMs(spanMs: number): number
  /** What was drawn in the last `spanMs`. */
  sum(spanMs: number): DrawSum
}

export interface DrawSum {
  essential: number
  /** of the squares, for how much a sum of such calls varies */
  essentialSquares: number
  others: number
  otherCalls: number
  /** the largest single essential call */
  largestEssential: number
}

const BIN_MS = 60_000
/** A day and a half: a fifth of a week. */
const MOST_BINS = 2_100

/** @param now ms since 1970 */
export function createDrawHistory(now: () => number): DrawHistory {
  const startedMs = now()
  const bins: (DrawSum & { atMs: number })[] = []
  return {
    add({ weight, essential }) {
      const atMs = Math.floor(now() / BIN_MS) * BIN_MS
      let bin = bins.at(-1)
      if (bin === undefined || bin.atMs < atMs) {
        bin = { atMs, ...NOTHING }
        bins.push(bin)
        if (bins.length > MOST_BINS) bins.splice(0, bins.length - MOST_BINS)
      }
      if (essential) {
        bin.essential += weight
        bin.essentialSquares += weight * weight
        bin.largestEssential = Math.max(bin.largestEssential, weight)
      } else {
        bin.others += weight
        bin.otherCalls += 1
      }
    },
    sinceMs: (spanMs) => Math.max(startedMs, now() - spanMs),
    sum(spanMs) {
      const fromMs = now() - spanMs
      const sum = { ...NOTHING }
      for (let place = bins.length - 1; place >= 0 && bins[place]!.atMs >= fromMs - BIN_MS; place -= 1) {
        const bin = bins[place]!
        sum.essential += bin.essential
        sum.essentialSquares += bin.essentialSquares
        sum.others += bin.others
        sum.otherCalls += bin.otherCalls
        sum.largestEssential = Math.max(sum.largestEssential, bin.largestEssential)
      }
      return sum
    },
  }
}

const NOTHING: DrawSum = { essential: 0, essentialSquares: 0, others: 0, otherCalls: 0, largestEssential: 0 }
