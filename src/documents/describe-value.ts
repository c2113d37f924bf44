import { redactAddresses, stringifyPrintable } from '../lib/index.js'

const SHOWN = 60

/**
 * A value for an error message: its kind and, where it is short and plain, itself. Lists and mappings
 * are never shown from the inside, since a secret may lie there.
 */
export function describeValue(value: unknown, options: { secret?: boolean } = {}): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return value.length === 1 ? 'a list of 1 item' : `a list of ${value.length} items`
  switch (typeof value) {
    case 'undefined':
      return 'nothing'
    case 'object':
      return 'a mapping'
    case 'string':
      return options.secret ? 'a text (not shown)' : `the text ${stringifyPrintable(shorten(value))}`
    case 'number':
    case 'boolean':
    case 'bigint':
      return options.secret ? `a ${typeof value} (not shown)` : `the ${typeof value} ${String(value)}`
    default:
      return `a ${typeof value}`
  }
}

/** The one sentence for a value of the wrong kind: `timeout must be a number, found the text "soon"`. */
export function describeMismatch(name: string, expected: string, found: unknown, options: { secret?: boolean } = {}): string {
  return `${name} must be ${expected}, found ${describeValue(found, options)}`
}

function shorten(text: string): string {
  // A URL with a user and a password in it is a secret in part.
  const shown = redactAddresses(text)
  return shown.length > SHOWN ? `${shown.slice(0, SHOWN)}…` : shown
}
