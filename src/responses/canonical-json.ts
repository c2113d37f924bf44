import { wellFormed } from '../lib/index.js'

/** JSON text that is the same for equal values, whatever order their keys were set in. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) => {
    if (typeof field !== 'object' || field === null || Array.isArray(field)) return field
    return Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
  }) ?? 'null'
}

/** A string as JSON text, well-formed. */
export function jsonString(text: string): string {
  return JSON.stringify(wellFormed(text))
}
