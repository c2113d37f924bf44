import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createHttpServer, type HttpServer } from '../../src/http/index.js'
import { mountOnTwin, type Mounted } from '../support/mounted.js'

const KEY = 'local-made-up-key'
let mounted: Mounted
let server: HttpServer
beforeAll(async () => {
  mounted = await mountOnTwin({ config: { max_retries: 0 } })
  server = await createHttpServer({ provider: mounted.provider, key: KEY })
})
afterAll(async () => {
  await server.close()
  await mounted.close()
})

/** What comes back over one connection for these bytes, up to the last expected text. */
async function exchange(pieces: readonly string[], last: string, then?: string, end = ''): Promise<string> {
  const socket = connect(Number(new URL(server.baseUrl).port), '127.0.0.1')
  await once(socket, 'connect')
  let text = ''
  socket.on('data', (bytes) => void (text += bytes.toString()))
  const seen = (word: string) => vi.waitFor(() => expect(text).toContain(word), { timeout: 20_000 })
  for (const piece of pieces) await new Promise((resolve) => socket.write(piece, resolve))
  await seen(last)
  if (then !== undefined) socket.write(then)
  await seen(end)
  socket.destroy()
  return text
}

/** As Java's HTTP client asks at an `http:` address. */
const OFFER = 'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n'
const head = (line: string, more = '') => `${line} HTTP/1.1\r\nhost: ${new URL(server.baseUrl).host}\r\nauthorization: Bearer ${KEY}\r\n${more}`
const body = JSON.stringify({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'hello' }] })
const post = (more: string) => head('POST /v1/chat/completions', `${more}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`)

test('a request that offers HTTP/2 is answered as it is, with its body whole or in pieces, and so is the next of its connection', async () => {
  const whole = await exchange([post(OFFER) + body], 'You said: hello')
  const pieces = await exchange([post(OFFER), body.slice(0, 20), body.slice(20)], 'You said: hello')
  const next = await exchange([`${head('GET /healthz', OFFER)}\r\n`], '"status":"ok"', `${head('GET /readyz', OFFER)}\r\n`, '"status":"ready"')
  const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)
  expect([whole, pieces, next].map(statuses)).toEqual([['200'], ['200'], ['200', '200']])
})

test('such a request is let in by the same rules', async () => {
  const refused = await exchange([`GET /v1/models HTTP/1.1\r\nhost: evil.example\r\n${OFFER}\r\n`], 'host_not_allowed')
  const keyless = await exchange([`GET /v1/models HTTP/1.1\r\nhost: ${new URL(server.baseUrl).host}\r\n${OFFER}\r\n`], 'invalid_api_key')
  expect([refused.slice(9, 12), keyless.slice(9, 12)]).toEqual(['403', '401'])
})
