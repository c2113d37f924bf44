/** What may still be read of documents that belong together, such as a bundle and all that it includes. Reading takes from it. */
export interface Budget {
  /** words and signs of YAML, signs of TOML */
  values: number
  /** of files, whatever is in them */
  bytes: number
  /** of folders, that globs are held against */
  entries: number
}

/** Entries of folders that a glob may look at; below a home folder there are millions. */
export const MOST_ENTRIES = 10_000

/**
 * Files that each stay below the bounds of one document can be made to cost minutes together: 30 agents with front matter
 * of 20 lines have 6,000 words and signs, and these 60,000 take half a second.
 */
export function createBudget(): Budget {
  return { values: 60_000, bytes: 8 * 1024 * 1024, entries: MOST_ENTRIES }
}

/** The budget of a document that stands alone; its own bounds are narrower. */
export const UNBOUNDED: Budget = Object.freeze({ values: Infinity, bytes: Infinity, entries: Infinity })

/** Takes from what is left, no further than nothing; one that cannot run out stays as it is. */
export function spend(budget: Budget, kind: keyof Budget, amount: number): void {
  if (budget[kind] !== Infinity) budget[kind] = Math.max(0, budget[kind] - amount)
}
