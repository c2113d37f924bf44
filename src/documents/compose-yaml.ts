import type { Document } from 'yaml'
import { keepNewest } from '../lib/index.js'
import { processShared } from '../process-shared.js'
import { spend, UNBOUNDED, type Budget } from './budget.js'
import { readYamlTokens, type YamlLibrary } from './yaml-tokens.js'

/** A text as the library has composed it; read only, since those who ask for the same text again share it. */
export interface ComposedYaml {
  /** absent where the text holds nothing */
  document?: Document.Parsed
  /** where a second document begins */
  second?: number
  /** words and signs, as a {@link Budget} counts them */
  lexemes: number
}

/** Texts whose composed form is kept: a host's sessions read the same settings and matrices at every mount. */
const KEPT_TEXTS = 16
/** Of a text that is kept; a matrix of 13 roles has 2,000 words and signs, each of which holds some 300 bytes, in 4,000 characters. */
const KEPT_LEXEMES = 4_000
const KEPT_CHARACTERS = 64 * 1024

/**
 * Composes a YAML text, or answers what it came to before: 6 of the 9 ms of a mount with a matrix of the user's. The text itself
 * is compared, so that no change of a file can go unseen, and a text from memory costs its budget what it did at first.
 * @throws DocumentProblem as {@link readYamlTokens} does
 */
export function composeYaml(yaml: YamlLibrary, text: string, budget: Budget = UNBOUNDED): ComposedYaml {
  const kept = processShared.keep('composed-yaml', () => new Map<string, ComposedYaml>())
  const known = kept.get(text)
  if (known !== undefined && known.lexemes <= budget.values) {
    spend(budget, 'values', known.lexemes)
    keepNewest(kept, text, known, KEPT_TEXTS)
    return known
  }
  const composed = composeAnew(yaml, text, budget)
  const isSound = composed.document?.errors.length === 0 && composed.second === undefined
  if (isSound && composed.lexemes <= KEPT_LEXEMES && text.length <= KEPT_CHARACTERS) keepNewest(kept, text, composed, KEPT_TEXTS)
  return composed
}

function composeAnew(yaml: YamlLibrary, text: string, budget: Budget): ComposedYaml {
  const { tokens, lexemes } = readYamlTokens(yaml, text, budget)
  // Its own check of unique keys compares every key with every other, so ours is in the reader.
  const documents = new yaml.Composer({ prettyErrors: false, uniqueKeys: false, resolveKnownTags: false }).compose(tokens, true, text.length)
  const document = documents.next().value
  const second = document && documents.next().value
  return { lexemes, ...(document && { document }), ...(second && { second: second.range[0] }) }
}
