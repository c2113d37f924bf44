import { afterEach, describe, expect, test } from 'vitest'
import type { TwinReply } from '../../src/twin/index.js'
import { mapError } from '../../src/ai-sdk/map-error.js'
import { ask, failureOf, mountOnTwin, type Mounted } from '../support/mounted.js'

const open: Mounted[] = []
afterEach(async () => {
  for (const mounted of open.splice(0)) await mounted.close()
})
const MODELS = ['gpt-6.1-sol', 'gpt-5.5']
const OTHER = {
  name: 'other', complete: async () => ({ content: [{ type: 'text', text: 'a second run' }], finish_reason: 'stop' }),
  listModels: async () => [{ id: 'other-1', display_name: 'x', context_window: 1, max_output_tokens: 1, capabilities: [], defaults: {} }],
}
const created = { type: 'response.created', response: { id: 'resp_1', model: 'gpt-5.5', status: 'in_progress' } }
const failed = (code: string) => ({ type: 'response.failed', response: { id: 'resp_1', status: 'failed', error: { code, message: 'No.' } } })
const error = (code: string) => ({ error: { code, message: 'No.' } })

describe.each(['sse', 'websocket'] as const)('over %s, a request that may have run is sent once', (transport) => {
  test.each<[string, TwinReply]>([
    ['500', { status: 500, body: {} }],
    ['502 with a code nobody knows', { status: 502, body: error('server_error') }],
    ['504', { status: 504, body: {} }],
    ['504 with a known code', { status: 504, body: error('slow_down') }],
    ['520', { status: 520, body: {} }],
    ['599', { status: 599, body: {} }],
    ['a rate limit after created', { events: [created, failed('rate_limit_exceeded')] }],
    ['overload after created', { events: [created, failed('server_is_overloaded')] }],
    ['the 60 minutes after created', { events: [created, { type: 'error', error: { code: 'websocket_connection_limit_reached' } }] }],
    ['completed with status in_progress', { events: [created, { type: 'response.completed', response: { id: 'resp_1', status: 'in_progress' } }] }],
    ['incomplete for an unknown reason', { events: [created, { type: 'response.incomplete', response: { id: 'resp_1', status: 'incomplete', incomplete_details: { reason: 'steered' } } }] }],
    ['a cut before any event', { text: 'x', cutAfterEvents: 0 }],
  ])('%s', async (_title, reply) => {
    const chain = { coding: { description: 'x', candidates: [...MODELS.map((model) => ({ provider: 'openai-chatgpt', model })), { provider: 'other', model: 'other-1' }] } }
    const mounted = await mountOnTwin({ config: { transport, routing_overrides: chain }, parts: { delay: async () => undefined } })
    open.push(mounted)
    await mounted.host.coordinator.mount('providers', OTHER, { name: 'other' })
    mounted.twin.enqueue(reply)
    const surfaced = await failureOf(mounted.provider.delegate('coding', ask('x')).response())
    expect(surfaced).toMatchObject({ may_have_run: true })
    expect(mounted.twin.responses()).toHaveLength(1)
    expect(mounted.named('provider:fallback')).toEqual([])
    expect(mapError(surfaced, { modelId: 'x', retriesInside: false })).toMatchObject({ isRetryable: false })
  })
})

test('a success status that is no event stream is sent once', async () => {
  const mounted = await mountOnTwin({ parts: { delay: async () => undefined } })
  open.push(mounted)
  mounted.twin.enqueue({ status: 200, headers: { 'content-type': 'text/html' }, body: '<html>hotel</html>' })
  expect(await failureOf(mounted.provider.complete(ask('x')))).toMatchObject({ code: 'unexpected_content', may_have_run: true })
  expect(mounted.twin.responses()).toHaveLength(1)
})
