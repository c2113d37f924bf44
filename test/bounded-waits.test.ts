/** Every wait behind a call, a list or a request of an endpoint ends with the caller and with `total_timeout`, whatever it waits for. */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createHttpServer } from '../src/http/index.js'
import { startTwin, type Twin } from '../src/twin/index.js'
import { metadata, openGrpcServer } from './support/open-grpc-server.js'
import { ask, failureOf, mountOnTwin, type Mounted } from './support/mounted.js'

const KEY = 'local-made-up-key'
/** Seconds; each wait below would last for 15 to 92 without it. */
const LIMIT = 0.4

interface Stuck {
  /** makes the wait begin with the next question */
  prepare(twin: Twin): void
  /** the wait has begun */
  begun(twin: Twin): boolean
}

/** A server of the model list that never answers, and an issuer that never answers a refresh, which stands before the list. */
const WAITS: Record<string, Stuck> = {
  'a model list that never comes': {
    prepare: (twin) => twin.refuse('/backend-api/codex/models', { hang: true, times: 100 }),
    begun: (twin) => twin.requests.some(({ path }) => path.endsWith('/models')),
  },
  'a refresh that never ends': {
    prepare(twin) {
      twin.expireAccessTokens()
      twin.enqueueRefresh(...Array.from({ length: 10 }, () => ({ hang: 'before' }) as const))
    },
    begun: (twin) => twin.requests.some(({ path }) => path.endsWith('/oauth/token')),
  },
}

async function openStuck({ prepare }: Stuck, config: Record<string, unknown> = {}): Promise<Mounted> {
  const twin = await startTwin()
  const mounted = await mountOnTwin({ on: twin, config })
  onTestFinished(async () => {
    // What waits for the twin ends with it; a refresh is never cut off by us.
    await twin.close()
    await mounted.close()
  })
  prepare(twin)
  return mounted
}

const REQUESTS: Record<string, { method: string; body?: object }> = {
  '/models': { method: 'GET' },
  '/models/gpt-5.5': { method: 'GET' },
  '/chat/completions': { method: 'POST', body: { model: 'gpt-5.5', messages: [{ role: 'user', content: 'hello' }] } },
  '/responses': { method: 'POST', body: { model: 'gpt-5.5', input: 'hello' } },
  '/responses/compact': { method: 'POST', body: { model: 'gpt-5.5', input: 'hello' } },
  '/messages': { method: 'POST', body: { model: 'claude-opus-4-1', max_tokens: 9, messages: [{ role: 'user', content: 'hello' }] } },
  '/messages/count_tokens': { method: 'POST', body: { model: 'claude-opus-4-1', messages: [{ role: 'user', content: 'hello' }] } },
}

function send(baseUrl: string, path: string, signal?: AbortSignal): Promise<Response> {
  const { method, body } = REQUESTS[path] ?? {}
  return fetch(`${baseUrl}${path}`, {
    ...(method && { method }), ...(signal && { signal }), ...(body && { body: JSON.stringify(body) }),
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
  })
}

describe.each(Object.entries(WAITS))('%s', (_title, stuck) => {
  test('keeps neither list nor call longer than total_timeout', async () => {
    const { provider } = await openStuck(stuck, { total_timeout: LIMIT })
    const started = performance.now()
    const expected = { name: 'LLMTimeoutError', code: 'total_timeout' }
    const [list, call] = await Promise.all([failureOf(provider.listModels()), failureOf(provider.complete(ask('hello')))])
    expect(list).toMatchObject(expected)
    expect(call).toMatchObject(expected)
    expect(performance.now() - started).toBeLessThan(12_000)
  })

  test('keeps none of them behind their caller, nor behind close()', async () => {
    const mounted = await openStuck(stuck)
    const controller = new AbortController()
    const left = failureOf(mounted.provider.listModels({ signal: controller.signal }))
    const closed = failureOf(mounted.provider.listModels())
    await vi.waitFor(() => expect(stuck.begun(mounted.twin)).toBe(true), { timeout: 10_000 })
    controller.abort()
    expect(await left).toMatchObject({ name: 'AbortError' })
    await mounted.provider.close()
    expect(await closed).toMatchObject({ name: 'AbortError', message: 'The provider was closed.' })
    expect(await failureOf(mounted.provider.listModels())).toMatchObject({ name: 'AbortError', message: 'The provider is closed.' })
  })

  test('keeps no request of the endpoint longer than total_timeout', async () => {
    const { provider } = await openStuck(stuck, { total_timeout: LIMIT })
    const server = await createHttpServer({ provider, key: KEY, roles: ['reasoning'] })
    onTestFinished(() => server.close())
    const started = performance.now()
    const replies = await Promise.all(Object.keys(REQUESTS).map(async (path) => {
      const reply = await send(server.baseUrl, path)
      return [path, reply.status, (await reply.text()).includes('total limit of 0.4 s')]
    }))
    expect(replies).toEqual(Object.keys(REQUESTS).map((path) => [path, 504, true]))
    expect(performance.now() - started).toBeLessThan(12_000)
  })

  test('keeps no request of the endpoint longer than its client', async () => {
    const mounted = await openStuck(stuck)
    const log: { path: string; status: number }[] = []
    const server = await createHttpServer({ provider: mounted.provider, key: KEY, log: ({ path, status }) => void log.push({ path, status }) })
    onTestFinished(() => server.close())
    const controller = new AbortController()
    const asked = Object.keys(REQUESTS).map((path) => send(server.baseUrl, path, controller.signal).catch(() => undefined))
    await vi.waitFor(() => expect(stuck.begun(mounted.twin)).toBe(true), { timeout: 10_000 })
    controller.abort()
    await Promise.all(asked)
    await vi.waitFor(() => expect(log).toHaveLength(asked.length), { timeout: 10_000 })
    expect(log.filter(({ status }) => status !== 499)).toEqual([])
  })
})

test('over gRPC a model list that never comes ends with total_timeout', async () => {
  const { twin, client, close } = await openGrpcServer({}, { total_timeout: LIMIT })
  onTestFinished(async () => {
    await twin.close()
    await close()
  })
  twin.refuse('/backend-api/codex/models', { hang: true, times: 100 })
  const listed = await new Promise<{ code?: number; details?: string } | null>((resolve) => client.ListModels?.({}, metadata(), {}, (error) => resolve(error)))
  expect(listed).toMatchObject({ code: 4, details: expect.stringContaining('total limit of 0.4 s') as string })
})
