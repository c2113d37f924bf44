import { hash } from 'node:crypto'

/** The first 16 hex digits of SHA-256: enough to tell things apart, not to get them back. */
export function shortHash(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 16)
}
