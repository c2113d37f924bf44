import * as grpc from '@grpc/grpc-js'
import { expect, onTestFinished, test, vi } from 'vitest'
import { metadata, openGrpcServer, type Message } from '../support/open-grpc-server.js'

const LONG = { text: 'x'.repeat(24 * 1024 * 1024), deltaChars: 64 * 1024 }
const textOf = ({ content_blocks: blocks }: Message) => blocks.map((block) => block.text_block?.text ?? '').join('')
const request = (content: string) => ({ messages: [{ role: 2, text_content: content }], model: 'gpt-5.5' })

// Skipped: since answers are read one batch ahead, 24 MB reach this client's own buffers before it stalls, and no limit applies.
test.skip('who streams and reads nothing loses the place after `timeout`, and hears why on reading on', async () => {
  const { twin, client, close } = await openGrpcServer({}, { max_concurrency: 1, timeout: 0.5 })
  onTestFinished(close)
  twin.enqueue(LONG)
  const stalled = client.CompleteStreaming(request('long'), metadata())
  const failed = new Promise<grpc.ServiceError>((resolve) => stalled.on('error', (error) => resolve(error as grpc.ServiceError)))
  await vi.waitFor(() => expect(twin.responses()).toHaveLength(1), { timeout: 10_000 })
  // Of the one place of the account.
  const next = await new Promise<Message>((resolve, reject) => client.Complete?.(request('next'), metadata(), {}, (error, reply) => (error ? reject(error) : resolve(reply as never as Message))))
  expect(textOf(next)).toBe('You said: next')
  stalled.on('data', () => undefined)
  expect(await failed).toMatchObject({ code: grpc.status.DEADLINE_EXCEEDED, details: expect.stringContaining('was not read for 0.5 s') as string })
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
