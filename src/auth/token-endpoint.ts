import { backoffMs, CERTIFICATE_ADVICE, decodeMoment, decodeNumber, defined, delay, isCertificateFault, isRecord, parseJson, readString } from '../lib/index.js'
import { hideProperties, hideSecrets } from './hide-secrets.js'
import { readToken } from './stored-record.js'
import type { HttpReply, Transport } from '../transport/transport.js'

/** What a token endpoint answered; every field is optional, and what is absent keeps its old value. */
export interface TokenReply {
  access_token?: string
  refresh_token?: string
  id_token?: string
  /** seconds */
  expires_in?: number
  scope?: string
  /** a number of seconds or milliseconds, ISO 8601, or null: the vendor does not say which */
  earliest_refresh_at?: string | number | null
  /** the server's clock minus ours, in ms; 0 where it did not tell the time */
  server_ahead_ms: number
}

export type ExchangeKind =
  /** this token will never work again */
  | 'permanent'
  /** the same request may work later */
  | 'transient'
  /** the client is set up wrongly, without a status the connection: nothing is wrong with the token */
  | 'configuration'

/** The token endpoint refused, or could not be reached. Its message holds no token. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError'
  readonly kind: ExchangeKind
  /** the wire's own word */
  readonly code?: string
  readonly status?: number
  /** what the server named */
  readonly retryAfterMs?: number
  /** it is certain that the exchange did not happen: never sent, or refused by the server itself */
  readonly certain: boolean
  /** what is to be done, where more is known than that nobody answered */
  readonly advice?: string
  constructor(
    message: string,
    fields: { kind: ExchangeKind; code?: string; status?: number; retryAfterMs?: number; certain?: boolean; advice?: string; cause?: unknown },
  ) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause })
    this.kind = fields.kind
    this.certain = fields.certain ?? false
    if (fields.advice !== undefined) this.advice = fields.advice
    if (fields.code !== undefined) this.code = fields.code
    if (fields.status !== undefined) this.status = fields.status
    if (fields.retryAfterMs !== undefined) this.retryAfterMs = fields.retryAfterMs
  }
}

export interface TokenCall {
  transport: Transport
  url: string
  fields: Record<string, string>
  encoding: 'json' | 'form'
  /** codes that speak of the client and not of the token, where the lane has such */
  configurationCodes?: ReadonlySet<string>
  now?: () => number
  signal?: AbortSignal
  /** Gets a good answer the moment it is whole, before anything is made of it. */
  keep?: (reply: HttpReply) => void
}

const CLOCKS = { connectMs: 15_000, totalMs: 30_000 }
const PERMANENT = new Set([
  'invalid_grant', 'refresh_token_expired', 'refresh_token_reused', 'refresh_token_invalidated',
  'invalid_refresh_token', 'token_expired',
])
const MAX_DESCRIPTION = 200
/** Seconds; what is longer is a misread number, and what the token itself says counts. */
const LONGEST_LIFETIME = 10 * 365 * 86_400
const MAX_SCOPE = 8192

/** One POST to a token endpoint. @throws ExchangeError; what the signal throws */
export async function requestTokens(call: TokenCall): Promise<TokenReply> {
  const now = call.now ?? Date.now
  const reply = await postFields(call)
  if (reply.status < 200 || reply.status > 299) throw refusal(call, reply)
  call.keep?.(reply)
  const tokens = readTokenReply(reply, now())
  if (tokens === undefined) {
    throw new ExchangeError(`${call.url} answered ${reply.status} with something that is no JSON object`, { kind: 'transient', status: reply.status })
  }
  return tokens
}

/** What a good answer says; undefined where it is no JSON object. */
export function readTokenReply(reply: Pick<HttpReply, 'headers' | 'body'>, nowMs: number): TokenReply | undefined {
  const body = parseJson(reply.body)
  return isRecord(body) ? decodeTokenReply(body, serverAheadMs(reply, nowMs)) : undefined
}

/** POSTs fields as JSON or as a form. @throws ExchangeError `transient` where nobody answered */
export async function postFields(call: TokenCall): Promise<HttpReply> {
  const body = call.encoding === 'json' ? JSON.stringify(call.fields) : new URLSearchParams(call.fields).toString()
  const type = call.encoding === 'json' ? 'application/json' : 'application/x-www-form-urlencoded'
  try {
    return await call.transport.fetch({
      method: 'POST',
      url: call.url,
      headers: { 'content-type': type, accept: 'application/json' },
      body,
      timeouts: CLOCKS,
      ...(call.signal ? { signal: call.signal } : {}),
    })
  } catch (cause) {
    if (call.signal?.aborted) throw cause
    if (cause instanceof Error && isRecord(cause) && cause['misconfigured'] === true) {
      throw new ExchangeError(`${originText(call.url)} cannot be reached: ${cause.message}`, { kind: 'configuration', certain: true, cause })
    }
    const told = isRecord(cause) ? cause : {}
    const word = readString(told, 'systemCode') ?? readString(told, 'kind')
    const proxy = readString(told, 'proxy')
    throw new ExchangeError(`${originText(call.url)} cannot be reached${proxy === undefined ? '' : ` through the proxy ${proxy}`}${word === undefined ? '' : ` (${word})`}`, {
      kind: 'transient',
      ...(isCertificateFault(word) ? { advice: CERTIFICATE_ADVICE } : {}),
      certain: told['phase'] === 'unsent',
      cause,
    })
  }
}

/** Tries a transient failure again, `attempts` times in all, waiting as long as the server asked or with jitter. */
export async function withExchangeRetry<Value>(
  work: () => Promise<Value>,
  options: { attempts?: number; random?: () => number; delay?: typeof delay; signal?: AbortSignal } = {},
): Promise<Value> {
  const attempts = options.attempts ?? 3
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof ExchangeError) || error.kind !== 'transient' || attempt >= attempts) throw error
      const waitMs = error.retryAfterMs ?? backoffMs({ baseMs: 500, capMs: 5000 }, attempt, options.random)
      if (waitMs > 30_000) throw error
      await (options.delay ?? delay)(waitMs, options.signal ? { signal: options.signal } : {})
    }
  }
}

export function decodeTokenReply(body: Record<string, unknown>, aheadMs = 0): TokenReply {
  const reply: TokenReply = { server_ahead_ms: aheadMs }
  for (const key of ['access_token', 'refresh_token', 'id_token'] as const) {
    const token = readToken(body[key])
    if (token !== undefined) reply[key] = token
  }
  const scope = readString(body, 'scope')
  if (scope !== undefined && scope !== '' && scope.length <= MAX_SCOPE) reply.scope = scope
  const expiresIn = decodeNumber(body['expires_in'], { least: 1, most: LONGEST_LIFETIME })
  if (expiresIn !== undefined) reply.expires_in = expiresIn
  const earliest = body['earliest_refresh_at']
  if (typeof earliest === 'string' || typeof earliest === 'number' || earliest === null) reply.earliest_refresh_at = earliest
  return hideProperties(hideSecrets(reply), 'access_token', 'refresh_token', 'id_token')
}

/** The wire's own word for a refusal: a string under `error`, or `code` in `error`, in `detail` or at the top. */
export function readErrorCode(body: unknown): string | undefined {
  if (!isRecord(body)) return undefined
  const { error, detail } = body
  if (typeof error === 'string') return error
  if (isRecord(error)) return readString(error, 'code') ?? readString(error, 'type')
  if (isRecord(detail)) return readString(detail, 'code') ?? readString(detail, 'error_code')
  return readString(body, 'code')
}

/** Classifies a refusal of the token endpoint: any 401 and the codes of the wire end a token, everything unknown may pass. */
export function refusal(call: TokenCall, reply: HttpReply): ExchangeError {
  const body = parseJson(reply.body)
  const code = readErrorCode(body)
  const retryAfterMs = readRetryAfter(reply, (call.now ?? Date.now)())
  const description = describeRefusal(body, Object.values(call.fields))
  const message = `${originText(call.url)} answered ${reply.status}${code === undefined ? '' : ` ${code}`}${description}`
  return new ExchangeError(message, {
    kind: code !== undefined && call.configurationCodes?.has(code) ? 'configuration' : kindOf(reply.status, code),
    status: reply.status,
    // A gateway's 5xx may hide an exchange that went through behind it.
    certain: reply.status < 500,
    ...defined({ code, retryAfterMs }),
  })
}

function kindOf(status: number, code: string | undefined): ExchangeKind {
  if (status >= 500 || status === 429) return 'transient'
  if (status === 401 || (code !== undefined && PERMANENT.has(code))) return 'permanent'
  return 'transient'
}

/** The server's own sentence, without anything we sent: some servers quote the token. No word is cut: half a token is no text that a redactor knows. */
function describeRefusal(body: unknown, sent: readonly string[]): string {
  if (!isRecord(body)) return ''
  const nested = isRecord(body['error']) ? readString(body['error'], 'message') : undefined
  let text = readString(body, 'error_description') ?? nested ?? readString(body, 'message') ?? readString(body, 'detail')
  if (text === undefined) return ''
  for (const value of sent) if (value.length >= 8) text = text.replaceAll(value, '[REDACTED]')
  // Control characters would let a server write into the user's terminal.
  const line = text.replaceAll(/[\u0000-\u001F\u007F-\u009F]+/g, ' ').replace(/[.\s]+$/, '')
  return `: ${line.length <= MAX_DESCRIPTION ? line : line.slice(0, MAX_DESCRIPTION + 1).replace(/\S*$/, '…')}`
}

function readRetryAfter(reply: HttpReply, nowMs: number): number | undefined {
  const value = reply.headers['retry-after']
  if (value === undefined || value === '') return undefined
  const seconds = decodeNumber(value)
  if (seconds !== undefined) return Math.max(0, seconds * 1000)
  const at = decodeMoment(value)
  return at === undefined ? undefined : Math.max(0, at - nowMs)
}

function serverAheadMs(reply: Pick<HttpReply, 'headers'>, nowMs: number): number {
  const at = decodeMoment(reply.headers['date'])
  return at === undefined ? 0 : at - nowMs
}

function originText(url: string): string {
  return URL.canParse(url) ? new URL(url).origin + new URL(url).pathname : url
}
