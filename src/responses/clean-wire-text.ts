/** Longest quote of the wire in a message, in UTF-16 code units. */
const MAX_QUOTE = 300

// Controls, line separators and marks that turn the direction of text around.
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/g
/** JWTs, bearers, API keys and other long runs that no sentence has */
const SECRETS = /\beyJ[\w-]{10,}(?:\.[\w-]*){0,4}|\b(?:sk|sess|pk)-[\w*-]{8,}|\b(?:at|rt)[-_.][\w.-]{20,}|\bbearer\s+[^\s"',;]+|[A-Za-z0-9+/_-]{64,}={0,2}/gi

/** Words of the wire, fit to stand in a message: one line, bounded, without anything that looks like a secret. */
export function cleanWireText(text: string, maxLength = MAX_QUOTE): string {
  // Bounded first: what follows is linear, but a body may be large.
  const line = text.slice(0, maxLength * 8).replaceAll(INVISIBLE, ' ').replaceAll(SECRETS, '[REDACTED]').replaceAll(/\s+/g, ' ').trim()
  if (line.length <= maxLength) return line
  // A cut between the halves of a surrogate pair would leave half a character.
  return `${line.slice(0, maxLength - 1).replace(/[\ud800-\udbff]$/, '').trimEnd()}…`
}

/** A word that may name something in a message, such as a code or an id; undefined for anything longer or stranger. */
export function cleanWord(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.:/-]{1,100}$/.test(value) && !/^eyJ|^sk-/.test(value) ? value : undefined
}

/** A model's name as the wire says it, into receipts and events; undefined for what looks like a secret, or like no name. */
export function cleanModelName(value: unknown): string | undefined {
  const word = cleanWord(value)
  return word !== undefined && cleanWireText(word) === word ? word : undefined
}
