import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { isLLMError, type ChatRequest, type ChatResponse, type JsonObject, type StreamEvent } from '../../src/contract/index.js'
import type { Twin, TwinReply, TwinRequest } from '../../src/twin/index.js'
import { ask, collect, failureOf, mountOnTwin, textOf, TOOL, type Mounted, type MountedOptions } from '../support/mounted.js'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const opened of open.splice(0).reverse()) await opened.close()
})
const mount = async (options: MountedOptions = {}): Promise<Mounted> => {
  const mounted = await mountOnTwin(options)
  open.push(mounted)
  return mounted
}

const answerText = (answer: ChatResponse): string => answer.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
const hash = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')

interface WireBody extends JsonObject {
  input: (JsonObject & { type: string })[]
}
const bodyOf = (request: TwinRequest | undefined): WireBody => request?.body as WireBody
const lastBody = (twin: Twin): WireBody => bodyOf(twin.responses().at(-1))

const MESSAGE = { id: 'msg_1', type: 'message', role: 'assistant', status: 'in_progress', content: [] }
const CREATED = { type: 'response.created', response: { id: 'resp_1', model: 'gpt-5.5', status: 'in_progress' } }
const ADDED = { type: 'response.output_item.added', output_index: 0, item: MESSAGE }
const delta = (text: string) => ({ type: 'response.output_text.delta', item_id: 'msg_1', output_index: 0, content_index: 0, delta: text })
const done = (text: string) => ({
  type: 'response.output_item.done', output_index: 0, item: { ...MESSAGE, status: 'completed', content: [{ type: 'output_text', text, annotations: [] }] },
})
const completed = (response: JsonObject = {}) => ({
  type: 'response.completed',
  response: { id: 'resp_1', model: 'gpt-5.5', status: 'completed', output: [], usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 }, ...response },
})

describe.each(['sse', 'websocket'] as const)('the wire over %s', (transport) => {
  const mountOver = (options: MountedOptions = {}) => mount({ ...options, config: { transport, ...options.config } })

  test('brings one event of 10 MB', async () => {
    const { provider, twin } = await mountOver()
    const text = `${'word '.repeat(2 * 1024 * 1024)}end`
    twin.enqueue({ events: [CREATED, ADDED, delta(text), done(text), completed()] })
    const stream = provider.stream(ask('x'))
    expect(textOf(await collect(stream)) === text).toBe(true)
    expect(answerText(await stream.response()) === text).toBe(true)
  })

  test('brings NUL, separators, halves of surrogates and what else fits a JSON string, both ways', async () => {
    const { provider, twin } = await mountOver()
    const text = 'a\u0000b\u2028c\u2029d\u0085e\ufefff \u{1f469}\u200d\u{1f680} \r\n\t "\\'
    const stream = provider.stream(ask(text))
    expect(textOf(await collect(stream))).toBe(`You said: ${text}`)
    expect(JSON.stringify(lastBody(twin).input)).toContain(JSON.stringify(text))
    const called = await provider.complete(ask('call read_file {"path":"a\\u0000b"}', { tools: [TOOL] }))
    expect(provider.parseToolCalls(called)).toMatchObject([{ arguments: { path: 'a\u0000b' } }])
    const answered = await provider.complete({ messages: [{ role: 'user', content: 'x' }, { role: 'assistant', content: called.content },
      { role: 'tool', tool_call_id: provider.parseToolCalls(called)[0]?.id ?? '', content: 'bin\u0000ary \ud83d' }], tools: [TOOL] })
    expect(answerText(answered)).toContain('bin\u0000ary')
  })

  test('with a malformed event in the middle is a retryable StreamError that keeps what came', async () => {
    const { provider, twin } = await mountOver()
    twin.enqueue({ text: 'words in front of it, and words behind it', malformedAfterEvents: 8, eventsPerWrite: 1 })
    const stream = provider.stream(ask('x'))
    const events = await collect(stream)
    expect(events.at(-1)).toMatchObject({ type: 'error' })
    const error = await failureOf(stream.response())
    expect(error).toMatchObject({ name: 'StreamError', code: 'malformed_event', retryable: true })
    expect(textOf(events)).not.toBe('')
    expect(JSON.stringify(error.partial)).toContain(textOf(events))
    await expect(provider.complete(ask('and on'))).resolves.toMatchObject({ finish_reason: 'stop' })
  })

  test('may carry events and items that nobody knows: they are passed over, their neighbours are not', async () => {
    const { provider, twin } = await mountOver()
    const future = { id: 'fut_1', type: 'future_call', payload: { nested: [1, 2] } }
    twin.enqueue({ events: [
      { type: 'response.future.began', anything: { response: 1 } }, CREATED, { no: 'type' }, [], 7,
      { type: 'response.output_item.added', output_index: 0, item: future }, { type: 'response.future_call.delta', output_index: 0, delta: 'x' },
      { type: 'response.output_item.done', output_index: 0, item: future },
      { ...ADDED, output_index: 1 }, { ...delta('known '), output_index: 1, obfuscation: 'x1' }, { type: 'codex.future', headers: 3 },
      { ...delta('words'), output_index: 1 }, { ...done('known words'), output_index: 1 }, completed({ future: true }),
    ] })
    const request = ask('x', { conversation_id: 'c' })
    const stream = provider.stream(request)
    const events = await collect(stream)
    expect(textOf(events)).toBe('known words')
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['message.start', 'hosted.start', 'hosted.progress', 'hosted.end', 'text.delta', 'message.end']))
    const answer = await stream.response()
    expect(answerText(answer)).toBe('known words')
    request.messages.push({ role: 'assistant', content: answer.content }, { role: 'user', content: 'and on' })
    await expect(provider.complete(request)).resolves.toMatchObject({ finish_reason: 'stop' })
  })

  test('may end in response.done', async () => {
    const { provider, twin } = await mountOver()
    twin.enqueue({ text: 'an older end', terminal: 'response.done' })
    const answer = await provider.complete(ask('x'))
    expect(answer).toMatchObject({ finish_reason: 'stop', usage: { total_tokens: expect.any(Number) as number } })
    expect(answerText(answer)).toBe('an older end')
  })

  test.each([
    [{ status: 'failed', error: { code: 'server_error', message: 'It broke.' } }, { retryable: true, code: 'server_error' }],
    [{ status: 'failed', error: { code: 'context_length_exceeded', message: 'Too long.' } }, { name: 'ContextLengthError', retryable: false }],
    [{ status: 'cancelled' }, { code: 'response_cancelled' }],
    [{ status: 'incomplete', incomplete_details: { reason: 'content_filter' } }, { name: 'ContentFilterError', retryable: false }],
    [{ status: 'in_progress' }, { name: 'StreamError' }],
  ])('that says completed with %j inside has not completed', async (response, expected) => {
    const { provider, twin } = await mountOver({ config: { max_retries: 0 } })
    twin.enqueue({ events: [CREATED, ADDED, delta('half a word'), completed(response)] })
    const stream = provider.stream(ask('x'))
    expect((await collect(stream)).at(-1)).toMatchObject({ type: 'error' })
    const error = await failureOf(stream.response())
    expect(isLLMError(error)).toBe(true)
    expect(error).toMatchObject(expected)
    expect(JSON.stringify(error.partial)).toContain('half a word')
  })

  test('that says completed with a length limit inside goes on where it was cut', async () => {
    const { provider, twin } = await mountOver()
    twin.enqueue({ events: [CREATED, ADDED, delta('one '), done('one '), completed({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })] }, { text: 'two' })
    expect(answerText(await provider.complete(ask('x')))).toBe('one two')
  })

  test('that ends with [DONE] alone has not ended well', async () => {
    const { provider, twin } = await mountOver({ config: { max_retries: 0 } })
    const trailing = transport === 'sse' ? 'data: [DONE]\n\n' : '[DONE]'
    twin.enqueue({ events: [CREATED, ADDED, delta('all the words'), done('all the words')], trailing, closeCode: 1000 })
    const error = await failureOf(provider.complete(ask('x')))
    expect(error).toMatchObject({ name: 'StreamError', retryable: true })
    expect(JSON.stringify(error.partial)).toContain('all the words')
  })

  test('may count in prompt_tokens and completion_tokens', async () => {
    const { provider, twin } = await mountOver()
    const usage = { prompt_tokens: 70, completion_tokens: 8, prompt_tokens_details: { cached_tokens: 64 }, completion_tokens_details: { reasoning_tokens: 5 } }
    twin.enqueue({ events: [CREATED, ADDED, delta('x'), done('x'), completed({ usage })] })
    await expect(provider.complete(ask('x'))).resolves.toMatchObject({
      usage: { input_tokens: 70, output_tokens: 8, total_tokens: 78, cache_read_tokens: 64, reasoning_tokens: 5 },
      metadata: { route: { cache: { cached_tokens: 64, uncached_tokens: 6 } } },
    })
  })

  test.each<[string, TwinReply]>([
    ['a refusal', { status: 429, body: { error: { type: 'rate_limit_exceeded', code: 'rate_limit_exceeded', message: 'Rate limit reached. Please try again in 1.5 s.' } } }],
    ['a failed answer that was never created', { events: [{ type: 'response.failed', response: { id: 'resp_0', status: 'failed', error: { code: 'rate_limit_exceeded', message: 'Rate limit reached for gpt-5.5. Please try again in 1.5s. Visit the help page.' } } }] }],
  ])('names its wait in the prose of %s, and that is waited', async (_what, reply) => {
    const waits: number[] = []
    let nowMs = Date.now()
    const delay = async (ms: number) => {
      waits.push(ms)
      nowMs += ms
    }
    const { provider, twin, named } = await mountOver({ parts: { delay, now: () => nowMs, random: () => 0.5 } })
    twin.enqueue(reply)
    await expect(provider.complete(ask('x'))).resolves.toMatchObject({ finish_reason: 'stop' })
    expect(waits).toEqual([1500])
    expect(named('provider:retry')).toEqual([expect.objectContaining({ delay: 1.5 })])
  })

  test('timeout of a request is the silence it bears, whatever the mount bears', async () => {
    const { provider, twin } = await mountOver({ config: { timeout: 60, first_event_timeout: 60 } })
    for (const stallAfterEvents of [0, 4]) {
      twin.enqueue({ text: 'silent', stallAfterEvents })
      const startedMs = performance.now()
      expect(await failureOf(provider.complete(ask('x', { timeout: 0.15 })))).toMatchObject({ name: 'LLMTimeoutError', retryable: true })
      expect(performance.now() - startedMs).toBeLessThan(30_000)
    }
  })

  test('a tool call whose id is longer than 64 characters keeps it here and gets a shorter one there', async () => {
    const { provider, twin } = await mountOver()
    const id = `toolu.${'long'.repeat(20)}`
    twin.enqueue({ toolCalls: [{ name: 'read_file', arguments: { path: 'a' }, call_id: id }] })
    const request = ask('x', { tools: [TOOL], conversation_id: 'c' })
    const stream = provider.stream(request)
    const events = await collect(stream)
    const answer = await stream.response()
    expect(events.find(({ type }) => type === 'tool_call.end')).toMatchObject({ id })
    expect(provider.parseToolCalls(answer)).toMatchObject([{ id, name: 'read_file' }])
    request.messages.push({ role: 'assistant', content: answer.content }, { role: 'tool', tool_call_id: id, content: 'what it holds' })
    expect(answerText(await provider.complete(request))).toContain('what it holds')
    const ids = lastBody(twin).input.flatMap((item) => (item.type.startsWith('function_call') ? [item['call_id']] : []))
    expect(ids).toHaveLength(2)
    expect(new Set(ids).size).toBe(1)
    expect(ids[0]).toMatch(/^[\w-]{1,64}$/)
  })

  test('a consumer that stops reading holds the server back, and abort frees it', async () => {
    const { twin, provider, relay } = await mountBehindRelay(transport)
    const half = randomBytes(18 * 1024 * 1024).toString('base64')
    twin.enqueue({ text: half + half, deltaChars: 16 * 1024 })
    const controller = new AbortController()
    const stream = provider.stream(ask('x'), { signal: controller.signal })
    for await (const event of stream) {
      if (event.type !== 'text.delta' || controller.signal.aborted) continue
      const held = await settled(() => relay.fromServer)
      expect(held).toBeGreaterThan(0)
      expect(held).toBeLessThan(12 * 1024 * 1024)
      expect(twin.activity().running).toBe(1)
      controller.abort()
    }
    expect(await failureOf(stream.response())).toMatchObject({ name: 'AbortError' })
    await expect.poll(() => twin.activity().running, { timeout: 10_000 }).toBe(0)
  })
})

/** Waits until the count stays the same: nothing flows any more. */
async function settled(count: () => number): Promise<number> {
  let last = -1
  for (let calm = 0; calm < 4; ) {
    await new Promise((resolve) => { setTimeout(resolve, 25) })
    calm = count() === last ? calm + 1 : 0
    last = count()
  }
  return last
}

/** The module on a twin that it reaches through a relay, which counts what the server sends. */
async function mountBehindRelay(transport: 'sse' | 'websocket'): Promise<Mounted & { relay: { fromServer: number } }> {
  const relay = { fromServer: 0 }
  const sockets = new Set<Socket>()
  let target = 0
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => {
        near.destroy()
        far.destroy()
      })
    }
    far.on('data', (chunk: Buffer) => {
      relay.fromServer += chunk.length
    })
    near.pipe(far)
    far.pipe(near)
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  open.push({
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => { server.close(resolve) })
    },
  })
  const mounted = await mount({
    config: { transport },
    prepare: ({ twin, config }) => {
      target = Number(new URL(twin.url).port)
      config['base_url'] = twin.baseUrl.replace(`:${target}`, `:${(server.address() as AddressInfo).port}`)
    },
  })
  return { ...mounted, relay }
}

describe('an event stream', () => {
  const text = 'lines of any length, \u{1f680} over \u00fcmlauts, end to end'

  test.each([['\r\n', true], ['\r', true], ['\n', true], ['\r\n', false], ['\r', false]] as const)('with line endings %j and a byte order mark (%s) reads the same, in pieces of any size', async (lineEnding, bom) => {
    const { provider, twin } = await mount()
    for (const bytesPerWrite of [3, 17, undefined]) {
      twin.enqueue({ text, lineEnding, bom, heartbeatMs: 1, ...(bytesPerWrite === undefined ? { eventDelayMs: 1 } : { bytesPerWrite }) })
      const stream = provider.stream(ask('x'))
      expect(textOf(await collect(stream))).toBe(text)
      await expect(stream.response()).resolves.toMatchObject({ finish_reason: 'stop' })
    }
  })

  test.each(['\n', '\r\n', '\r'] as const)('whose terminal event lacks its last blank line counts (%j)', async (lineEnding) => {
    const { provider, twin } = await mount()
    twin.enqueue({ text, lineEnding, omitLastBlankLine: true })
    expect(answerText(await provider.complete(ask('x')))).toBe(text)
  })

  test('that has [DONE] behind its terminal event, or comments around it, is whole', async () => {
    const { provider, twin } = await mount()
    twin.enqueue({ text, trailing: ': bye\n\ndata: [DONE]\n\n' })
    expect(answerText(await provider.complete(ask('x')))).toBe(text)
  })

  test.each([
    ['text/html; charset=utf-8', '<!doctype html><html><title>Sign in to the network</title></html>'],
    ['application/json', '{"ok":true}'],
  ])('that is %s is a typed error, never an empty success', async (type, body) => {
    const { provider, twin, named } = await mount({ config: { max_retries: 0 } })
    twin.enqueue({ status: 200, headers: { 'content-type': type }, body })
    const stream = provider.stream(ask('x'))
    const events: StreamEvent[] = await collect(stream)
    expect(events.map((event) => event.type)).toEqual(['error'])
    const error = await failureOf(stream.response())
    expect(isLLMError(error)).toBe(true)
    expect(error).toMatchObject({ status_code: 200, code: 'unexpected_content', message: expect.stringMatching(/event stream.*base_url/) as string })
    expect(error.message).not.toContain(body)
    expect(named('llm:response')).toEqual([expect.objectContaining({ status: 'error', error_type: error.name })])
  })
})

describe('reasoning', () => {
  const inputTypes = (twin: Twin) => lastBody(twin).input.map(({ type }) => type)
  const continued = (answer: ChatResponse, more: Partial<ChatRequest> = {}): ChatRequest =>
    ({ messages: [{ role: 'user', content: 'x' }, { role: 'assistant', content: answer.content }, { role: 'user', content: 'and on' }], ...more })

  test('goes back to the model family it came from, and to no other', async () => {
    const { provider, twin, named } = await mount()
    const answer = await provider.complete(ask('x'))
    await provider.complete(continued(answer, { model: 'gpt-5.5-fast' }))
    expect(inputTypes(twin)).toContain('reasoning')
    await provider.complete(continued(answer, { model: 'gpt-5.4' }))
    expect(inputTypes(twin)).toEqual(['message', 'message', 'message'])
    expect(named('provider:retry')).toEqual([])
  })

  test('of another account stays behind', async () => {
    const one = await mount()
    const other = await mount({
      on: one.twin,
      prepare: ({ twin, config }) =>
        writeFile(String(config['token_file_path']), JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens({ accountId: 'acct_other' }) }), { mode: 0o600 }),
    })
    const answer = await one.provider.complete(ask('x'))
    await other.provider.complete(continued(answer))
    expect(one.twin.requests.at(-1)?.headers['chatgpt-account-id']).toBe('acct_other')
    expect(inputTypes(one.twin)).toEqual(['message', 'message', 'message'])
    await one.provider.complete(continued(answer))
    expect(inputTypes(one.twin)).toEqual(['message', 'reasoning', 'message', 'message'])
  })

  test.each([{ lane: 'plan' }, { account: 'another' }, { model_family: 'gpt-4' }])('from %j stays behind', async (elsewhere) => {
    const { provider, twin } = await mount()
    const answer = await provider.complete(ask('x'))
    const content = answer.content.map((block) => {
      if (block.type !== 'thinking' || !Array.isArray(block.content)) return block
      const [encrypted, id, provenance] = block.content
      return { ...block, content: [encrypted, id, { ...(provenance as JsonObject), ...elsewhere }] }
    })
    await provider.complete(continued({ ...answer, content }))
    expect(inputTypes(twin)).toEqual(['message', 'message', 'message'])
  })
})

describe('a conversation', () => {
  test('has the bytes of every turn in front of those of the next, one key and one session, over ten turns of HTTP', async () => {
    const { provider, twin } = await mount()
    const request: ChatRequest = {
      conversation_id: 'c-10', tools: [TOOL, { name: 'write_file', parameters: { type: 'object', properties: { b: {}, a: {} } } }],
      messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'call read_file {"path":"0"}' }],
    }
    for (let turn = 1; turn <= 10; turn++) {
      const answer = await provider.complete(structuredClone(request))
      request.messages.push({ role: 'assistant', content: answer.content })
      const calls = provider.parseToolCalls(answer)
      for (const call of calls) request.messages.push({ role: 'tool', tool_call_id: call.id, content: `what ${turn} holds \u{1f680}` })
      if (calls.length === 0) request.messages.push({ role: 'user', content: `call read_file {"path":"${turn}"}` })
    }
    const turns = twin.responses()
    expect(turns).toHaveLength(10)
    for (const [index, turn] of turns.entries()) {
      const [{ input, ...fields }, before] = [bodyOf(turn), turns[index - 1]]
      expect(turn.headers['session-id']).toBe('c-10')
      expect(fields['prompt_cache_key']).toBe('c-10')
      if (!before) continue
      const { input: inputBefore, ...fieldsBefore } = bodyOf(before)
      expect(input.length).toBeGreaterThan(inputBefore.length)
      expect(hash(input.slice(0, inputBefore.length))).toBe(hash(inputBefore))
      expect(hash(fields)).toBe(hash(fieldsBefore))
      expect(turn.bytes).toBeGreaterThan(before.bytes)
    }
  })

  test('has more of its prompt cached with every turn, and its receipt says so', async () => {
    const { provider } = await mount({ twin: { promptCache: { minTokens: 16, stepTokens: 16 } } })
    const request: ChatRequest = { messages: [{ role: 'system', content: 'Be brief. '.repeat(20) }] }
    const cached: number[] = []
    for (let turn = 0; turn < 6; turn++) {
      request.messages.push({ role: 'user', content: `question ${turn} `.repeat(12) })
      const answer = await provider.complete(request)
      request.messages.push({ role: 'assistant', content: answer.content })
      const { cache } = answer.metadata?.['route'] as { cache: { key: string; cached_tokens: number; uncached_tokens: number; first_difference?: string } }
      expect(cache).not.toHaveProperty('first_difference')
      expect(answer.usage).toMatchObject({ input_tokens: cache.cached_tokens + cache.uncached_tokens })
      cached.push(cache.cached_tokens)
    }
    expect(cached[0]).toBe(0)
    for (const [turn, tokens] of cached.entries()) if (turn > 0) expect(tokens).toBeGreaterThan(cached[turn - 1] ?? 0)
  })

  test('sends as many bytes with its fiftieth tool result as with its second, over WebSocket', async () => {
    const { provider, twin } = await mount({ config: { transport: 'websocket' } })
    const request: ChatRequest = { ...ask('work on', { conversation_id: 'c', tools: [TOOL] }) }
    for (let turn = 0; turn < 50; turn++) {
      const number = String(turn).padStart(3, '0')
      twin.enqueue({ reasoning: 'On it.', toolCalls: [{ name: 'read_file', arguments: { path: number }, call_id: `call_${number}` }] })
      const answer = await provider.complete(request)
      request.messages.push({ role: 'assistant', content: answer.content }, { role: 'tool', tool_call_id: `call_${number}`, content: `result ${number}` })
    }
    const turns = twin.responses()
    expect(turns.map((turn) => bodyOf(turn).input.length)).toEqual(turns.map(() => 1))
    const sizes = turns.slice(1).map(({ bytes }) => bytes)
    // Ids of the answers may grow by a digit, nothing else.
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(4)
    expect(new Set(turns.map(({ connection }) => connection)).size).toBe(1)
  })

  test('that was silent for five minutes gets a new connection before the far side may have dropped the old one', async () => {
    let nowMs = Date.now()
    const { provider, twin } = await mount({ config: { transport: 'websocket' }, parts: { now: () => nowMs } })
    const request = ask('one', { conversation_id: 'c' })
    const next = async (afterMs: number) => {
      nowMs += afterMs
      request.messages.push({ role: 'assistant', content: (await provider.complete(request)).content }, { role: 'user', content: 'next' })
      const last = twin.responses().at(-1)
      return { connection: last?.connection, whole: !('previous_response_id' in bodyOf(last)) }
    }
    const [first, second, third] = [await next(0), await next(4 * 60_000), await next(5 * 60_000)]
    expect(second).toEqual({ connection: first.connection, whole: false })
    expect(third.whole).toBe(true)
    expect(third.connection).not.toBe(first.connection)
    await expect.poll(() => twin.openConnections().websocket).toBe(1)
  })
})

describe('on the wire', () => {
  test('an image is an input_image, by its url or with its bytes', async () => {
    const { provider, twin } = await mount()
    const data = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').toString('base64')
    await provider.complete({ messages: [{ role: 'user', content: [
      { type: 'text', text: 'look' },
      { type: 'image', source: { type: 'url', url: 'https://example.com/cat.png' } },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data } },
    ] }] })
    expect(lastBody(twin).input).toMatchObject([{ type: 'message', role: 'user', content: [
      { type: 'input_text', text: 'look' },
      { type: 'input_image', image_url: 'https://example.com/cat.png' },
      { type: 'input_image', image_url: `data:image/png;base64,${data}` },
    ] }])
  })

  test('a json_schema is text.format beside the verbosity, and its answer is JSON', async () => {
    const { provider, twin } = await mount({ config: { text_verbosity: 'high' } })
    const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false }
    const answer = await provider.complete(ask('where', { response_format: { type: 'json_schema', name: 'place', schema, strict: true } }))
    expect(lastBody(twin)['text']).toEqual({ verbosity: 'high', format: { type: 'json_schema', name: 'place', schema, strict: true } })
    expect(JSON.parse(answerText(answer))).toHaveProperty('city')
    await provider.complete(ask('briefly', { verbosity: 'low' }))
    expect(lastBody(twin)['text']).toEqual({ verbosity: 'low' })
  })

  test.each<[ChatRequest['tool_choice'], unknown]>([
    ['read_file', { type: 'function', name: 'read_file' }],
    [{ type: 'function', name: 'read_file' }, { type: 'function', name: 'read_file' }],
    [{ type: 'function', function: { name: 'read_file' } }, { type: 'function', name: 'read_file' }],
    ['required', 'required'], ['none', 'none'], ['auto', 'auto'], [null, 'auto'],
  ])('tool_choice %j is %j', async (choice, expected) => {
    const { provider, twin } = await mount()
    await provider.complete(ask('x', { tools: [TOOL], tool_choice: choice }))
    expect(lastBody(twin)['tool_choice']).toEqual(expected)
  })

  test('a tool choice that names no tool is refused here', async () => {
    const { provider, twin } = await mount()
    expect(await failureOf(provider.complete(ask('x', { tools: [TOOL], tool_choice: 'write_file' })))).toMatchObject({ name: 'InvalidRequestError', retryable: false })
    expect(twin.responses()).toEqual([])
  })

  test('a tool result is as long as tool_output_max_chars at most, its head and its tail kept', async () => {
    const { provider, twin } = await mount({ config: { tool_output_max_chars: 200 } })
    const called = await provider.complete(ask('call read_file {"path":"a"}', { tools: [TOOL] }))
    const result = `head ${'x'.repeat(5000)} tail`
    await provider.complete({
      messages: [{ role: 'user', content: 'x' }, { role: 'assistant', content: called.content }, { role: 'tool', tool_call_id: provider.parseToolCalls(called)[0]?.id ?? '', content: result }],
      tools: [TOOL],
    })
    const output = String(lastBody(twin).input.at(-1)?.['output'])
    expect(output.length).toBeLessThanOrEqual(200)
    expect(output).toMatch(/^head x+[^]*left out[^]*x+ tail$/)
  })
})

describe('mounts of one process', () => {
  const config = { max_concurrency: 1 }
  const callOnBoth = async (mounts: Mounted[], twin: Twin) => {
    for (let index = 0; index < 6; index++) twin.enqueue({ text: 'x', delayMs: 25 })
    await Promise.all(mounts.flatMap(({ provider }) => ['a', 'b', 'c'].map((text) => provider.complete(ask(text)))))
    return twin.activity().peak
  }

  test('on one account share its limit of running calls, until the last of them ends', async () => {
    const one = await mount({ config })
    const other = await mount({ config, on: one.twin })
    expect(await callOnBoth([one, other], one.twin)).toBe(1)
    await other.host.close()
    await expect(one.provider.complete(ask('x'))).resolves.toMatchObject({ finish_reason: 'stop' })
  })

  test('on two accounts have a limit each', async () => {
    const one = await mount({ config })
    const other = await mount({
      config, on: one.twin,
      prepare: ({ twin, config: { token_file_path: path } }) =>
        writeFile(String(path), JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens({ accountId: 'acct_other' }) }), { mode: 0o600 }),
    })
    expect(await callOnBoth([one, other], one.twin)).toBe(2)
  })
})
