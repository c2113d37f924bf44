import { closest, distance } from 'fastest-levenshtein'

/** What is longer than this is no slip of a name; comparing it would cost by its length. */
const LONGEST_NAME = 64

/** The name that takes the fewest edits to reach, whatever its case, the first of several; undefined where there are no names. */
export function nearestName(word: string, names: readonly string[]): string | undefined {
  const byFolded = new Map([...names].reverse().map((name) => [name.toLowerCase(), name]))
  if (byFolded.size === 0) return undefined
  return byFolded.get(closest(word.slice(0, LONGEST_NAME).toLowerCase(), [...byFolded.keys()].reverse()))
}

/**
 * The nearest name if it is near enough to have been meant: at most a third of its letters differ, or two of them stand in
 * each other's place. Undefined for a name that is in the list.
 */
export function suggestName(word: string, names: readonly string[]): string | undefined {
  const nearest = word.length > LONGEST_NAME ? undefined : nearestName(word, names)
  if (nearest === undefined || nearest === word) return undefined
  const [meant, written] = [nearest.toLowerCase(), word.toLowerCase()]
  const edits = distance(written, meant)
  const swapped = edits === 2 && sortLetters(written) === sortLetters(meant)
  return swapped || edits <= Math.max(1, Math.floor(meant.length / 3)) ? nearest : undefined
}

/** How many letters must be put in, taken out or changed to make one word of the other. */
export function editDistance(one: string, other: string): number {
  return distance(one, other)
}

function sortLetters(word: string): string {
  return [...word].sort().join('')
}
