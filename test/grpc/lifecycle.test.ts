import { once } from 'node:events'
import * as grpc from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ask, call, loadServices, metadata, openGrpcServer, type OpenDoor } from '../support/open-grpc-server.js'

const METHODS = [
  ['client', 'GetInfo'], ['client', 'ListModels'], ['client', 'Complete'], ['client', 'ParseToolCalls'],
  ['lifecycle', 'Mount'], ['lifecycle', 'Cleanup'], ['lifecycle', 'HealthCheck'], ['lifecycle', 'GetModuleInfo'],
] as const

let open: OpenDoor
beforeAll(async () => { open = await openGrpcServer() })
afterAll(() => open.close())

describe('the lifecycle service', () => {
  test('tells what module it is, with the schema of its config', async () => {
    const info: Record<string, unknown> = await call(open.lifecycle, 'GetModuleInfo', {})
    expect(info).toMatchObject({ id: 'provider-openai-chatgpt', module_type: 1, mount_point: 'providers' })
    expect(JSON.parse(String(info.config_schema_json))).toHaveProperty('properties.default_model')
  })

  test('Mount lays its strings over the config, Cleanup twice takes the mount down, and the next call mounts again', async () => {
    const config = { default_model: 'gpt-5.4', reasoning_effort: 'high', max_retries: '2' }
    expect(await call(open.lifecycle, 'Mount', { config, module_id: 'provider-openai-chatgpt' })).toEqual({ success: true, error: '', status: 1 })
    await call(open.client, 'Complete', ask('one', { model: '' }))
    expect(open.twin.responses().at(-1)?.body).toMatchObject({ model: 'gpt-5.4', reasoning: { effort: 'high' } })
    for (let count = 0; count < 2; count++) expect(await call(open.lifecycle, 'Cleanup', {})).toEqual({})
    expect(open.twin.openConnections()).toEqual({ http: 0, websocket: 0 })
    await call(open.client, 'Complete', ask('two', { model: '' }))
    expect(open.twin.responses().at(-1)?.body).toMatchObject({ model: 'gpt-5.4', reasoning: { effort: 'high' } })
    expect(await call(open.lifecycle, 'HealthCheck', {})).toEqual({ status: 1, message: '' })
    expect(await call(open.lifecycle, 'Mount', { config: { default_model: 'gpt-5.5' } })).toMatchObject({ success: true })
  })

  test.each([
    ['another module', { module_id: 'provider-anthropic' }, /provider-openai-chatgpt, not provider-anthropic/],
    ['somebody else\'s server and an environment variable', { config: { base_url: 'http://127.0.0.1:9', api_key: '${AWS_SECRET_ACCESS_KEY}' } }, /base_url, api_key.* may not be set by a caller that doesn't say where it has its config from/],
    ['an environment variable as model', { config: { default_model: '${HOME}' } }, /default_model may not be set by a caller/],
    ['a config that is wrong', { config: { transport: 'pigeon' } }, /transport/],
  ])('a Mount of %s fails with the reason and leaves the door open', async (_word, request, reason) => {
    const answer: Record<string, unknown> = await call(open.lifecycle, 'Mount', request)
    expect(answer).toMatchObject({ success: false, status: 2 })
    expect(answer.error).toMatch(reason)
    expect(await call(open.lifecycle, 'Mount', { config: { transport: 'sse' } })).toMatchObject({ success: true })
  })
})

describe('the secret', () => {
  test.each([
    ['none', ''], ['a wrong one', 'made-up-secret-2'], ['its beginning', 'made-up-secre'], ['in capitals it', 'MADE-UP-SECRET'], ['a bearer of it', 'Bearer made-up-secret'], ['it twice', 'made-up-secret,made-up-secret'],
  ])('%s is refused by every method', async (_word, secret) => {
    for (const [on, method] of METHODS) {
      await expect(call(open[on], method, {}, metadata({}, secret)), method).rejects.toMatchObject({ code: grpc.status.UNAUTHENTICATED })
    }
    const refused = open.client.CompleteStreaming(ask('x'), metadata({}, secret))
    await expect(refused.toArray()).rejects.toMatchObject({ code: grpc.status.UNAUTHENTICATED })
  })

  test('is asked for before the message is read: a stranger is refused while the message has yet to come', async () => {
    const channel = new grpc.Client(`127.0.0.1:${open.door.port}`, grpc.credentials.createInsecure())
    const same = (value: Buffer) => value
    // A client stream stands for a message that never ends: to a door that parses first there is nothing to answer yet.
    const stranger = channel.makeClientStreamRequest('/amplifier.module.ProviderService/Complete', same, same, metadata({}, 'made-up-secret-2'), () => undefined)
    const [status] = (await once(stranger, 'status')) as [grpc.StatusObject]
    expect(status.code).toBe(grpc.status.UNAUTHENTICATED)
    const large = { messages: [{ role: 2, text_content: 'x'.repeat(20_000_000) }] }
    for (let count = 0; count < 3; count++) {
      await expect(call(open.client, 'Complete', large, metadata({}, 'made-up-secret-2'))).rejects.toMatchObject({ code: grpc.status.UNAUTHENTICATED })
    }
    expect(JSON.stringify(await call(open.client, 'Complete', ask('who knows it')))).toContain('who knows it')
    channel.close()
  })
})

describe("a kernel's own service", () => {
  interface Told { event: string; data: Record<string, unknown>; token: unknown }

  async function startKernel(): Promise<{ port: number; told: Told[]; close(): void }> {
    const told: Told[] = []
    const server = new grpc.Server()
    server.addService((await loadServices()).KernelService?.service as grpc.ServiceDefinition, {
      EmitHook({ request, metadata: sent }: grpc.ServerUnaryCall<{ event: string; data_json: string }, object>, answer: grpc.sendUnaryData<object>) {
        told.push({ event: request.event, data: JSON.parse(request.data_json) as Record<string, unknown>, token: sent.get('x-amplifier-token')[0] })
        answer(null, { action: 1 })
      },
    })
    const port = await new Promise<number>((resolve, reject) => server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))))
    return { port, told, close: () => server.forceShutdown() }
  }

  test('is told the events of calls in order, but of those whose caller takes them itself', async () => {
    const kernel = await startKernel()
    const { client, twin, close } = await openGrpcServer({ kernel: { address: `http://127.0.0.1:${kernel.port}`, token: 'kernel-token' } })
    try {
      twin.enqueue({ text: 'one two three four', deltaChars: 4 })
      await call(client, 'Complete', ask('count'))
      await vi.waitFor(() => expect(kernel.told.at(-1)?.event).toBe('llm:response'), { interval: 5, timeout: 10_000 })
      const names = kernel.told.map(({ event }) => event).filter((event) => event.startsWith('llm:'))
      expect(names.slice(0, 2)).toEqual(['llm:request', 'llm:stream_block_start'])
      expect(kernel.told.filter(({ event }) => event === 'llm:stream_block_delta').map(({ data }) => data.text).join('')).toBe('one two three four')
      expect(new Set(kernel.told.map(({ token }) => token))).toEqual(new Set(['kernel-token']))
      const before = kernel.told.length
      await client.CompleteStreaming(ask('to myself'), metadata({ 'x-amplifier-events': '1' })).toArray()
      await call(client, 'Complete', ask('to the kernel'))
      await vi.waitFor(() => expect(kernel.told.slice(before).at(-1)?.event).toBe('llm:response'), { interval: 5, timeout: 10_000 })
      expect(kernel.told.slice(before).filter(({ event }) => event === 'llm:request')).toHaveLength(1)
    } finally {
      await close()
      kernel.close()
    }
  })

  test('that is not there costs one warning and no call', async () => {
    const gone = await startKernel()
    gone.close()
    const warnings: string[] = []
    const { client, close } = await openGrpcServer({ kernel: { address: `127.0.0.1:${gone.port}` }, warn: (message) => warnings.push(message) })
    try {
      expect(JSON.stringify(await call(client, 'Complete', ask('all the same')))).toContain('all the same')
      await vi.waitFor(() => expect(warnings).toHaveLength(1), { interval: 5, timeout: 10_000 })
      expect(warnings[0]).toMatch(/^the kernel at 127\.0\.0\.1:\d+ did not take /)
    } finally {
      await close()
    }
  })
})
