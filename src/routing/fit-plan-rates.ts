/** How far a window stood, and the tokens that had been counted until then, of one stretch between two resets. */
export interface WindowLevel {
  /** by model, three kinds each: uncached input, cached input, output */
  counts: readonly number[]
  used: number
  stretch: number
}

export interface RateFit {
  /** percent a token, in the order of `counts` */
  rates: readonly number[]
  /** of the rates' logarithms: how sure each is, and with which others it may be mistaken */
  covariance: readonly (readonly number[])[]
}

export const KINDS = 3
/** Where nothing says otherwise, cached input draws a tenth and output six times what input draws, as price lists have it. */
const USUAL_KINDS = [1, 0.1, 6]
/** What is believed before anything is read, as deviations of logarithms: of all rates together, a model's, a kind's, and of a single one. */
const WIDE = Math.log(100)
const OF_MODEL = Math.log(8)
const OF_KIND = Math.log(2)
/** Plans are taken to tell models apart by a factor, and little more. */
const OF_ONE = 0.1
const MOST_ROUNDS = 200
const SETTLED = 1e-7
const LONGEST_STEP = 0.5
/** Percent; below that figures are not told. */
const LEAST_NOISE = 1e-4
/** Readings that lie farther off than so many deviations count for less: somebody else's work, a late figure. */
const FAR = 2

/**
 * The likeliest rates, given what is usual: a Gauss–Newton fit of their logarithms, so that none is below zero. Tokens of all kinds
 * grow together, which leaves the rates of seldom used models to guesswork without the usual ones. Undefined without a rise.
 */
export function fitPlanRates(levels: readonly WindowLevel[], models: number): RateFit | undefined {
  const size = models * KINDS
  const centred = centre(levels, size)
  const usual = Array.from({ length: size }, (_, at) => USUAL_KINDS[at % KINDS] as number)
  const scale = usualScale(centred, usual)
  if (scale === undefined) return undefined
  const expected = usual.map((rate) => Math.log(rate * scale))
  const belief = invert(believe(size))
  let found = [...expected]
  let covariance: number[][] = []
  let noise = 0.5
  let weights = centred.map(() => 1)
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const rates = found.map(Math.exp)
    const errors = centred.map(({ counts, used }) => used - dot(counts, rates))
    const free = Math.max(1, centred.length - Math.min(size, centred.length / 2))
    noise = Math.max(LEAST_NOISE, Math.sqrt(errors.reduce((sum, error, at) => sum + (weights[at] as number) * error * error, 0) / free))
    weights = errors.map((error) => 1 / Math.max(1, Math.abs(error) / (FAR * noise)))
    const curve = belief.map((row) => [...row])
    const slope = belief.map((row) => -dot(row, found.map((value, at) => value - (expected[at] as number))))
    centred.forEach(({ counts }, at) => {
      const weight = (weights[at] as number) / (noise * noise)
      const change = counts.map((count, place) => count * (rates[place] as number))
      change.forEach((own, row) => {
        const line = curve[row] as number[]
        change.forEach((other, column) => { line[column] = (line[column] as number) + weight * own * other })
        slope[row] = (slope[row] as number) + weight * own * (errors[at] as number)
      })
    })
    covariance = invert(curve)
    const step = covariance.map((row) => Math.max(-LONGEST_STEP, Math.min(LONGEST_STEP, dot(row, slope))))
    found = found.map((value, at) => value + (step[at] as number))
    if (step.every((part) => Math.abs(part) < SETTLED)) break
  }
  return { rates: found.map(Math.exp), covariance }
}

/** Where a stretch began is not known: its mean is taken out. */
function centre(levels: readonly WindowLevel[], size: number): { counts: number[]; used: number }[] {
  const stretches = new Map<number, WindowLevel[]>()
  for (const level of levels) stretches.set(level.stretch, [...(stretches.get(level.stretch) ?? []), level])
  return [...stretches.values()].flatMap((stretch) => {
    const mean = (of: (level: WindowLevel) => number): number => stretch.reduce((sum, level) => sum + of(level), 0) / stretch.length
    const counts = Array.from({ length: size }, (_, at) => mean((level) => level.counts[at] ?? 0))
    const used = mean((level) => level.used)
    return stretch.map((level) => ({ counts: level.counts.map((count, at) => count - (counts[at] as number)), used: level.used - used }))
  })
}

/** What a token draws that weighs one: the slope of the window over weighed tokens. */
function usualScale(levels: readonly { counts: readonly number[]; used: number }[], usual: readonly number[]): number | undefined {
  const weighed = levels.map(({ counts }) => dot(counts, usual))
  const across = weighed.reduce((sum, weight, at) => sum + weight * (levels[at]?.used ?? 0), 0)
  const along = weighed.reduce((sum, weight) => sum + weight * weight, 0)
  return across > 0 && along > 0 ? across / along : undefined
}

function believe(size: number): number[][] {
  return Array.from({ length: size }, (_, row) => Array.from({ length: size }, (__, column) => WIDE ** 2
    + (Math.floor(row / KINDS) === Math.floor(column / KINDS) ? OF_MODEL ** 2 : 0)
    + (row % KINDS === column % KINDS ? OF_KIND ** 2 : 0)
    + (row === column ? OF_ONE ** 2 : 0)))
}

function dot(left: readonly number[], right: readonly number[]): number {
  let sum = 0
  for (let at = 0; at < left.length; at += 1) sum += (left[at] as number) * (right[at] as number)
  return sum
}

/** Of a symmetric matrix that is positive definite, by Gauss and Jordan. */
function invert(matrix: readonly (readonly number[])[]): number[][] {
  const rows = matrix.map((row, at) => [...row, ...row.map((_, column) => (column === at ? 1 : 0))])
  rows.forEach((pivot, at) => {
    const lead = pivot[at] as number
    for (let column = 0; column < pivot.length; column += 1) pivot[column] = (pivot[column] as number) / lead
    rows.forEach((row, other) => {
      const factor = row[at] as number
      if (other === at || factor === 0) return
      for (let column = 0; column < row.length; column += 1) row[column] = (row[column] as number) - factor * (pivot[column] as number)
    })
  })
  return rows.map((row) => row.slice(matrix.length))
}
