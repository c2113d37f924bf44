import { MODULE_PREFIX } from './matrix.js'

/**
 * Words of a matrix that several modules answer to, in order of preference. `openai-chatgpt` serves the models of
 * `openai` from another bill: where both are mounted the word itself comes first.
 */
const FAMILIES: Readonly<Record<string, readonly string[]>> = { openai: ['openai-chatgpt'] }

/** Every word that is the head of a family or stands for one. */
export const FAMILY_WORDS: ReadonlySet<string> = new Set(Object.entries(FAMILIES).flatMap(([word, others]) => [word, ...others]))

const ACCEPTED: ReadonlyMap<string, readonly string[]> = new Map(Object.entries(FAMILIES).map(([word, others]) => [word, [word, ...others]]))

/** The words that satisfy a matrix's `provider:`, itself first. */
export function acceptedWords(word: string): readonly string[] {
  return ACCEPTED.get(word) ?? [word]
}

/** The word that a module's type may also be called by: `openai` for `openai-chatgpt`. */
export function familyOf(word: string): string | undefined {
  return Object.keys(FAMILIES).find((family) => FAMILIES[family]?.includes(word))
}

/** A name with every `provider-` taken out, as the reference compares them. */
export function bareName(name: string): string {
  return name.includes(MODULE_PREFIX) ? name.replaceAll(MODULE_PREFIX, '') : name
}

/** A name without the module's leading `provider-`. */
export function withoutPrefix(name: string): string {
  return name.startsWith(MODULE_PREFIX) ? name.slice(MODULE_PREFIX.length) : name
}
