import { foldCase, matchesGlob } from './glob.js'

/** The tiers of one family, the cheapest first; a rung is the globs of its models. */
export type TierLadder = readonly (readonly string[])[]

/** Whether a model, or a glob of a matrix, belongs to the rung. A glob is found by its own text: `[` is no digit. */
export function liesOnRung(model: string, rung: readonly string[]): boolean {
  const folded = foldCase(model)
  return rung.some((glob) => foldCase(glob) === folded || matchesGlob(glob, folded))
}

/** The first rung that the model lies on; undefined off the ladder, which is neither the cheapest nor the dearest rung. */
export function rungOf(model: string, ladder: TierLadder | undefined): number | undefined {
  const found = ladder?.findIndex((rung) => liesOnRung(model, rung)) ?? -1
  return found < 0 ? undefined : found
}
