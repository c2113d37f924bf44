import { expect, test } from 'vitest'
import { createModelsFetcher } from '../../src/account/index.js'
import type { Credential } from '../../src/auth/credential-source.js'
import type { Transport } from '../../src/transport/transport.js'

/** The listing against these statuses in turn; 200 once they are used up. */
function fetcher(statuses: number[]) {
  const waits: number[] = []
  const asked: number[] = []
  const fetchModels = createModelsFetcher({
    transport: {
      fetch: async () => {
        const status = statuses.shift() ?? 200
        asked.push(status)
        return { status, headers: {}, body: status === 200 ? '{"models":[]}' : '{}' }
      },
    } as unknown as Transport,
    credentials: {
      lane: 'codex', billing: 'plan', signIn: 'amplifier-chatgpt login --account work',
      held: () => undefined,
      current: async () => ({ accessToken: 'made-up', lane: 'codex' }) as Credential,
      replace: async () => ({ accessToken: 'made-up-too', lane: 'codex' }) as Credential,
      peek: async () => undefined,
      refusal: async () => undefined,
      headers: () => ({}),
      close: async () => undefined,
    },
    baseUrl: 'http://127.0.0.1', clientVersion: '99.99.99', userAgent: 'test', provider: 'openai-chatgpt', maxRetries: 4,
    now: () => 0, random: () => 0.5, delay: async (ms) => void waits.push(ms),
  })
  return { fetchModels, waits, asked }
}

test('a refused token costs none of the listing\'s retries', async () => {
  const { fetchModels, waits, asked } = fetcher([401, 503, 503])
  await expect(fetchModels()).resolves.toEqual({ models: [] })
  expect(asked).toEqual([401, 503, 503, 200])
  expect(waits).toHaveLength(2)
})

test('a token refused twice is an AuthenticationError', async () => {
  const { fetchModels, asked } = fetcher([401, 401])
  await expect(fetchModels()).rejects.toMatchObject({ name: 'AuthenticationError' })
  expect(asked).toEqual([401, 401])
})
