/** Reads out of a failure what a judgement can rest on, whichever of the wire's shapes it came in. */
import { isRecord, parseJson, readString } from '../lib/index.js'
import { cleanWireText, cleanWord } from './clean-wire-text.js'
import type { WireFailure } from './wire-failure.js'

export interface FailureFacts {
  status: number | undefined
  /** names lower-cased */
  headers: Readonly<Record<string, string>>
  /** the decoded error object; empty where there is none */
  error: Record<string, unknown>
  /** the wire's own words for it, `code` before `type`, as they came */
  codes: readonly string[]
  param: string | undefined
  /** everything it says in prose, lower-cased and bounded, to look for words in */
  prose: string
  /** its message, fit to be quoted; empty where only a body without structure came */
  quote: string
  page: 'none' | 'html' | 'challenge' | 'blocked'
  requestId: string | undefined
}

const MAX_PROSE = 8192
const GENERIC = new Set(['error', 'invalid_request_error', 'api_error', 'response_incomplete'])

export function readFailureFacts(failure: WireFailure): FailureFacts {
  const headers = failure.headers ?? {}
  const body = failure.body ?? ''
  const error = findError(failure.error) ?? findError(parseJson(body)) ?? {}
  const hidden = readErrorHeader(headers)
  const message = readMessage(error) ?? readMessage(hidden) ?? ''
  const codes = [error['code'], error['error_code'], hidden['code'], error['type'], error['error'], cleanWord(failure.closeReason)]
    .filter((code): code is string => typeof code === 'string' && code !== '')
  const own = failure.source === 'transport' ? [failure.closeReason ?? ''] : [failure.message ?? '']
  const page = readPage(failure.status, headers, body)
  const loose = message === '' && page === 'none' ? body : ''
  return {
    status: failure.status,
    headers,
    error,
    codes,
    param: cleanWord(error['param']),
    prose: [message, ...own, loose].join('\n').slice(0, MAX_PROSE).toLowerCase(),
    quote: cleanWireText(message || own.join('')),
    page,
    requestId: readRequestId(headers, error, message),
  }
}

/** The word that says most: a code where there is one, a type only where it is more than "an error". */
export function ownCode(facts: FailureFacts): string | undefined {
  return facts.codes.filter((code) => !GENERIC.has(code)).map(cleanWord).find((code) => code !== undefined)
}

/** The error object inside whatever was sent: `{error}`, `{detail}`, the object itself, or a bare string. */
function findError(value: unknown): Record<string, unknown> | undefined {
  if (typeof value === 'string') return value === '' ? undefined : { message: value }
  if (!isRecord(value)) return undefined
  for (const key of ['error', 'detail']) {
    const inner = value[key]
    if (isRecord(inner)) return inner
    if (Array.isArray(inner)) return { message: inner.map(readValidation).filter(Boolean).join('; ') }
    // RFC 6749 has the code in `error` and the prose beside it.
    if (typeof inner === 'string' && key === 'error') return { ...value, code: value['code'] ?? inner, message: readMessage(value) ?? inner }
    if (typeof inner === 'string') return { ...value, message: inner }
  }
  return value
}

/** One entry of a validation error: `{loc: [...], msg}`. */
function readValidation(entry: unknown): string {
  if (!isRecord(entry)) return typeof entry === 'string' ? entry : ''
  const place = Array.isArray(entry['loc']) ? entry['loc'].join('.') : ''
  return [place, readString(entry, 'msg') ?? ''].filter((part) => part !== '').join(': ')
}

function readMessage(error: Record<string, unknown>): string | undefined {
  return readString(error, 'message') ?? readString(error, 'error_description') ?? readString(error, 'detail')
}

/** `x-error-json` is base64 of a JSON error. */
function readErrorHeader(headers: Readonly<Record<string, string>>): Record<string, unknown> {
  const encoded = headers['x-error-json'] ?? ''
  if (encoded === '' || encoded.length > MAX_PROSE || !/^[\w+/=-]+$/.test(encoded)) return {}
  return findError(parseJson(Buffer.from(encoded, 'base64').toString('utf8'))) ?? {}
}

function readPage(status: number | undefined, headers: Readonly<Record<string, string>>, body: string): FailureFacts['page'] {
  if (headers['cf-mitigated'] === 'challenge') return 'challenge'
  const start = body.slice(0, MAX_PROSE).toLowerCase()
  const isHtml = (headers['content-type'] ?? '').toLowerCase().includes('text/html') || /^\s*<(?:!doctype html|html|head|body)/.test(start)
  if (start.includes('just a moment') || (isHtml && /challenge-platform|_cf_chl|cf-challenge/.test(start))) return 'challenge'
  if (!isHtml) return 'none'
  if (start.includes('cloudflare') && start.includes('blocked')) return 'blocked'
  return status === 403 ? 'challenge' : 'html'
}

function readRequestId(headers: Readonly<Record<string, string>>, error: Record<string, unknown>, message: string): string | undefined {
  const named = /request id:?\s+([\w-]{8,80})/i.exec(message.slice(0, MAX_PROSE))?.[1]
  const candidates = [headers['x-request-id'], headers['x-oai-request-id'], error['request_id'], named, headers['cf-ray']]
  return candidates.map(cleanWord).find((id) => id !== undefined)
}
