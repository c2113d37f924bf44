import { isRecord } from '../lib/index.js'

/** Header values of a frame, names lower-cased; of a list the first counts, what is no scalar is left out. */
export function readHeaders(value: unknown): Record<string, string> {
  const headers: Record<string, string> = {}
  if (!isRecord(value)) return headers
  for (const [name, field] of Object.entries(value)) {
    const first: unknown = Array.isArray(field) ? field[0] : field
    if (typeof first === 'string') headers[name.toLowerCase()] = first
    else if (typeof first === 'number' || typeof first === 'boolean') headers[name.toLowerCase()] = String(first)
  }
  return headers
}
