import { compileGlob } from './glob.js'

/**
 * The name that takes the fewest edits to reach; of a pattern only its letters count.
 * The library is loaded at the first miss: a resolution that serves needs none of it.
 */
export async function nearestName(nameOrPattern: string, names: readonly string[]): Promise<string | undefined> {
  if (names.length === 0) return undefined
  const { closest } = await import('fastest-levenshtein')
  const byFolded = new Map([...names].reverse().map((name) => [name.toLowerCase(), name]))
  return byFolded.get(closest(letters(nameOrPattern), [...byFolded.keys()].reverse()))
}

/** The nearest name if it is near enough to have been meant: at most a third of the letters differ. */
export async function suggestName(name: string, names: readonly string[]): Promise<string | undefined> {
  const nearest = await nearestName(name, names)
  if (nearest === undefined) return undefined
  const { distance } = await import('fastest-levenshtein')
  const edits = distance(name.toLowerCase(), nearest.toLowerCase())
  return edits > 0 && edits <= Math.max(1, Math.floor(nearest.length / 3)) ? nearest : undefined
}

function letters(pattern: string): string {
  return compileGlob(pattern).tokens.map((token) => (token.kind === 'character' ? String.fromCodePoint(token.code) : '')).join('')
}
