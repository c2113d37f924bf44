/** One HTTP request with its decoded body, and the ways to answer it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isRecord, parseJson } from '../lib/index.js'
import { detailRefusal, type Refusal } from './refusal.js'
import type { TwinRequest } from './types.js'

export interface HttpExchange {
  request: IncomingMessage
  response: ServerResponse
  url: URL
  /** the log's entry for it; `body` is filled in */
  entry: TwinRequest
  /** where the body could not be read */
  bodyProblem?: Refusal
  /** aborts when the client goes, or the twin closes */
  signal: AbortSignal
}

const MAX_BODY_BYTES = 256 * 1024 * 1024

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
    size += bytes.length
    if (size > MAX_BODY_BYTES) break
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}

/**
 * The body without its content-encoding, or the refusal. zstd came to Node with 22.15 and 23.8; a published decoder
 * reads it on every Node, as the Codex CLI sends nothing else over HTTP.
 */
export async function decompress(bytes: Buffer, encoding: string | undefined): Promise<Buffer | Refusal> {
  if (encoding === undefined || encoding === '' || encoding === 'identity') return bytes
  if (encoding !== 'zstd') return detailRefusal(415, `Unsupported content encoding: ${encoding}`)
  const { Decompress } = await import('fzstd')
  const chunks: Uint8Array[] = []
  let size = 0
  const decoder = new Decompress((chunk) => {
    size += chunk.length
    if (size > MAX_BODY_BYTES) throw new RangeError('the body is too large')
    chunks.push(chunk)
  })
  try {
    decoder.push(bytes, true)
  } catch {
    return detailRefusal(400, 'Invalid compressed body')
  }
  return Buffer.concat(chunks)
}

/** JSON or a form as an object, else the text. */
export function decodeBody(bytes: Buffer, contentType: string): unknown {
  if (bytes.length === 0) return undefined
  const text = bytes.toString('utf8')
  if (contentType.startsWith('application/x-www-form-urlencoded')) return Object.fromEntries(new URLSearchParams(text))
  const json = parseJson(text)
  return json === undefined ? text : json
}

export function sendReply(exchange: HttpExchange, reply: { status: number; headers?: Record<string, string>; body?: unknown }): void {
  const { response, entry } = exchange
  entry.status = reply.status
  if (response.destroyed || response.headersSent) return
  const { text, type } = renderBody(reply.body)
  response.writeHead(reply.status, { 'content-type': type, 'content-length': Buffer.byteLength(text), ...reply.headers })
  response.end(text)
  entry.ended = reply.status < 400 ? 'completed' : 'refused'
}

export function renderBody(body: unknown): { text: string; type: string } {
  if (body === undefined) return { text: '', type: 'application/json' }
  if (typeof body === 'string') return { text: body, type: body.startsWith('<') ? 'text/html; charset=utf-8' : 'text/plain' }
  return { text: JSON.stringify(body), type: 'application/json' }
}

export function sendRedirect(exchange: HttpExchange, location: string): void {
  exchange.entry.status = 302
  exchange.entry.ended = 'completed'
  exchange.response.writeHead(302, { location, 'content-length': 0 }).end()
}

/** A field of a JSON or form body; undefined where it is no text. */
export function readField(exchange: HttpExchange, key: string): string | undefined {
  const { body } = exchange.entry
  const value = isRecord(body) ? body[key] : undefined
  return typeof value === 'string' ? value : undefined
}

export function hasContentType(exchange: HttpExchange, type: string): boolean {
  return (exchange.request.headers['content-type'] ?? '').toLowerCase().startsWith(type)
}

/** Ends the connection with RST. */
export function resetConnection(exchange: HttpExchange): void {
  exchange.entry.ended = 'cut'
  exchange.response.socket?.resetAndDestroy()
}
