import { sanitizeLine, stringifyPrintable } from '../lib/index.js'
import type { ExchangeNote } from './endpoint.js'
import type { RequestLogEntry } from './request-log-entry.js'
import { servedModel } from './route-headers.js'

/** What a request's note comes to in the log. */
export function describeNote(note: ExchangeNote, startedAt: number): Partial<RequestLogEntry> {
  const { route } = note
  const entry: { [Key in keyof RequestLogEntry]?: RequestLogEntry[Key] | undefined } = {
    first_ms: note.firstAt === undefined ? undefined : note.firstAt - startedAt,
    requested_model: note.requestedModel === note.model ? undefined : note.requestedModel,
    model: note.model,
    served_model: servedModel(note),
    role: route?.role,
    degraded: note.degraded,
    transport: route?.transport,
    input_tokens: note.usage?.input_tokens,
    output_tokens: note.usage?.output_tokens,
    ignored_fields: note.ignored.length > 0 ? note.ignored : undefined,
    error: note.error,
  }
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined))
}

/** A line of the log: `json`, or words for a person. */
export function formatLogEntry(entry: RequestLogEntry, format: 'json' | 'pretty'): string {
  if (format === 'json') return `${stringifyPrintable(entry)}\n`
  const { time, request_id, key, method, path, status, duration_ms, ...rest } = entry
  const more = Object.entries(rest).map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(',') : String(value)}`)
  return `${sanitizeLine([time, status, method, path, duration_ms, 'ms', `key=${key}`, ...more, request_id].join(' '))}\n`
}
