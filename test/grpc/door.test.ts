import { connect } from 'node:net'
import * as grpc from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { GrpcServer } from '../../src/grpc/index.js'
import type { Twin } from '../../src/twin/index.js'
import { ask, call, metadata, openGrpcServer, type Message, type OpenDoor, type ProviderClient } from '../support/open-grpc-server.js'

let open: OpenDoor
let twin: Twin
let door: GrpcServer
let client: ProviderClient

async function stream(request: object, more: Record<string, string> = {}): Promise<Message[]> {
  const messages: Message[] = []
  for await (const message of client.CompleteStreaming(request, metadata(more))) messages.push(message as Message)
  return messages
}

/** Looks again and again; answers the milliseconds in which this process ran, since a busy machine's others are not what is measured. */
async function until(condition: () => boolean): Promise<number> {
  const before = process.cpuUsage()
  const started = performance.now()
  while (!condition()) {
    if (performance.now() - started > 30_000) throw new Error('not within 30 s')
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

beforeAll(async () => {
  open = await openGrpcServer();
  ({ twin, door, client } = open)
})
afterAll(() => open.close())

describe('the gRPC door', () => {
  test('tells who it is and lists models without a Mount', async () => {
    expect(await call(client, 'GetInfo', {})).toMatchObject({ id: 'openai-chatgpt' })
    expect((await call(client, 'ListModels', {})).models).not.toHaveLength(0)
    expect(await call(open.lifecycle, 'HealthCheck', {})).toMatchObject({ status: 1 })
  })

  test('streams only what is new, and ends with the whole answer', async () => {
    twin.enqueue({ text: 'one two three four', reasoning: 'pondering', deltaChars: 4 })
    const messages = await stream(ask('count'))
    const last = messages.pop()
    expect(messages.flatMap((message) => message.content_blocks).map((block) => block.text_block?.text ?? '').join('')).toBe('one two three four')
    expect(messages.length).toBeGreaterThan(3)
    expect(last).toMatchObject({ finish_reason: 'stop' })
    expect(last?.usage?.total_tokens).toBeGreaterThan(0)
    expect(JSON.parse(last?.content ?? '')).toHaveLength(last?.content_blocks.length ?? -1)
    const thinking = last?.content_blocks.find((block) => block.thinking_block)
    expect(JSON.parse(thinking?.thinking_block?.content ?? '')[2]).toMatchObject({ lane: 'codex' })
  })

  test('streams characters whole that the backend cut in halves', async () => {
    twin.enqueue({ text: 'a🦜🔧b🦜', reasoning: '🦜 thinks', deltaChars: 1 })
    const blocks = (await stream(ask('parrots'))).slice(0, -1).flatMap((message) => message.content_blocks)
    expect(blocks.map((block) => block.text_block?.text ?? '').join('')).toBe('a🦜🔧b🦜')
    expect(blocks.map((block) => block.thinking_block?.content ?? '').join('')).not.toContain('\ufffd')
  })

  test('streams text and thinking that end in half a character as the whole answer has them', async () => {
    twin.enqueue({ text: 'said \uD83E', reasoning: 'thought \uD83E', deltaChars: 3 })
    const messages = await stream(ask('halves'))
    const whole = messages.pop()
    const blocks = messages.flatMap((message) => message.content_blocks)
    expect(blocks.map((block) => block.text_block?.text ?? '').join('')).toBe('said \uFFFD')
    expect(blocks.map((block) => block.thinking_block?.thinking ?? '').join('')).toBe('thought \uFFFD')
    expect(whole?.content_blocks.map((block) => block.text_block?.text ?? block.thinking_block?.thinking)).toEqual(['thought \uFFFD', 'said \uFFFD'])
  })

  test('a thinking block that comes back goes upstream with its encrypted reasoning', async () => {
    twin.enqueue({ text: 'first', reasoning: 'pondering' })
    const last = (await stream(ask('one'))).at(-1)
    const { messages } = ask('one')
    await stream({ messages: [...messages, { role: 3, block_content: { blocks: last?.content_blocks } }, { role: 2, text_content: 'two' }], model: 'gpt-5.5' })
    expect(JSON.stringify(twin.responses().at(-1)?.body)).toContain('"encrypted_content"')
  })

  test('events ride beside the answer in order, each with its own call', async () => {
    const texts = Array.from({ length: 20 }, (_, index) => `message number ${index}`)
    const runs = await Promise.all(texts.map((text) => stream(ask(text), { 'x-amplifier-events': '1' })))
    for (const [index, run] of runs.entries()) {
      const events = run.slice(0, -1).flatMap((message) => (message.metadata_json ? (JSON.parse(message.metadata_json) as { events: { event: string; data: { text?: string } }[] }).events : []))
      const names = events.map(({ event }) => event).filter((name) => name.startsWith('llm:'))
      expect(names[0]).toBe('llm:request')
      expect(names.at(-1)).toBe('llm:response')
      expect(names.filter((name) => name === 'llm:request' || name === 'llm:response')).toHaveLength(2)
      expect(events.map(({ data }) => data.text ?? '').join('')).toContain(texts[index])
      expect(run.at(-1)?.metadata_json).not.toContain('"events"')
    }
  })

  test('a tool call comes as one block and as a call of the whole answer', async () => {
    const last = (await stream(ask('call look {"at":1}', { tools: [{ name: 'look', description: '', parameters_json: '{"type":"object","properties":{"at":{"type":"number"}}}' }] }))).at(-1)
    expect(last).toMatchObject({ finish_reason: 'tool_calls', tool_calls: [{ name: 'look', arguments_json: '{"at":1}' }] })
    expect((await call(client, 'ParseToolCalls', last ?? {})).tool_calls).toMatchObject([{ name: 'look' }])
  })

  test.each([
    [429, { error: { type: 'rate_limit_exceeded', message: 'slow' } }, grpc.status.RESOURCE_EXHAUSTED, 'RateLimitError', true],
    [500, {}, grpc.status.UNAVAILABLE, 'ProviderUnavailableError', true],
    [400, { error: { code: 'context_length_exceeded', message: 'too long' } }, grpc.status.INVALID_ARGUMENT, 'ContextLengthError', false],
  ])('a backend %i comes as its status, with the typed error in the details', async (status, body, code, type, retryable) => {
    twin.enqueue({ status, body })
    const error = await call(client, 'Complete', ask('x')).then(() => undefined, (thrown: grpc.ServiceError) => thrown)
    expect(error?.code).toBe(code)
    expect(JSON.parse(String(error?.metadata.get('amplifier-error-bin')[0]))).toMatchObject({ type, retryable, ...(status === 500 ? { may_have_run: true } : {}) })
    expect(String(error?.metadata.get('grpc-status-details-bin')[0])).toContain('amplifier.module.AmplifierError')
  })

  test.each([
    ['cancel', 'in mid-stream', 6], ['cancel', 'before the first byte', 0], ['deadline', 'in mid-stream', 6], ['deadline', 'before the first byte', 0],
  ] as const)('a %s of the caller %s frees the upstream call within 250 ms', async (how, _when, stallAfterEvents) => {
    twin.enqueue({ text: 'a long answer', deltaChars: 1, stallAfterEvents })
    const running = client.CompleteStreaming(ask('stall'), metadata(), how === 'deadline' ? { deadline: Date.now() + 300 } : {})
    const ended = new Promise<grpc.ServiceError>((resolve) => running.on('error', resolve))
    if (stallAfterEvents > 0) await new Promise((resolve) => running.once('data', resolve))
    running.resume()
    await until(() => twin.activity().running === 1)
    if (how === 'cancel') running.cancel()
    expect((await ended).code).toBe(how === 'cancel' ? grpc.status.CANCELLED : grpc.status.DEADLINE_EXCEEDED)
    expect(await until(() => twin.activity().running === 0)).toBeLessThan(250)
  })

  test('a caller of Complete that hangs up frees the upstream call within 250 ms', async () => {
    twin.enqueue({ text: 'a long answer', deltaChars: 1, stallAfterEvents: 6 })
    const ended = new Promise<grpc.ServiceError | null>((resolve) => {
      const running = client.Complete?.(ask('stall'), metadata(), {}, resolve) as unknown as grpc.ClientUnaryCall
      void until(() => twin.activity().running === 1).then(() => running.cancel())
    })
    expect((await ended)?.code).toBe(grpc.status.CANCELLED)
    expect(await until(() => twin.activity().running === 0)).toBeLessThan(250)
  })

  test('a hundred calls at once all answer, and a stalled one holds nobody up', async () => {
    twin.enqueue({ text: 'never', stallAfterEvents: 3, match: (request) => JSON.stringify(request.body).includes('stall-me') })
    const stalled = client.CompleteStreaming(ask('stall-me'), metadata())
    stalled.on('error', () => undefined)
    await until(() => twin.activity().running === 1)
    const answers = await Promise.all(Array.from({ length: 99 }, (_, index) => stream(ask(`number ${index}.`))))
    expect(twin.activity().running).toBe(1)
    expect(answers.every((run, index) => run.at(-1)?.content.includes(`number ${index}.`))).toBe(true)
    stalled.cancel()
  })

  test('a 1 MB prompt and a 5 MB image get through whole', async () => {
    const source = { type: 'base64', media_type: 'image/png', data: Buffer.alloc(5_000_000, 7).toString('base64') }
    const blocks = [{ text_block: { text: 'x'.repeat(1_000_000) } }, { image_block: { media_type: 'image/png', source_json: JSON.stringify(source) } }]
    await stream({ messages: [{ role: 2, block_content: { blocks } }], model: 'gpt-5.5' })
    expect(JSON.stringify(twin.responses().at(-1)?.body).length).toBeGreaterThan(7_000_000)
  })

  test('garbage on the wire and in a message never ends the server', async () => {
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(512, 0xff), Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\xff\xff\xff')]) {
      await new Promise<void>((resolve) => {
        const socket = connect(door.port, '127.0.0.1', () => socket.end(bytes))
        socket.on('close', () => resolve()).on('error', () => resolve()).resume()
      })
    }
    const raw = new grpc.Client(`127.0.0.1:${door.port}`, grpc.credentials.createInsecure())
    const same = (value: Buffer) => value
    for (const bytes of [Buffer.alloc(64, 0xff), Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x7f]), Buffer.from([0x0a, 0x02, 0x08, 0x63])]) {
      const code = await new Promise<number | undefined>((resolve) => {
        raw.makeUnaryRequest('/amplifier.module.ProviderService/Complete', same, same, bytes, metadata(), (error) => resolve(error?.code))
      })
      expect(code).toBeGreaterThan(0)
    }
    raw.close()
    await expect(call(client, 'Complete', { messages: [{ role: 2, text_content: 'x', metadata_json: '{' }] })).rejects.toMatchObject({ code: grpc.status.INVALID_ARGUMENT })
    expect((await stream(ask('still there'))).at(-1)?.content).toContain('still there')
  })
})
