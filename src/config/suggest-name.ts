import { suggestName as suggestNearest } from '../lib/index.js'

/** Words that people bring along from other clients. */
const HINTS: Readonly<Record<string, string>> = {
  model: 'default_model',
  effort: 'reasoning_effort',
  verbosity: 'text_verbosity',
  summary: 'reasoning_summary',
  url: 'base_url',
  token_path: 'token_file_path',
  retries: 'max_retries',
  experimental_compaction: 'compact_at',
}

/** The known key that `name` may have meant: in another spelling, another client's word for it, or with a slip. */
export function suggestName(name: string, known: readonly string[]): string | undefined {
  const plain = name.toLowerCase().replaceAll(/[-\s]/g, '_').replaceAll(/([a-z])([A-Z])/g, '$1_$2')
  const snake = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()
  for (const spelling of [plain, snake]) if (known.includes(spelling)) return spelling
  const hint = Object.hasOwn(HINTS, plain) ? HINTS[plain] : undefined
  return hint !== undefined && known.includes(hint) ? hint : suggestNearest(plain, known)
}
