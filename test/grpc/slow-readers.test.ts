import { connect, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2'
import * as grpc from '@grpc/grpc-js'
import { expect, onTestFinished, test, vi } from 'vitest'
import { loadServices, metadata, openGrpcServer, SECRET, type Message } from '../support/open-grpc-server.js'

const LONG = { text: 'x'.repeat(24 * 1024 * 1024), deltaChars: 64 * 1024 }
const textOf = ({ content_blocks: blocks }: Message) => blocks.map((block) => block.text_block?.text ?? '').join('')
const request = (content: string) => ({ messages: [{ role: 2, text_content: content }], model: 'gpt-5.5' })

/**
 * A call whose answer is not read. Over bare HTTP/2, which grants no more than its first window of 64 KB: the client of
 * grpc-js takes an answer of 24 MB into its own buffers, whether it is read or not.
 */
async function streamUnread(port: number, text: string): Promise<ClientHttp2Stream> {
  const { path, requestSerialize } = (await loadServices()).ProviderService?.service.CompleteStreaming as grpc.MethodDefinition<object, object>
  const session = connect(`http://127.0.0.1:${port}`)
  onTestFinished(() => session.destroy())
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', 'x-amplifier-token': SECRET })
  stream.pause()
  const message = requestSerialize(request(text))
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  stream.end(Buffer.concat([head, message]))
  return stream
}

test('who streams and reads nothing loses the place after `timeout`, and hears why on reading on', async () => {
  const { twin, door, client, close } = await openGrpcServer({}, { max_concurrency: 1, timeout: 0.5 })
  onTestFinished(close)
  twin.enqueue(LONG)
  const stalled = await streamUnread(door.port, 'long')
  const ended = new Promise<IncomingHttpHeaders>((resolve) => stalled.once('trailers', resolve))
  await vi.waitFor(() => expect(twin.responses()).toHaveLength(1), { timeout: 10_000 })
  // Of the one place of the account.
  const next = await new Promise<Message>((resolve, reject) => client.Complete?.(request('next'), metadata(), {}, (error, reply) => (error ? reject(error) : resolve(reply as never as Message))))
  expect(textOf(next)).toBe('You said: next')
  stalled.resume()
  const { 'grpc-status': code, 'grpc-message': details } = await ended
  expect({ code, details: decodeURIComponent(String(details)) }).toEqual({ code: String(grpc.status.DEADLINE_EXCEEDED), details: expect.stringContaining('was not read for 0.5 s') as string })
}, 30_000)

test('who streams, reads nothing and leaves frees the place at once', async () => {
  const { twin, client, close } = await openGrpcServer({}, { max_concurrency: 1, timeout: 0 })
  onTestFinished(close)
  twin.enqueue(LONG)
  const stalled = client.CompleteStreaming(request('long'), metadata())
  stalled.on('error', () => undefined)
  await vi.waitFor(() => expect(twin.responses()).toHaveLength(1), { timeout: 10_000 })
  stalled.cancel()
  const next = await new Promise<Message>((resolve, reject) => client.Complete?.(request('next'), metadata(), {}, (error, reply) => (error ? reject(error) : resolve(reply as never as Message))))
  expect(textOf(next)).toBe('You said: next')
}, 30_000)
