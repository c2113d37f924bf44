import { isRecord } from '../lib/index.js'
import type { ErrorEvent } from './wire-events.js'

const OWN_FIELDS = new Set(['type', 'error', 'headers', 'status', 'status_code', 'sequence_number', 'detail'])

/**
 * An error frame, whichever way it is written: `{type: "error", error: {…}}`, the same with the
 * fields at the top, with an HTTP status and headers, an HTTP error body sent as a frame without a
 * type, or a bare `{type: "error"}`. `undefined` for a frame without a type that is no error.
 */
export function decodeErrorFrame(frame: Record<string, unknown>): ErrorEvent | undefined {
  const nested = frame['error'] ?? frame['detail']
  if (frame['type'] !== 'error' && !isRecord(nested) && typeof nested !== 'string') return undefined
  const status = readStatus(frame['status'] ?? frame['status_code'])
  const error = typeof nested === 'string' ? { message: nested } : isRecord(nested) ? nested : readTopLevel(frame)
  return { type: 'error', status, headers: isRecord(frame['headers']) ? readHeaders(frame['headers']) : undefined, error }
}

function readTopLevel(frame: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(frame).filter(([name]) => !OWN_FIELDS.has(name)))
}

/** A success status says nothing of an error, so it counts as none. */
function readStatus(value: unknown): number | undefined {
  const status = typeof value === 'string' ? Number(value) : value
  return typeof status === 'number' && Number.isInteger(status) && status >= 300 && status <= 599 ? status : undefined
}

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
