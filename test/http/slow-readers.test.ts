import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createHttpServer, type HttpServer, type HttpServerOptions } from '../../src/http/index.js'
import { ask, collect, mountOnTwin, textOf, type Mounted } from '../support/mounted.js'

const KEY = 'local-made-up-key'
/** More than the buffers of the two ends of a connection take. */
const LONG = { text: 'x'.repeat(24 * 1024 * 1024), deltaChars: 64 * 1024 }
const BODIES = {
  '/v1/chat/completions': { model: 'gpt-5.5', stream: true, messages: [{ role: 'user', content: 'long' }] },
  '/v1/responses': { model: 'gpt-5.5', stream: true, input: 'long' },
  '/v1/messages': { model: 'gpt-5.5', stream: true, max_tokens: 100, messages: [{ role: 'user', content: 'long' }] },
}

async function open(config: Record<string, unknown>, options: Partial<HttpServerOptions> = {}): Promise<{ mounted: Mounted; server: HttpServer }> {
  const mounted = await mountOnTwin({ config: { max_retries: 0, ...config } })
  const server = await createHttpServer({ provider: mounted.provider, key: KEY, ...options })
  onTestFinished(async () => {
    await server.close()
    await mounted.close()
  })
  return { mounted, server }
}

/** A connection on which `count` requests are sent at once, of whose answers nothing is read. */
async function sendUnread({ baseUrl }: HttpServer, path: string, body: object, count = 1): Promise<Socket> {
  const { hostname, port } = new URL(baseUrl)
  const socket = connect(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  socket.pause()
  const text = JSON.stringify(body)
  socket.write(`POST ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: Bearer ${KEY}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`.repeat(count))
  return socket
}

test.each(Object.entries(BODIES))('who asks %s and reads nothing loses the place after `timeout`, told by the log', async (path, body) => {
  const log: { error?: string }[] = []
  const { mounted, server } = await open({ max_concurrency: 1, timeout: 0.5 }, { log: (entry) => void log.push(entry), times: { stalledReaderMs: 1500 } })
  mounted.twin.enqueue(LONG)
  const socket = await sendUnread(server, path, body)
  const closed = once(socket.on('error', () => undefined), 'close')
  await vi.waitFor(() => expect(mounted.named('llm:request')).toHaveLength(1), { timeout: 10_000 })
  // Of the one place of the account, as the first neither reads nor leaves.
  expect(textOf(await collect(mounted.provider.stream(ask('next'))))).toBe('You said: next')
  expect(mounted.named('llm:response')[0]).toMatchObject({ status: 'error', error: expect.stringContaining('was not read for 0.5 s') as string })
  await vi.waitFor(() => expect(log).toHaveLength(1), { timeout: 10_000 })
  // Nothing is left of its connection either: the end is seen once the rest is read.
  socket.resume()
  await closed
}, 30_000)

test('clients that pipeline long streams and leave hold no call of the account', async () => {
  const { mounted, server } = await open({ max_concurrency: 6 })
  for (let count = 0; count < 12; count += 1) mounted.twin.enqueue({ text: 'x'.repeat(40_000), deltaChars: 100, eventDelayMs: 50 })
  const sockets = await Promise.all(Array.from({ length: 6 }, () => sendUnread(server, '/v1/chat/completions', BODIES['/v1/chat/completions'], 2)))
  await vi.waitFor(() => expect(mounted.twin.responses()).toHaveLength(6), { timeout: 10_000 })
  for (const socket of sockets) socket.destroy()
  await vi.waitFor(() => expect(mounted.named('llm:response')).toHaveLength(6), { timeout: 10_000 })
  expect(mounted.named('llm:response').map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 'error'))
  // The second of each connection was never asked for.
  expect(mounted.twin.responses()).toHaveLength(6)
}, 30_000)

test('an idle connection is kept for longer than its client is told, so that no request leaves as it is closed', async () => {
  const { server } = await open({})
  const { hostname, port } = new URL(server.baseUrl)
  const reply = await fetch(`http://${hostname}:${port}/healthz`)
  expect(reply.headers.get('keep-alive')).toBe('timeout=60')
  await reply.text()
})

test('forty requests sent over one connection before an answer is read are answered in order, and leave no listener that Node warns of', async () => {
  const warnings: Error[] = []
  const warn = (warning: Error) => void warnings.push(warning)
  process.on('warning', warn)
  onTestFinished(() => void process.off('warning', warn))
  const { mounted, server } = await open({ max_concurrency: 40 })
  const socket = await sendUnread(server, '/v1/chat/completions', { ...BODIES['/v1/chat/completions'], stream: false }, 40)
  let text = ''
  socket.on('data', (piece) => { text += String(piece) }).resume()
  await vi.waitFor(() => expect(text.split('HTTP/1.1 200 OK')).toHaveLength(41), { timeout: 20_000 })
  // Forty calls that share one signal, too.
  const { signal } = new AbortController()
  await Promise.all(Array.from({ length: 40 }, () => mounted.provider.complete(ask('hello'), { signal })))
  await new Promise((resolve) => setImmediate(resolve))
  expect(warnings).toEqual([])
}, 40_000)
