import { describe, expect, test } from 'vitest'
import type { ChatRequest, LLMError, StreamEvent } from '../../src/contract/index.js'
import { ask, collect, failureOf, mount, textOf, TOOL, type MountedOptions } from '../support/mounted.js'
import { WALL_TIME } from '../support/wall-time.js'

const types = (events: readonly StreamEvent[]): string[] => events.map(({ type }) => type).filter((type, index, all) => type !== all[index - 1])

describe.each(['sse', 'websocket'] as const)('a call over %s', (transport) => {
  const mountOver = (options: MountedOptions = {}) => mount({ ...options, config: { transport, ...options.config } })

  test('gives stream events in order, numbered without gaps, with one terminal event', async () => {
    const { provider } = await mountOver()
    const events = await collect(provider.stream(ask('call read_file {"path":"a"}', { tools: [TOOL] })))
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index))
    expect(types(events)).toEqual(['message.start', 'thinking.delta', 'tool_call.start', 'tool_call.delta', 'tool_call.end', 'message.end'])
    expect(events.find(({ type }) => type === 'tool_call.end')).toMatchObject({ name: 'read_file', arguments: { path: 'a' } })
    expect(events.every(({ ts }) => !Number.isNaN(Date.parse(ts)))).toBe(true)
  })

  test('tells the host in order: the pair around the blocks, each delta numbered', async () => {
    const { provider, events } = await mountOver()
    await provider.complete(ask('hello'))
    const names = events.map(({ event }) => event).filter((name) => name.startsWith('llm:'))
    expect(names[0]).toBe('llm:request')
    expect(names.at(-1)).toBe('llm:response')
    expect(names.filter((name) => name === 'llm:request' || name === 'llm:response')).toHaveLength(2)
    for (const index of [0, 1]) {
      const block = events.filter(({ data }) => data.block_index === index)
      expect(block.at(0)?.event).toBe('llm:stream_block_start')
      expect(block.at(-1)?.event).toBe('llm:stream_block_end')
      expect(block.slice(1, -1).map(({ data }) => data.sequence)).toEqual(block.slice(1, -1).map((_event, at) => at))
    }
    expect(events.find(({ event }) => event === 'llm:response')?.data).toMatchObject({ status: 'ok', usage: { input_tokens: expect.any(Number) as number } })
  })

  test('has told the host of the response when the message ends', async () => {
    const { provider, named } = await mountOver()
    let told = -1
    for await (const { type } of provider.stream(ask('hello'))) if (type === 'message.end') told = named('llm:response').length
    expect(told).toBe(1)
  })

  test('that is refused for too many at once lets fewer run at once from then on', async () => {
    const { provider, twin, named } = await mountOver({ config: { max_concurrency: 6 } })
    twin.enqueue({ status: 429, headers: { 'retry-after': '0' }, body: { error: { code: 'rate_limit_exceeded', message: 'Slow down.' } } })
    await provider.complete(ask('hello'))
    expect(named('provider:throttle')).toEqual([expect.objectContaining({ concurrency: 3 })])
  })

  test('complete answers what the stream builds', async () => {
    const { provider } = await mountOver()
    const stream = provider.stream(ask('the same'))
    const events = await collect(stream)
    const [streamed, completed] = [await stream.response(), await provider.complete(ask('the same'))]
    expect(textOf(events)).toBe('You said: the same')
    expect(completed.content.filter(({ type }) => type === 'text')).toEqual(streamed.content.filter(({ type }) => type === 'text'))
    expect(completed.finish_reason).toBe('stop')
  })

  test('a tool loop carries call, result and reasoning back', async () => {
    const { provider, twin } = await mountOver()
    const request: ChatRequest = { ...ask('call read_file {"path":"a"}'), tools: [TOOL] }
    const first = await provider.complete(request)
    expect(first.finish_reason).toBe('tool_calls')
    request.messages.push({ role: 'assistant', content: first.content })
    for (const call of provider.parseToolCalls(first)) request.messages.push({ role: 'tool', tool_call_id: call.id, content: 'what the file holds' })
    const second = await provider.complete(request)
    expect(JSON.stringify(second.content)).toContain('what the file holds')
    const input = (twin.responses().at(-1)?.body as { input: { type: string }[] }).input.map(({ type }) => type)
    // Over a WebSocket the server has the rest already.
    expect(input).toEqual(transport === 'websocket' ? ['function_call_output'] : ['message', 'reasoning', 'function_call', 'function_call_output'])
  })

  test.each([[1], [3], [6], [9]])('a stream cut after %i events is a retryable StreamError that carries what came, never a success', async (cutAfterEvents) => {
    const { provider, twin, named } = await mountOver()
    twin.enqueue({ text: 'an answer long enough to be cut in the middle of it', cutAfterEvents, eventsPerWrite: 1 })
    const stream = provider.stream(ask('hello'))
    const events = await collect(stream)
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { type: 'StreamError', retryable: true } })
    expect(events.filter(({ type }) => type === 'message.end' || type === 'error')).toHaveLength(1)
    const error = await failureOf(stream.response())
    expect(error).toMatchObject({ name: 'StreamError', retryable: true })
    if (textOf(events) !== '') expect(JSON.stringify(error.partial)).toContain(textOf(events))
    expect(named('llm:response')).toEqual([expect.objectContaining({ status: 'error', error_type: 'StreamError' })])
    expect(named('llm:stream_aborted')).toHaveLength(named('llm:stream_block_delta').length > 0 ? 1 : 0)
    expect(twin.responses()).toHaveLength(1)
  })

  test('half a tool call is never handed out', async () => {
    const { provider, twin } = await mountOver()
    for (let cutAfterEvents = 2; cutAfterEvents < 12; cutAfterEvents++) {
      twin.enqueue({ toolCalls: [{ name: 'read_file', arguments: { path: 'a-long-enough-path' } }], cutAfterEvents, eventsPerWrite: 1 })
      const stream = provider.stream(ask('hello', { tools: [TOOL] }))
      const events = await collect(stream)
      const error = await stream.response().then(() => undefined, (thrown: LLMError) => thrown)
      if (!error) continue
      expect(error.partial?.tool_calls ?? []).toEqual(events.flatMap((event) => event.type === 'tool_call.end' ? [{ id: event.id, name: event.name, arguments: event.arguments }] : []))
    }
  })

  test('silence is a StreamError, and heartbeats keep a long thought alive', WALL_TIME, async () => {
    const { provider, twin } = await mountOver({ config: { timeout: 0.3, first_event_timeout: 0.3 } })
    twin.enqueue({ text: 'silent', stallAfterEvents: 4 })
    expect(await failureOf(provider.complete(ask('hello')))).toMatchObject({ name: 'LLMTimeoutError', code: 'idle_timeout' })
    twin.enqueue({ text: 'thinking', stallAfterEvents: 4, stallMs: 900, heartbeatMs: 100 })
    await expect(provider.complete(ask('hello'))).resolves.toMatchObject({ finish_reason: 'stop' })
  })

  test.each(['signal', 'host', 'loop', 'close'] as const)('%s stops a call within 250 ms and frees its socket', WALL_TIME, async (way) => {
    const { provider, twin, host, named } = await mountOver()
    twin.enqueue({ text: 'one two three four', stallAfterEvents: 6, eventsPerWrite: 1 })
    const controller = new AbortController()
    const stream = provider.stream(ask('hello'), { signal: controller.signal })
    let stoppedAt = 0
    const stop = () => {
      stoppedAt = performance.now()
      if (way === 'signal') controller.abort()
      if (way === 'host') void host.cancel('immediate')
      if (way === 'close') void provider.close()
    }
    for await (const event of stream) {
      if (event.type !== 'text.delta') continue
      stop()
      if (way === 'loop') break
    }
    const error = await failureOf(stream.response())
    expect(performance.now() - stoppedAt).toBeLessThan(250)
    expect(error).toMatchObject({ name: 'AbortError', retryable: false })
    await expect.poll(() => twin.activity().running, { timeout: 250 }).toBe(0)
    expect(named('llm:response')).toEqual([expect.objectContaining({ status: 'error', error_type: 'AbortError' })])
  })

  test('a signal that is aborted already sends nothing', async () => {
    const { provider, twin } = await mountOver()
    expect(await failureOf(provider.complete(ask('hello'), { signal: AbortSignal.abort() }))).toMatchObject({ name: 'AbortError' })
    expect(twin.responses()).toHaveLength(0)
  })

  test('a 401 sends the refreshed bearer on the second attempt, and only once', async () => {
    const { provider, twin } = await mountOver()
    await provider.complete(ask('hello'))
    twin.expireAccessTokens()
    twin.closeSockets(1000)
    await expect(provider.complete(ask('again'))).resolves.toMatchObject({ finish_reason: 'stop' })
    expect(twin.refreshes.map(({ outcome }) => outcome)).toEqual(['ok'])
    const bearers = new Set(twin.requests.filter(({ path }) => path.endsWith('/responses')).map(({ headers }) => headers.authorization))
    expect(bearers.size).toBe(2)
  })

  test('an answer cut for length is continued inside one pair, its text joined and its usage summed', async () => {
    const { provider, twin, named } = await mountOver()
    twin.enqueue(
      { text: 'first half, ', incomplete: 'max_output_tokens', usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15 } },
      { text: 'second half.', usage: { input_tokens: 20, output_tokens: 6, total_tokens: 26 } },
    )
    const stream = provider.stream(ask('write'))
    expect(textOf(await collect(stream))).toBe('first half, second half.')
    const response = await stream.response()
    expect(response.content.filter(({ type }) => type === 'text')).toEqual([expect.objectContaining({ text: 'first half, second half.' })])
    expect(response).toMatchObject({ finish_reason: 'stop', usage: { input_tokens: 30, output_tokens: 11, total_tokens: 41 } })
    expect(named('llm:request')).toHaveLength(1)
    expect(named('llm:response')).toHaveLength(1)
    expect(named('provider:incomplete_continuation')).toEqual([
      expect.objectContaining({ continuation_number: 1, max_attempts: 3, reason: 'max_output_tokens', response_id: expect.stringMatching(/^resp_/) as string }),
    ])
    expect(twin.responses()).toHaveLength(2)
  })

  test('continuation is bounded and says that the answer was cut', async () => {
    const { provider, twin } = await mountOver({ config: { max_continuations: 1 } })
    twin.enqueue({ text: 'one ', incomplete: 'max_output_tokens' }, { text: 'two', incomplete: 'max_output_tokens' })
    await expect(provider.complete(ask('write'))).resolves.toMatchObject({ finish_reason: 'length' })
    expect(new Set(twin.responses().map(({ body }) => JSON.stringify(body))).size).toBe(2)
  })

  test('a content filter is an error with the partial text', async () => {
    const { provider, twin } = await mountOver()
    twin.enqueue({ text: 'something', incomplete: 'content_filter' })
    const error = await failureOf(provider.complete(ask('write')))
    expect(error).toMatchObject({ name: 'ContentFilterError', retryable: false })
    expect(JSON.stringify(error.partial)).toContain('something')
  })

  test('reasoning that the server cannot read is left out once, and the thread goes on', async () => {
    const { provider, twin } = await mountOver()
    const request = ask('hello')
    request.messages.push({ role: 'assistant', content: (await provider.complete(ask('hello'))).content }, { role: 'user', content: 'and now' })
    twin.closeSockets(1000)
    await expect.poll(() => twin.openConnections().websocket).toBe(0)
    twin.enqueue({ status: 400, body: { error: { code: 'invalid_encrypted_content', message: 'The encrypted content could not be verified.', type: 'invalid_request_error' } } })
    await expect(provider.complete(request)).resolves.toMatchObject({ finish_reason: 'stop' })
    const [, , last] = twin.responses()
    expect(JSON.stringify(last?.body)).not.toContain('encrypted_content":"')
  })

  test('a broken tool sequence is repaired on the wire copy, announced, and the history stays as it was', async () => {
    const { provider, named } = await mountOver()
    const messages = [
      { role: 'user' as const, content: 'go' },
      { role: 'assistant' as const, content: [{ type: 'tool_call' as const, id: 'call_1', name: 'read_file', input: {} }] },
      { role: 'user' as const, content: 'never mind' },
    ]
    const before = structuredClone(messages)
    await expect(provider.complete({ messages, tools: [TOOL] })).resolves.toBeDefined()
    expect(messages).toEqual(before)
    expect(named('provider:tool_sequence_repaired')).toEqual([expect.objectContaining({ repair_count: 1, repairs: [{ tool_call_id: 'call_1', tool_name: 'read_file' }] })])
  })
})

describe('a call', () => {
  test('leaves the stream family out where the host says so, and nothing else', async () => {
    const { provider, events } = await mount()
    await provider.complete(ask('hello', { metadata: { stream: false } }))
    expect(events.map(({ event }) => event).filter((event) => event.startsWith('llm:'))).toEqual(['llm:request', 'llm:response'])
    await provider.complete(ask('hello'))
    expect(events.some(({ event }) => event === 'llm:stream_block_delta')).toBe(true)
  })

  test('leaves thinking out of the stream on request', async () => {
    const { provider } = await mount()
    expect(types(await collect(provider.stream(ask('hello'), { thinking: false })))).toEqual(['message.start', 'text.delta', 'message.end'])
  })

  test('takes the effort from the first of suffix, request, mount, environment and model', async () => {
    const { provider, twin } = await mount({ config: { reasoning_effort: 'medium' } })
    const efforts = async (request: ChatRequest) => {
      await provider.complete(request)
      return (twin.responses().at(-1)?.body as { reasoning?: { effort?: string } }).reasoning?.effort
    }
    expect(await efforts(ask('x', { model: 'gpt-5.5:low', reasoning_effort: 'high' }))).toBe('low')
    expect(await efforts(ask('x', { reasoning_effort: 'high' }))).toBe('high')
    expect(await efforts(ask('x'))).toBe('medium')
    await provider.complete(ask('x', { model: 'gpt-5.5-fast' }))
    expect(twin.responses().at(-1)?.body).toMatchObject({ model: 'gpt-5.5', service_tier: 'priority' })
  })

  test('refuses a model that the account does not have before anything is sent', async () => {
    const { provider, twin, named } = await mount()
    const error = await failureOf(provider.complete(ask('x', { model: 'gpt-5.55' })))
    expect(error).toMatchObject({ name: 'NotFoundError', code: 'model_not_available', message: expect.stringMatching(/nearest.*gpt-5\.5/i) as string })
    expect(twin.responses()).toHaveLength(0)
    expect(named('llm:response')).toHaveLength(1)
  })

  test('names the effort where a model is there and the word behind it is none', async () => {
    const { provider, twin } = await mount()
    const error = await failureOf(provider.complete(ask('x', { model: 'gpt-5.5:hgih' })))
    expect(error).toMatchObject({ name: 'NotFoundError', code: 'model_not_available', message: expect.stringMatching(/^gpt-5\.5 takes no effort "hgih"\. It takes .*high/) as string })
    expect(twin.responses()).toHaveLength(0)
  })

  test('leaves out what the lane refuses and says so once a mount', async () => {
    const { provider, twin, warnings } = await mount({ config: { extra_request_params: { temperature: 1, user: 'me' } } })
    for (let turn = 0; turn < 2; turn++) await provider.complete(ask('x', { temperature: 0.5, max_output_tokens: 5, top_p: 1, stop: ['x'] }))
    const body = twin.responses().at(-1)?.body as Record<string, unknown>
    for (const field of ['temperature', 'max_output_tokens', 'top_p', 'stop', 'user']) expect(body).not.toHaveProperty(field)
    expect(warnings.filter((warning) => warning.includes('temperature'))).toHaveLength(1)
  })

  test('raw puts the payload on the events, without a secret in it', async () => {
    const { provider, named, twin } = await mount({ config: { raw: true } })
    await provider.complete(ask('hello'))
    expect(named('llm:request')[0]?.raw).toMatchObject({ model: 'gpt-5.5', input: expect.any(Array) as unknown[] })
    expect(named('llm:response')[0]?.raw).toMatchObject({ finish_reason: 'stop' })
    expect(JSON.stringify(named('llm:request'))).not.toContain(twin.requests[0]?.headers.authorization?.slice(7))
  })

  test.each([
    [{ status: 500, body: {} }, 'ProviderUnavailableError', true],
    [{ status: 403, headers: { 'content-type': 'text/html' }, body: '<html><title>Just a moment...</title></html>' }, 'ProviderUnavailableError', true],
    [{ status: 403, body: { detail: 'no' } }, 'AccessDeniedError', false],
    [{ status: 400, body: { error: { code: 'context_length_exceeded', message: 'too long' } } }, 'ContextLengthError', false],
    [{ status: 400, body: { detail: 'Unsupported parameter: x' } }, 'InvalidRequestError', false],
    [{ status: 429, body: { error: { type: 'usage_limit_reached', message: 'gone', resets_in_seconds: 60 } } }, 'QuotaExceededError', false],
  ])('classifies %j', async (reply, name, retryable) => {
    const { provider, twin } = await mount({ config: { max_retries: 0 } })
    twin.enqueue(reply)
    const error = await failureOf(provider.complete(ask('x')))
    expect(error).toMatchObject({ name, retryable, provider: 'openai-chatgpt', model: 'gpt-5.5', status_code: reply.status })
    expect(error.request_id ?? '').not.toBe('')
    expect(error.message).toContain(error.request_id)
  })

  test('waits as told before it tries again, and says so before it waits', async () => {
    const { provider, twin, named } = await mount()
    twin.enqueue({ status: 429, headers: { 'retry-after': '1' }, body: { error: { code: 'rate_limit_exceeded', message: 'slow' } } })
    const startedMs = performance.now()
    await provider.complete(ask('x'))
    expect(performance.now() - startedMs).toBeGreaterThan(900)
    expect(named('provider:retry')).toEqual([expect.objectContaining({ attempt: 1, max_retries: 4, delay: 1, error_type: 'RateLimitError' })])
    expect(named('llm:request')).toHaveLength(1)
  })

  test('names the item that broke the prompt cache', async () => {
    const { provider } = await mount()
    const request = ask('first', { conversation_id: 'c1' })
    await provider.complete(request)
    const changed = await provider.complete({ ...ask('another', { conversation_id: 'c1' }) })
    expect(changed.metadata?.route).toMatchObject({ cache: { key: 'c1', first_difference: expect.stringMatching(/input\[0\]/) as string } })
  })

  test('says which model really answered, and obeys the policy for it', async () => {
    const lax = await mount()
    lax.twin.enqueue({ text: 'x', model: 'gpt-5.4' })
    await expect(lax.provider.complete(ask('x'))).resolves.toMatchObject({ degradation: { requested: 'gpt-5.5', actual: 'gpt-5.4' }, metadata: { route: { served_model: 'gpt-5.4' } } })
    const strict = await mount({ config: { served_model_policy: 'fail' } })
    strict.twin.enqueue({ text: 'x', model: 'gpt-5.4' })
    expect(await failureOf(strict.provider.complete(ask('x')))).toMatchObject({ code: 'served_model', retryable: false })
  })

  test('raw events are numbered, and leaving their loop closes the socket', async () => {
    const { provider, twin } = await mount()
    const seen: string[] = []
    for await (const event of provider.rawEvents(ask('hello'))) {
      expect(event.sequence_number).toBe(seen.length)
      seen.push(event.type)
    }
    expect(seen.at(0)).toBe('response.created')
    expect(seen.at(-1)).toBe('response.completed')
    twin.enqueue({ text: 'one two three', stallAfterEvents: 6, eventsPerWrite: 1 })
    for await (const event of provider.rawEvents(ask('hello'))) if (event.type === 'response.output_text.delta') break
    await expect.poll(() => twin.activity().running).toBe(0)
  })

  test('the bare socket speaks the wire itself', async () => {
    const { provider } = await mount()
    const socket = await provider.openSocket()
    await socket.send({ type: 'response.create', model: 'gpt-5.5', instructions: '', input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] }], store: false, stream: true })
    const seen: string[] = []
    while (!seen.includes('response.completed')) seen.push((JSON.parse((await socket.receive()) ?? '{"type":"end"}') as { type: string }).type)
    socket.close()
    expect(seen).toContain('response.created')
  })

  test('the limit on running calls holds, and interactive ones go ahead', async () => {
    const { provider, twin } = await mount({ config: { max_concurrency: 2 } })
    const order: string[] = []
    const call = (name: string, interactive = false) => provider.complete(ask(name), { interactive }).then(() => order.push(name))
    twin.configure({ maxConcurrent: 2 })
    for (let index = 0; index < 7; index++) twin.enqueue({ text: 'x', delayMs: 40 })
    await Promise.all([call('a'), call('b'), call('c'), call('d'), call('e'), call('now', true)])
    expect(twin.activity().peak).toBe(2)
    expect(order.indexOf('now')).toBeLessThan(order.indexOf('e'))
  })
})
