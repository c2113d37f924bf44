/** The seed of made-up cases: the same in every run, since one of its own would be a suite that fails by the hour. `TEST_SEED=$RANDOM` looks for more. */
export const SEED = Number(process.env['TEST_SEED'] ?? 20_261_121)

/** How many cases a property is held to: all with the long tests (TEST_LONG), a fifth of them otherwise. */
export function cases(most: number): number {
  return process.env['TEST_LONG'] === undefined ? Math.ceil(most / 5) : most
}
