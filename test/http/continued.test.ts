import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createRedisConnection } from '../../src/auth/index.js'
import { createHttpServer, openResponseStore, type StoreOptions } from '../../src/http/index.js'
import { startTwin, type Twin } from '../../src/twin/index.js'
import { mountOnTwin, type Mounted } from '../support/mounted.js'
import { startRedis } from '../support/redis.js'

const hasRedis = spawnSync('redis-server', ['--version']).status === 0
if (!hasRedis) console.log('skipped: a conversation continued from Redis, because no redis-server is installed')
const KINDS = ['sqlite', ...(hasRedis ? ['redis'] as const : [])] as const

interface Sent {
  previous_response_id?: string
  input: unknown[]
}

/** What the backend was sent, by whether it continued and by how many items came. */
const describeSent = (twin: Twin, from: number): string[] => twin.responses().slice(from).map(({ body }) => {
  const { previous_response_id: previous, input } = body as unknown as Sent
  return `${previous === undefined ? 'anew' : 'on'} ${input.length}`
})

interface OpenEndpoint {
  client: OpenAI
  mounted: Mounted
  close: () => Promise<void>
}

/** An endpoint of a mount of its own, as after a start of the program. */
async function openEndpoint(twin: Twin, store: StoreOptions): Promise<OpenEndpoint> {
  const mounted = await mountOnTwin({ on: twin, config: { transport: 'websocket' } })
  const server = await createHttpServer({ provider: mounted.provider, key: 'local-made-up-key', store: await openResponseStore(store) })
  return {
    client: new OpenAI({ apiKey: 'local-made-up-key', baseURL: server.baseUrl, maxRetries: 0 }),
    mounted,
    async close() {
      await server.close()
      await mounted.close()
    },
  }
}

/** Where responses are kept over the test's starts of the endpoint. */
async function prepareStore(kind: 'sqlite' | 'redis'): Promise<StoreOptions> {
  const folder = await mkdtemp(join(tmpdir(), 'continued-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  if (kind === 'sqlite') return { kind, folder }
  const redis = await startRedis(folder)
  onTestFinished(() => redis.stop())
  return { kind, folder, secret: Buffer.alloc(32, 7).toString('base64'), connect: () => createRedisConnection({ url: redis.url }) }
}

describe.each(KINDS)('a conversation continued by previous_response_id, kept in %s', (kind) => {
  test('goes to the backend by its new items alone, after a restart with its whole history once', async () => {
    const twin = await startTwin()
    onTestFinished(() => twin.close())
    const store = await prepareStore(kind)
    const ask = async (client: OpenAI, input: string, previous?: string): Promise<string> =>
      (await client.responses.create({ model: 'gpt-5.5', instructions: 'Be brief.', input, ...(previous === undefined ? {} : { previous_response_id: previous }) })).id
    const before = await openEndpoint(twin, store)
    const first = await ask(before.client, 'one')
    const second = await ask(before.client, 'two', first)
    await ask(before.client, 'not kept', second)
    expect(describeSent(twin, 0)).toEqual(['anew 1', 'on 1', 'on 1'])
    const temporary = await before.client.responses.create({ model: 'gpt-5.5', input: 'x', store: false })
    await before.close()
    const from = twin.responses().length
    const after = await openEndpoint(twin, store)
    onTestFinished(after.close)
    const third = await ask(after.client, 'three', second)
    const fourth = await ask(after.client, 'four', third)
    await ask(after.client, 'five', fourth)
    expect(describeSent(twin, from)).toEqual(['anew 7', 'on 1', 'on 1'])
    await expect(after.client.responses.retrieve(temporary.id)).rejects.toMatchObject({ status: 404 })
    await after.client.responses.delete(first)
    await expect(ask(after.client, 'six', fourth)).rejects.toMatchObject({ status: 400, code: 'previous_response_not_found' })
  })
})

test('what the endpoint serves is told on the bus of its session like any other call', async () => {
  const twin = await startTwin()
  onTestFinished(() => twin.close())
  const { client, mounted, close } = await openEndpoint(twin, { kind: 'memory', folder: '' })
  onTestFinished(close)
  const stream = client.responses.stream({ model: 'gpt-5.5', input: 'one' })
  const { id } = await stream.finalResponse()
  await client.responses.create({ model: 'gpt-5.5', input: 'two', previous_response_id: id })
  await client.chat.completions.create({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'three' }] })
  await mounted.provider.complete({ messages: [{ role: 'user', content: 'four' }] })
  const session = mounted.host.coordinator.sessionId
  const called = mounted.events.filter(({ event }) => event === 'llm:request' || event === 'llm:response')
  expect(called.map(({ event, data }) => [event, data.session_id, data.model, data.message_count ?? data.status])).toEqual([
    ['llm:request', session, 'gpt-5.5', 2], ['llm:response', session, 'gpt-5.5', 'ok'],
    // What it continues is part of the call.
    ['llm:request', session, 'gpt-5.5', 4], ['llm:response', session, 'gpt-5.5', 'ok'],
    ['llm:request', session, 'gpt-5.5', 1], ['llm:response', session, 'gpt-5.5', 'ok'],
    ['llm:request', session, 'gpt-5.5', 1], ['llm:response', session, 'gpt-5.5', 'ok'],
  ])
  const texts = mounted.named('llm:stream_block_delta').filter(({ block_type: type }) => type === 'text').map(({ text }) => text)
  expect(texts.join('')).toBe('You said: oneYou said: twoYou said: threeYou said: four')
})
