import { connect as connectHttp2, constants, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'
import * as grpc from '@grpc/grpc-js'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ask, call, openGrpcServer, SECRET, type OpenDoor } from '../support/open-grpc-server.js'
import { SEED } from '../support/made-up.js'

const COMPLETE = '/amplifier.module.ProviderService/Complete'
let open: OpenDoor
const sessions: ClientHttp2Session[] = []

beforeAll(async () => { open = await openGrpcServer() })
afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy()
  expect(JSON.stringify(await call(open.client, 'Complete', ask('still there')))).toContain('still there')
})
afterAll(() => open.close())

interface Answer { status?: number; grpcStatus?: number; rst?: number; error?: string }

/** One request over bare HTTP/2, as no gRPC client would send it; resolves when the stream has ended, however it did. */
function request(headers: OutgoingHttpHeaders, body: Buffer): Promise<Answer> {
  const session = connectHttp2(`http://127.0.0.1:${open.door.port}`)
  sessions.push(session)
  const answer: Answer = {}
  return new Promise((resolve) => {
    session.on('error', (error) => { answer.error = error.message })
    const stream = session.request({ ':method': 'POST', ':path': COMPLETE, 'content-type': 'application/grpc', te: 'trailers', 'x-amplifier-token': SECRET, ...headers })
    const note = (found: Record<string, unknown>) => {
      if (found[':status'] !== undefined) answer.status = Number(found[':status'])
      if (found['grpc-status'] !== undefined) answer.grpcStatus = Number(found['grpc-status'])
    }
    stream.on('response', note).on('trailers', note).on('error', (error) => { answer.error = error.message }).resume()
    stream.on('close', () => resolve({ ...answer, ...(stream.rstCode === constants.NGHTTP2_NO_ERROR ? {} : { rst: stream.rstCode }) }))
    stream.end(body)
  })
}

/** A message as gRPC frames it: a flag, the length, the bytes. */
function frame(bytes: Buffer, { flag = 0, length = bytes.length } = {}): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt8(flag)
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, bytes])
}

describe('what no gRPC client would send', () => {
  test.each([
    ['JSON', { 'content-type': 'application/json' }, 415],
    ['no content type at all', { 'content-type': '' }, 415],
    ['a page', { 'content-type': 'text/html' }, 415],
  ])('%s is refused by its content type', async (_title, headers, status) => {
    expect(await request(headers, Buffer.from('{}'))).toMatchObject({ status })
  })

  test.each<[string, OutgoingHttpHeaders, Buffer, number]>([
    ['a method that there is not', { ':path': '/amplifier.module.ProviderService/Nothing' }, frame(Buffer.alloc(0)), grpc.status.UNIMPLEMENTED],
    ['a service that there is not', { ':path': '/../../etc/passwd' }, frame(Buffer.alloc(0)), grpc.status.UNIMPLEMENTED],
    ['an encoding that there is not', { 'grpc-encoding': 'pigeon' }, frame(Buffer.from('x'), { flag: 1 }), grpc.status.UNIMPLEMENTED],
    ['a gzip that is none', { 'grpc-encoding': 'gzip' }, frame(Buffer.from('no gzip'), { flag: 1 }), grpc.status.INTERNAL],
    ['a message over 64 MB by its own word', {}, frame(Buffer.from('x'), { length: 0x7fff_ffff }), grpc.status.RESOURCE_EXHAUSTED],
    ['protobuf cut in its middle', {}, frame(Buffer.from([0x0a, 0x10, 0x08])), grpc.status.INTERNAL],
    ['a secret in another place', { 'x-amplifier-token': '', authorization: `Bearer ${SECRET}` }, frame(Buffer.alloc(0)), grpc.status.UNAUTHENTICATED],
    ['a deadline that is no number', { 'grpc-timeout': 'soon' }, frame(Buffer.alloc(0)), grpc.status.INTERNAL],
  ])('%s gets its status', async (_title, headers, body, status) => {
    expect((await request(headers, body)).grpcStatus).toBe(status)
  })

  test.each<[string, OutgoingHttpHeaders, Buffer]>([
    ['metadata of 64 KB', { 'x-large': 'x'.repeat(65_536) }, frame(Buffer.alloc(0))],
    ['five hundred headers', Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x-${index}`, 'x'.repeat(100)])), frame(Buffer.alloc(0))],
    ['a message of 65 MB', {}, frame(Buffer.alloc(65 * 1024 * 1024))],
    ['a message shorter than it says', {}, frame(Buffer.from('x'), { length: 100 })],
    ['half a frame', {}, Buffer.from([0, 0])],
    ['no message', {}, Buffer.alloc(0)],
  ])('%s is refused', async (_title, headers, body) => {
    const answer = await request(headers, body)
    expect(answer.grpcStatus === undefined ? (answer.status ?? 0) >= 400 || answer.rst !== undefined || answer.error !== undefined : answer.grpcStatus > 0, JSON.stringify(answer)).toBe(true)
  })

  test('random bytes behind the preface of HTTP/2 end their own connection, and no other', async () => {
    // What is silent ends with the first unanswered ping: all at once, since one after the other would wait for each.
    const pinged = await openGrpcServer({ keepaliveMs: 500 })
    try {
      await Promise.all(fc.sample(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 600 }), fc.boolean()), { numRuns: 50, seed: SEED }).map(async ([bytes, asFrames]) => {
        await new Promise<void>((resolve) => {
          const socket = connect(pinged.door.port, '127.0.0.1', () => socket.end(Buffer.concat([PREFACE, asFrames ? EMPTY_SETTINGS : Buffer.alloc(0), bytes])))
          socket.on('close', () => resolve()).on('error', () => undefined).resume()
        })
        expect(await call(pinged.client, 'GetInfo', {})).toMatchObject({ id: 'openai-chatgpt' })
      }))
    } finally {
      await pinged.close()
    }
  })

  test('random bytes as a message are refused or answered', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), async (bytes) => {
      expect((await request({}, frame(Buffer.from(bytes)))).grpcStatus).toBeTypeOf('number')
      sessions.pop()?.destroy()
    }), { seed: SEED, numRuns: 60 })
  })
})

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
/** What follows it is read as frames. */
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])
