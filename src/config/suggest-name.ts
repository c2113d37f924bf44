import { createRequire } from 'node:module'

/** Words that people bring along from other clients. */
const HINTS: Readonly<Record<string, string>> = {
  model: 'default_model',
  effort: 'reasoning_effort',
  verbosity: 'text_verbosity',
  summary: 'reasoning_summary',
  url: 'base_url',
  token_path: 'token_file_path',
  retries: 'max_retries',
}

interface Distances {
  closest(word: string, words: readonly string[]): string
  distance(a: string, b: string): number
}

/**
 * The known name nearest to `name`, where one is near enough to be meant.
 * The distance library is loaded only here, since a correct config never needs it.
 */
export function suggestName(name: string, known: readonly string[]): string | undefined {
  const plain = name.toLowerCase().replaceAll(/[-\s]/g, '_').replaceAll(/([a-z])([A-Z])/g, '$1_$2')
  const snake = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()
  for (const spelling of [plain, snake]) if (known.includes(spelling)) return spelling
  const hint = HINTS[plain]
  if (hint !== undefined && known.includes(hint)) return hint
  if (name.length > 64) return undefined
  const { closest, distance } = createRequire(import.meta.url)('fastest-levenshtein') as Distances
  const nearest = closest(plain, known)
  return distance(plain, nearest) <= Math.max(2, Math.floor(nearest.length / 3)) ? nearest : undefined
}
