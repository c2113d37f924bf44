import { ConfigurationError } from '../contract/index.js'
import { defined, isRecord, parseJson } from '../lib/index.js'
import type { CallRecord, CallTokens, CatalogRecord, ReplayRecord, WindowReading } from './call-record.js'

/** A line holds one call; the longest are lists of models. */
const MAX_LINE_CHARS = 1_000_000
const NEXT = 'Recordings are made with amplifier-chatgpt run --record FILE or serve --record FILE'

/**
 * The records of a recording, line by line. Lines of a kind that this version does not know are passed over.
 * @throws ConfigurationError naming file, line and key of the first that is wrong
 */
export function readRecording(text: string, file: string): ReplayRecord[] {
  const records: ReplayRecord[] = []
  const lines = text.split('\n')
  const last = lines.length - 1
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue
    const fail = createFail(`${file}:${index + 1}`)
    if (line.length > MAX_LINE_CHARS) fail('the line has more than a million characters')
    const value = parseJson(line)
    if (!isRecord(value)) return fail(index === last && !text.endsWith('\n') ? 'the last line is cut; take it out' : 'this is no JSON object')
    const record = decodeRecord(value, fail)
    if (record !== undefined) records.push(record)
  }
  return records
}

type Fail = (problem: string) => never

function createFail(place: string): Fail {
  return (problem) => {
    throw new ConfigurationError(`${place}: ${problem}. ${NEXT}`, { code: 'recording' })
  }
}

type Fields = Readonly<Record<string, unknown>>

function decodeRecord(value: Fields, fail: Fail): ReplayRecord | undefined {
  if (typeof value['type'] !== 'string') fail('type is missing: no line of a recording')
  if (value['type'] !== 'call' && value['type'] !== 'catalog') return undefined
  if (value['version'] !== 1) fail(`version is ${JSON.stringify(value['version'])}; this program reads version 1`)
  return value['type'] === 'call' ? decodeCall(value, fail) : decodeCatalog(value, fail)
}

function decodeCatalog(value: Fields, fail: Fail): CatalogRecord {
  return { type: 'catalog', version: 1, time: readTime(value, 'time', fail), provider: readText(value, 'provider', fail), models: readTexts(value, 'models', fail) ?? [] }
}

function decodeCall(value: Fields, fail: Fail): CallRecord {
  const { status } = value
  if (status !== 'ok' && status !== 'error') return fail('status must be ok or error')
  const optional = <Key extends string>(key: Key): { [Name in Key]?: string } =>
    value[key] === undefined ? {} : ({ [key]: readText(value, key, fail) } as { [Name in Key]?: string })
  const roles = readTexts(value, 'roles', fail)
  const exhausted = readTexts(value, 'exhausted', fail)
  return {
    type: 'call', version: 1, time: readTime(value, 'time', fail), status,
    duration_ms: readCount(value, 'duration_ms', '', fail), provider: readText(value, 'provider', fail), model: readText(value, 'model', fail),
    ...optional('session_id'), ...optional('error_type'), ...optional('role'), ...optional('matrix'), ...optional('effort'),
    ...defined({ roles, exhausted }),
    ...(value['caller'] === undefined ? {} : { caller: decodeCaller(value['caller'], fail) }),
    ...(value['tokens'] === undefined ? {} : { tokens: decodeTokens(value['tokens'], fail) }),
    ...(value['windows'] === undefined ? {} : { windows: decodeWindows(value['windows'], fail) }),
  }
}

function decodeCaller(value: unknown, fail: Fail): NonNullable<CallRecord['caller']> {
  if (!isRecord(value)) return fail('caller must be an object')
  const { effort } = value
  if (effort !== null && typeof effort !== 'string') return fail('caller.effort must be a text or null')
  return { family: readText(value, 'family', fail, 'caller.'), model: readText(value, 'model', fail, 'caller.'), effort, provider_key: readText(value, 'provider_key', fail, 'caller.') }
}

function decodeTokens(value: unknown, fail: Fail): CallTokens {
  if (!isRecord(value)) return fail('tokens must be an object')
  const count = (key: keyof CallTokens) => readCount(value, key, 'tokens.', fail)
  const tokens = { input_tokens: count('input_tokens'), cached_tokens: count('cached_tokens'), output_tokens: count('output_tokens'), reasoning_tokens: count('reasoning_tokens') }
  if (tokens.cached_tokens > tokens.input_tokens) fail('tokens.cached_tokens is more than tokens.input_tokens, of which it is a part')
  if (tokens.reasoning_tokens > tokens.output_tokens) fail('tokens.reasoning_tokens is more than tokens.output_tokens, of which it is a part')
  return tokens
}

function decodeWindows(value: unknown, fail: Fail): WindowReading[] {
  if (!Array.isArray(value)) return fail('windows must be a list')
  return value.map((window: unknown, index): WindowReading => {
    const at = `windows[${index}]`
    if (!isRecord(window)) return fail(`${at} must be an object`)
    return {
      limit_id: readText(window, 'limit_id', fail, `${at}.`), window_minutes: readCount(window, 'window_minutes', `${at}.`, fail),
      used_percent: readCount(window, 'used_percent', `${at}.`, fail), observed_at: readTime(window, 'observed_at', fail, `${at}.`),
      ...(window['resets_at'] === undefined ? {} : { resets_at: readTime(window, 'resets_at', fail, `${at}.`) }),
    }
  })
}

function readText(value: Fields, key: string, fail: Fail, at = ''): string {
  const text = value[key]
  return typeof text === 'string' ? text : fail(`${at}${key} must be a text`)
}

function readTexts(value: Fields, key: string, fail: Fail): string[] | undefined {
  const list = value[key]
  if (list === undefined) return undefined
  return Array.isArray(list) && list.every((item) => typeof item === 'string') ? list : fail(`${key} must be a list of texts`)
}

function readCount(value: Fields, key: string, at: string, fail: Fail): number {
  const count = value[key]
  return typeof count === 'number' && Number.isFinite(count) && count >= 0 ? count : fail(`${at}${key} must be a number from 0 up`)
}

function readTime(value: Fields, key: string, fail: Fail, at = ''): string {
  const text = readText(value, key, fail, at)
  return Number.isNaN(Date.parse(text)) ? fail(`${at}${key} must be a time such as 2026-11-21T09:00:00.000Z`) : text
}
