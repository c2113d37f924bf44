import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isRecord } from '../../src/lib/index.js'
import { ask, doneItems, openSocket, post, responseOf, send, signIn, textOf, typesOf, UpgradeRefused, type Json, type RawSocket, type SignedIn } from './support/raw-client.js'

interface Captured {
  capture: string
  kind: 'http' | 'ws-open' | 'ws-msg' | 'ws-close' | 'upgrade-rejected'
  url: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body: Json | string
}

const captured = JSON.parse(readFileSync(new URL('../fixtures/captures/codex-cli-0.150.1.json', import.meta.url), 'utf8')) as Captured[]
/** `ask('compressed')` by the `zstd` command, level 19. */
const ZSTD_ASK = 'KLUv/SSrxQMAgggZF4BtDiDiLYks7WqEAAAkOVOgMpYOg3lp018ueiHP64Mw6GdbtTImY/Jy1adbTTFaeaHvwb6sKVbO6zP6T8s3iOqX0XfRWirQ+5zA3MkEOGG0suas8nKVOVYehCFY1xj9fGnLUgYAxwyncvxVGzh1MAAa/Zpl55dO9Q=='

const ofKind = (kind: Captured['kind']) => captured.filter((each) => each.kind === kind)

let signed: SignedIn
let plain: SignedIn
beforeAll(async () => {
  signed = await signIn({ accountId: 'acct_test_1' })
  plain = await signIn({ accountId: 'acct_test_1', websocket: false })
})
afterAll(() => Promise.all([signed.twin.close(), plain.twin.close()]))

const HANDSHAKE = new Set(['connection', 'upgrade', 'sec-websocket-version', 'sec-websocket-extensions'])

const TURN_METADATA = JSON.stringify({ session_id: 'made-up', turn_id: 'made-up', request_kind: 'turn' })

/** As captured, with a made-up token and without what the socket writes itself. */
function fillHeaders({ headers }: Captured, by: SignedIn): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => !HANDSHAKE.has(name))
  const filled = kept.map(([name, value]): [string, string] => [name, value.startsWith('<JSON') ? TURN_METADATA : value])
  return { ...Object.fromEntries(filled), authorization: `Bearer ${by.tokens.access_token}` }
}

/** Texts that were replaced by their length get that length again. */
function fill(value: unknown): unknown {
  if (value === '<JSON>') return TURN_METADATA
  if (typeof value === 'string') return value.replace(/^<(\d+) characters>$/, (_all, count: string) => 'x'.repeat(Number(count)))
  if (Array.isArray(value)) return value.map(fill)
  return isRecord(value) ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fill(each)])) : value
}

const frames = () => ofKind('ws-msg').map((each) => fill(each.body) as Json)

describe('what the real client sends', () => {
  test('the catalog requests are answered, newest models kept from an older client', async () => {
    for (const each of ofKind('http').filter((one) => one.method === 'GET')) {
      const reply = await send(`${signed.twin.url}${each.url}`, { headers: fillHeaders(each, signed) })
      expect(reply.status).toBe(200)
      const slugs = (reply.json['models'] as Json[]).map((model) => model['slug'])
      expect(slugs).toContain('gpt-5.5')
      expect(slugs).not.toContain('gpt-6-astra')
    }
  })

  test('the WebSocket: a warm-up, a turn with a tool call, and the continuation with its output alone', async () => {
    const [opening] = ofKind('ws-open')
    const [warmUp, first, second] = frames()
    if (!opening || !warmUp || !first || !second) throw new Error('the capture has changed')
    const { twin } = signed
    const socket: RawSocket = await openSocket(`${twin.url}${opening.url}`, fillHeaders(opening, signed))
    expect(socket.upgradeHeaders['openai-model']).toBe('gpt-5.5')
    expect(socket.socket.extensions).toBe('permessage-deflate')
    const warm = await socket.turn(warmUp)
    expect(typesOf(warm).slice(-3)).toEqual(['response.created', 'response.in_progress', 'response.completed'])
    expect(responseOf(warm)['id']).toBeTruthy()
    twin.enqueue({ toolCalls: [{ name: 'exec_command', arguments: { cmd: 'echo hi' }, call_id: 'call_2' }] })
    const called = await socket.turn(first)
    expect(doneItems(called)).toMatchObject([{ type: 'function_call', call_id: 'call_2' }])
    const answered = await socket.turn({ ...second, previous_response_id: responseOf(called)['id'] })
    expect(textOf(answered)).toContain('The tool exec_command gave: Chunk ID: 2a93a4')
    expect(await socket.turn({ ...second, previous_response_id: responseOf(called)['id'] })).toMatchObject([{ error: { code: 'previous_response_not_found' } }])
    socket.socket.terminate()
  })

  test('the upgrade is refused with 426, and the same turn then goes over HTTP', async () => {
    const [refused] = ofKind('upgrade-rejected')
    const posted = ofKind('http').find((each) => each.method === 'POST')
    const frame = frames()[1]
    if (!refused || !posted || !frame) throw new Error('the capture has changed')
    const opening = openSocket(`${plain.twin.url}${refused.url}`, fillHeaders(refused, plain))
    await expect(opening).rejects.toSatisfy((error: unknown) => error instanceof UpgradeRefused && error.status === 426)
    const { type: _type, ...body } = frame
    const { 'content-encoding': _encoding, ...headers } = fillHeaders(posted, plain)
    const reply = await post(`${plain.twin.url}${posted.url}`, body, headers)
    expect([reply.status, reply.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8'])
    expect((await post(`${plain.twin.url}${posted.url}`, frame, headers)).json).toEqual({ detail: 'Unsupported parameter: type' })
  })

  test('a zstd body, as the reference encoder makes it, is read on every Node, and a broken one refused', async () => {
    const posted = ofKind('http').find((each) => each.method === 'POST')
    if (!posted) throw new Error('the capture has changed')
    const url = `${plain.twin.url}${posted.url}`
    const headers = fillHeaders(posted, plain)
    const { request } = await import('undici')
    const reply = await request(url, { method: 'POST', headers, body: Buffer.from(ZSTD_ASK, 'base64') })
    expect(await reply.body.text()).toContain('compressed')
    expect((await send(url, { method: 'POST', headers, body: JSON.stringify(ask('plain')) })).status).toBe(400)
  })
})
