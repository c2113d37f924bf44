/** Raw HTTP, SSE and WebSocket to a twin: nothing of our own client in between. */
import { request, type Dispatcher } from 'undici'
import { WebSocket } from 'ws'
import { startTwin, type IssuedTokens, type Twin, type TwinOptions } from '../../../src/twin/index.js'

export type Json = Record<string, unknown>

export interface SignedIn {
  twin: Twin
  tokens: IssuedTokens
  headers: Record<string, string>
}

export async function signIn(options: TwinOptions = {}): Promise<SignedIn> {
  const twin = await startTwin(options)
  const tokens = twin.issueTokens()
  return { twin, tokens, headers: headersOf(tokens) }
}

export const headersOf = (tokens: IssuedTokens): Record<string, string> =>
  ({ authorization: `Bearer ${tokens.access_token}`, 'chatgpt-account-id': tokens.account_id })

export const user = (text: string): Json => ({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] })

/** The smallest request that door 1 takes. */
export const ask = (text: string, more: Json = {}): Json =>
  ({ model: 'gpt-5.5', instructions: 'Be brief.', input: [user(text)], store: false, stream: true, ...more })

export interface Reply {
  status: number
  headers: Dispatcher.ResponseData['headers']
  text: string
  json: Json
}

export async function send(url: string, options: { method?: 'GET' | 'POST'; headers?: Record<string, string>; body?: string } = {}): Promise<Reply> {
  const { statusCode, headers, body } = await request(url, { method: options.method ?? 'GET', ...options })
  // not body.text(): that drops a byte order mark
  const text = Buffer.from(await body.arrayBuffer()).toString('utf8')
  return { status: statusCode, headers, text, json: parse(text) }
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return {}
  }
}

export const post = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
  send(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body) })

export const postForm = (url: string, fields: Record<string, string>): Promise<Reply> =>
  send(url, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(fields).toString() })

/** The data of an SSE text's events, by the plain rules. */
export function readEvents(text: string): Json[] {
  return text.replace(/^\uFEFF/, '').split(/\r\n\r\n|\n\n|\r\r/).flatMap((block) => {
    const data = block.split(/\r\n|\n|\r/).filter((line) => line.startsWith('data: ')).map((line) => line.slice(6)).join('\n')
    return data === '' || data === '[DONE]' ? [] : [JSON.parse(data) as Json]
  })
}

export const typesOf = (events: Json[]): string[] => events.map((event) => String(event['type']))

export const textOf = (events: Json[]): string =>
  events.filter((event) => event['type'] === 'response.output_text.delta').map((event) => String(event['delta'])).join('')

export const doneItems = (events: Json[]): Json[] =>
  events.filter((event) => event['type'] === 'response.output_item.done').map((event) => event['item'] as Json)

export const responseOf = (events: Json[]): Json => (events.at(-1)?.['response'] ?? {}) as Json

export const usageOf = (events: Json[]): { input_tokens: number; input_tokens_details: { cached_tokens: number } } =>
  responseOf(events)['usage'] as { input_tokens: number; input_tokens_details: { cached_tokens: number } }

export interface RawSocket {
  socket: WebSocket
  upgradeHeaders: Record<string, string | string[] | undefined>
  /** sends a frame and answers every frame up to the terminal or error one */
  turn(frame: Json): Promise<Json[]>
  send(frame: Json | string | Buffer): void
  next(): Promise<Json>
  closed: Promise<{ code: number; reason: string }>
}

const TERMINAL = new Set(['response.completed', 'response.incomplete', 'response.failed', 'error'])

export class UpgradeRefused extends Error {
  constructor(readonly status: number, readonly body: string) {
    super(`the upgrade was answered ${status}`)
  }
}

export async function openSocket(url: string, headers: Record<string, string>, options: { beta?: boolean; autoPong?: boolean } = {}): Promise<RawSocket> {
  const beta = options.beta === false ? {} : { 'openai-beta': 'responses_websockets=2026-02-06' }
  const socket = new WebSocket(url.replace(/^http/, 'ws'), { headers: { ...beta, ...headers } })
  const frames: Json[] = []
  const waiting: ((frame: Json) => void)[] = []
  let upgradeHeaders: RawSocket['upgradeHeaders'] = {}
  socket.on('upgrade', (response) => { upgradeHeaders = response.headers })
  socket.on('message', (data) => {
    const frame = parse(String(data))
    const taker = waiting.shift()
    if (taker) taker(frame)
    else frames.push(frame)
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
  })
  socket.on('error', () => undefined)
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => reject(new UpgradeRefused(response.statusCode ?? 0, Buffer.concat(chunks).toString())))
    })
    socket.once('error', reject)
  })
  const next = (): Promise<Json> => {
    const frame = frames.shift()
    return frame ? Promise.resolve(frame) : new Promise((resolve) => { waiting.push(resolve) })
  }
  const sendFrame: RawSocket['send'] = (frame) => socket.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame))
  return {
    socket, upgradeHeaders, closed, next, send: sendFrame,
    async turn(frame) {
      sendFrame(frame)
      const taken: Json[] = []
      for (;;) {
        taken.push(await next())
        if (TERMINAL.has(String(taken.at(-1)?.['type']))) return taken
      }
    },
  }
}
