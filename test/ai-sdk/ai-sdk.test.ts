import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { APICallError, LoadAPIKeyError, type LanguageModelV3CallOptions, type LanguageModelV3StreamPart } from '@ai-sdk/provider'
import { generateObject, generateText, jsonSchema, stepCountIs, streamObject, streamText, tool, type ModelMessage } from 'ai'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createChatGPT, readRoute, type ChatGPT, type ChatGPTOptions, type RouteReceipt } from '../../src/ai-sdk/index.js'
import type { ChatRequest, ChatResponse, Message } from '../../src/contract/index.js'
import { startTwin, type Twin, type TwinReply } from '../../src/twin/index.js'
import { WALL_TIME } from '../support/wall-time.js'

let twin: Twin
let folder: string
const open: ChatGPT[] = []

beforeAll(async () => {
  twin = await startTwin()
  folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-ai-sdk-'))
  await writeFile(join(folder, 'oauth.json'), JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
})
afterEach(async () => {
  for (const chatgpt of open.splice(0)) await chatgpt.close()
})
afterAll(async () => {
  await twin.close()
  await rm(folder, { recursive: true, force: true })
})

function create(config: Record<string, unknown> = {}, more: ChatGPTOptions = {}): ChatGPT {
  const chatgpt = createChatGPT({
    warn: () => undefined,
    ...more,
    config: { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: join(folder, 'oauth.json'), transport: 'sse', ...config },
  })
  open.push(chatgpt)
  return chatgpt
}

const read = tool({
  description: 'Reads a file.',
  inputSchema: jsonSchema<{ path: string }>({ type: 'object', properties: { path: { type: 'string' } }, required: ['path'], additionalProperties: false }),
  execute: ({ path }) => Promise.resolve(`content of ${path}`),
})
const READ_SPEC = { name: 'read', description: 'Reads a file.', parameters: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'], additionalProperties: false } }

const SCRIPT: TwinReply[] = [
  { reasoning: 'First a.', toolCalls: [{ name: 'read', arguments: { path: 'a' }, call_id: 'call_a' }] },
  { reasoning: 'Then b.', toolCalls: [{ name: 'read', arguments: { path: 'b' }, call_id: 'call_b' }] },
  { reasoning: 'Both are read.', text: 'a and b are alike.' },
]

/** The same loop by hand, over `complete()`. */
async function loopOverComplete(chatgpt: ChatGPT): Promise<ChatResponse[]> {
  const provider = await chatgpt.provider()
  const messages: Message[] = [{ role: 'user', content: 'compare a with b' }]
  const responses: ChatResponse[] = []
  for (let step = 0; step < 3; step++) {
    const request: ChatRequest = { model: 'gpt-5.5', messages: [...messages], tools: [READ_SPEC] }
    const response = await provider.complete(request)
    responses.push(response)
    messages.push({ role: 'assistant', content: response.content })
    for (const call of response.tool_calls ?? []) {
      messages.push({ role: 'tool', content: [{ type: 'tool_result', tool_call_id: call.id, name: call.name, output: `content of ${String(call.arguments['path'])}` }] })
    }
  }
  return responses
}

const inputOf = (request: { body: unknown }): unknown => (request.body as { input: unknown }).input
const kindsOf = (request: { body: unknown }): string[] =>
  (inputOf(request) as { type?: string }[]).map((item) => item.type ?? 'message')

interface Step {
  toolCalls: { toolCallId: string; toolName: string; input?: unknown }[]
  usage: { inputTokens?: number | undefined; outputTokens?: number | undefined; cachedInputTokens?: number | undefined; reasoningTokens?: number | undefined }
}
const callsOf = ({ toolCalls }: Step) => toolCalls.map(({ toolCallId, toolName, input }) => ({ id: toolCallId, name: toolName, arguments: input }))
const callsOfResponse = ({ tool_calls: calls }: ChatResponse) => (calls ?? []).map(({ id, name, arguments: input }) => ({ id, name, arguments: input }))
const usageOf = ({ usage }: Step) => [usage.inputTokens, usage.outputTokens, usage.cachedInputTokens, usage.reasoningTokens]
const usageOfResponse = ({ usage }: ChatResponse) => [usage?.input_tokens, usage?.output_tokens, usage?.cache_read_tokens ?? undefined, usage?.reasoning_tokens ?? undefined]

describe('the tool loop of the ai package', () => {
  test('three steps of streamText give the text, calls, usage and wire input of complete()', async () => {
    const chatgpt = create({ reasoning_summary: 'auto', reasoning_effort: 'medium' })
    twin.enqueue(...SCRIPT)
    const before = twin.responses().length
    const expected = await loopOverComplete(chatgpt)
    twin.enqueue(...SCRIPT)
    const between = twin.responses().length
    const result = streamText({
      model: chatgpt('gpt-5.5'), prompt: 'compare a with b', tools: { read }, stopWhen: stepCountIs(5),
    })
    const types = new Set<string>()
    for await (const part of result.fullStream) types.add(part.type)
    const steps = await result.steps
    expect([...types]).toEqual(expect.arrayContaining(['reasoning-start', 'reasoning-delta', 'reasoning-end', 'tool-input-delta', 'tool-call', 'text-delta', 'finish']))
    expect(types.has('error')).toBe(false)
    expect(await result.text).toBe('a and b are alike.')
    expect(steps.map(callsOf)).toEqual(expected.map(callsOfResponse))
    expect(steps.map(usageOf)).toEqual(expected.map(usageOfResponse))
    const [byHand, bySdk] = [twin.responses().slice(before, between), twin.responses().slice(between)]
    expect(bySdk.map(kindsOf)).toEqual(byHand.map(kindsOf))
    // The sealed thoughts went back to where they came from.
    expect(kindsOf(bySdk[2] as { body: unknown }).filter((kind) => kind === 'reasoning')).toHaveLength(2)
  })

  test('three steps of generateText give the same, with the route receipt and the reasoning', async () => {
    const events: string[] = []
    const chatgpt = create({ reasoning_summary: 'auto', reasoning_effort: 'medium' }, { onEvent: (event) => void events.push(event) })
    twin.enqueue(...SCRIPT)
    const expected = await loopOverComplete(chatgpt)
    twin.enqueue(...SCRIPT)
    const from = twin.responses().length
    const result = await generateText({ model: chatgpt('gpt-5.5'), prompt: 'compare a with b', tools: { read }, stopWhen: stepCountIs(5) })
    expect(result.text).toBe('a and b are alike.')
    expect(result.steps.map(callsOf)).toEqual(expected.map(callsOfResponse))
    expect(result.steps.map(usageOf)).toEqual(expected.map(usageOfResponse))
    expect(result.reasoningText).toBe('Both are read.')
    expect(result.finishReason).toBe('stop')
    expect(result.providerMetadata?.['openai-chatgpt']?.['route']).toMatchObject({ resolved_model: 'gpt-5.5', lane: 'codex' })
    expect(result.response.modelId).toBe('gpt-5.5')
    expect(kindsOf(twin.responses()[from + 2] as { body: unknown })).toEqual([
      'message', 'reasoning', 'function_call', 'function_call_output', 'reasoning', 'function_call', 'function_call_output',
    ])
    expect(events).toEqual(expect.arrayContaining(['llm:request', 'llm:response']))
  })

  test('a thought that shows no text goes back before the call it led to', async () => {
    const chatgpt = create({ reasoning_summary: 'none', reasoning_effort: 'medium' })
    const from = twin.responses().length
    const result = streamText({ model: chatgpt('gpt-5.5'), prompt: 'call read {"path":"a"}', tools: { read }, stopWhen: stepCountIs(3) })
    expect(await result.text).toContain('content of a')
    expect(kindsOf(twin.responses()[from + 1] as { body: unknown })).toEqual(['message', 'reasoning', 'function_call', 'function_call_output'])
  })

  test('three steps over a WebSocket say the same, on one connection', async () => {
    twin.enqueue(...SCRIPT)
    const from = twin.responses().length
    const result = await generateText({ model: create({ transport: 'websocket' })('gpt-5.5'), prompt: 'compare a with b', tools: { read }, stopWhen: stepCountIs(5) })
    expect(result.text).toBe('a and b are alike.')
    expect(result.steps.flatMap(callsOf)).toEqual(['a', 'b'].map((path) => ({ id: `call_${path}`, name: 'read', arguments: { path } })))
    const sent = twin.responses().slice(from).filter(({ body }) => (body as { generate?: boolean }).generate !== false)
    expect(sent.map(({ transport }) => transport)).toEqual(['websocket', 'websocket', 'websocket'])
    expect(new Set(sent.map(({ connection }) => connection)).size).toBe(1)
  })

  test('a role is resolved through the matrix and says so in its receipt', async () => {
    const result = await generateText({ model: create().role('coding'), prompt: 'hello' })
    expect(result.text).toContain('hello')
    const route: RouteReceipt | undefined = readRoute(result.providerMetadata)
    expect([route?.role, route?.served_model]).toEqual(['coding', route?.resolved_model])
    expect([readRoute(undefined), readRoute({ openai: { route: 'x' } })]).toEqual([undefined, undefined])
  })
})

describe('objects', () => {
  const schema = jsonSchema<{ name: string; count: number }>({
    type: 'object', properties: { name: { type: 'string' }, count: { type: 'integer' } }, required: ['name', 'count'], additionalProperties: false,
  })

  test('generateObject asks for the schema strictly and gets the object', async () => {
    const { object } = await generateObject({ model: create()('gpt-5.5'), schema, prompt: 'count words' })
    expect(object).toEqual({ name: expect.stringContaining('count words') as string, count: 1 })
    expect(twin.responses().at(-1)?.body).toMatchObject({ text: { format: { type: 'json_schema', strict: true } } })
  })

  test('streamObject builds it up', async () => {
    const result = streamObject({ model: create()('gpt-5.5'), schema, prompt: 'count words' })
    const partials: unknown[] = []
    for await (const partial of result.partialObjectStream) partials.push(partial)
    expect(partials.length).toBeGreaterThan(1)
    expect(await result.object).toMatchObject({ count: 1 })
  })
})

type ToolOutput = Extract<Extract<LanguageModelV3CallOptions['prompt'][number], { role: 'tool' }>['content'][number], { type: 'tool-result' }>['output']
const prompt: LanguageModelV3CallOptions['prompt'] = [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }]

async function drain(stream: ReadableStream<LanguageModelV3StreamPart>): Promise<LanguageModelV3StreamPart[]> {
  const parts: LanguageModelV3StreamPart[] = []
  for await (const part of stream) parts.push(part)
  return parts
}

describe('settings and contents', () => {
  test('what the lane takes not is left out with a warning', async () => {
    const { warnings } = await create()('gpt-5.5').doGenerate({
      prompt, temperature: 0.5, topP: 0.5, topK: 3, seed: 1, maxOutputTokens: 100, stopSequences: ['x'], presencePenalty: 1, frequencyPenalty: 1,
      providerOptions: { chatgpt: { nonsense: true } },
    })
    expect(warnings.map((warning) => (warning.type === 'other' ? warning.message : warning.feature)).sort()).toEqual([
      'frequencyPenalty', 'maxOutputTokens', 'presencePenalty', 'providerOptions: nonsense is no option of this provider',
      'seed', 'stopSequences', 'temperature', 'topK', 'topP',
    ])
    expect(twin.responses().at(-1)?.body).not.toHaveProperty('temperature')
  })

  test('providerOptions set effort, verbosity and conversation under either name', async () => {
    await create()('gpt-5.5').doGenerate({
      prompt, providerOptions: { chatgpt: { reasoningEffort: 'low' }, 'openai-chatgpt': { verbosity: 'low', conversationId: 'talk-1' } },
    })
    expect(twin.responses().at(-1)?.body).toMatchObject({ reasoning: { effort: 'low' }, text: { verbosity: 'low' } })
  })

  test('images of the user and of a tool go along, bytes, base64 and address alike', async () => {
    const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
    const { content } = await create()('gpt-5.5').doGenerate({
      prompt: [{
        role: 'user',
        content: [
          { type: 'text', text: 'look' },
          { type: 'file', mediaType: 'image/png', data: new Uint8Array(png) },
          { type: 'file', mediaType: 'image/png', data: png.toString('base64') },
          { type: 'file', mediaType: 'image/*', data: new URL('https://example.com/a.png') },
        ],
      }],
    })
    expect(JSON.stringify(content)).toContain('I see 3 images')
    await create()('gpt-5.5').doGenerate({
      prompt: [
        { role: 'user', content: [{ type: 'text', text: 'look' }] },
        { role: 'assistant', content: [{ type: 'tool-call', toolCallId: 'call_1', toolName: 'shot', input: {} }] },
        {
          role: 'tool',
          content: [{
            type: 'tool-result', toolCallId: 'call_1', toolName: 'shot',
            output: { type: 'content', value: [{ type: 'text', text: 'a shot' }, { type: 'image-data', data: png.toString('base64'), mediaType: 'image/png' }] },
          }],
        },
      ],
    })
    expect(JSON.stringify(twin.responses().at(-1)?.body)).toMatch(/function_call_output.*input_image/)
  })

  test.each<[string, ToolOutput, string]>([
    ['an error as text', { type: 'error-text', value: 'no such file' }, 'no such file'],
    ['an error as JSON', { type: 'error-json', value: { code: 'ENOENT' } }, '{"code":"ENOENT"}'],
    ['JSON', { type: 'json', value: { lines: 3 } }, '{"lines":3}'],
    ['a denial with its reason', { type: 'execution-denied', reason: 'not on a Friday' }, 'not on a Friday'],
    ['a denial without one', { type: 'execution-denied' }, 'The user denied the execution of this tool.'],
  ])('a tool result that is %s goes to the model', async (_title, output, sent) => {
    await create()('gpt-5.5').doGenerate({
      prompt: [
        ...prompt,
        { role: 'assistant', content: [{ type: 'tool-call', toolCallId: 'call_1', toolName: 'read', input: { path: 'a' } }] },
        { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'call_1', toolName: 'read', output }] },
      ],
    })
    const items = inputOf(twin.responses().at(-1) as { body: unknown }) as { type: string; output?: string }[]
    expect(items.find(({ type }) => type === 'function_call_output')?.output).toBe(sent)
  })

  test('a prompt of 1 MB and an image of 5 MB pass, and one over the context says so', async () => {
    const model = create()('gpt-5.5')
    const { usage } = await generateText({ model, prompt: 'x'.repeat(1_000_000) })
    expect(usage.inputTokens).toBeGreaterThan(100_000)
    const image = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(5_000_000)])
    await generateText({ model, messages: [{ role: 'user', content: [{ type: 'text', text: 'look' }, { type: 'image', image, mediaType: 'image/png' }] }] })
    expect(twin.responses().at(-1)?.bytes).toBeGreaterThan(6_666_000)
    const failure: unknown = await generateText({ model, prompt: 'x'.repeat(1_500_000) }).catch((error: unknown) => error)
    expect(APICallError.isInstance(failure) && failure).toMatchObject({ isRetryable: false, cause: { name: 'ContextLengthError' } })
  })

  test('doStream gives the content, usage and finish reason of doGenerate', async () => {
    const model = create()('gpt-5.5')
    const whole = await model.doGenerate({ prompt })
    const parts = await drain((await model.doStream({ prompt })).stream)
    expect(parts[0]?.type).toBe('stream-start')
    expect(parts.map((part) => (part.type === 'text-delta' ? part.delta : '')).join('')).toBe('You said: hello')
    expect(whole.content).toContainEqual(expect.objectContaining({ type: 'text', text: 'You said: hello' }))
    const finish = parts.at(-1)
    expect(finish).toMatchObject({ type: 'finish', finishReason: whole.finishReason, usage: { outputTokens: whole.usage.outputTokens } })
    const idsOf = (kind: RegExp) => parts.flatMap((part) => (kind.test(part.type) && 'id' in part ? [part.id] : []))
    expect(idsOf(/-start$/).sort()).toEqual(idsOf(/-end$/).sort())
  })
})

describe('failures', () => {
  test('without a sign-in the call says how to get one, and a sign-in in between is enough', async () => {
    const path = join(folder, 'later.json')
    const chatgpt = create({ token_file_path: path })
    const failure: unknown = await generateText({ model: chatgpt('gpt-5.5'), prompt: 'hello' }).catch((error: unknown) => error)
    expect(LoadAPIKeyError.isInstance(failure)).toBe(true)
    expect(String(failure)).toContain('login')
    await writeFile(path, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
    expect((await generateText({ model: chatgpt('gpt-5.5'), prompt: 'hello' })).text).toContain('hello')
  })

  test('a refusal is one request and an APICallError, for doStream a rejection', async () => {
    const model = create()('gpt-5.5')
    const from = twin.responses().length
    twin.enqueue({ status: 400, body: { error: { message: 'bad input', type: 'invalid_request_error' } } })
    const failure: unknown = await generateText({ model, prompt: 'hello' }).catch((error: unknown) => error)
    expect(APICallError.isInstance(failure) && failure).toMatchObject({ statusCode: 400, isRetryable: false, cause: { name: 'InvalidRequestError' } })
    expect(twin.responses().length - from).toBe(1)
    twin.enqueue({ status: 400, body: { error: { message: 'bad input', type: 'invalid_request_error' } } })
    await expect(model.doStream({ prompt })).rejects.toSatisfy((error: unknown) => APICallError.isInstance(error))
  })

  test('a token that the backend refuses, also after its refresh, is an APICallError with status 401', async () => {
    const refused: TwinReply = { status: 401, body: { error: { message: 'Your session has ended.', code: 'token_revoked' } } }
    twin.enqueue(refused, refused)
    const failure: unknown = await generateText({ model: create()('gpt-5.5'), prompt: 'hello' }).catch((error: unknown) => error)
    expect(APICallError.isInstance(failure) && failure).toMatchObject({ statusCode: 401, isRetryable: false, cause: { name: 'AuthenticationError' } })
    expect(String(failure)).toContain('login')
  })

  test('close() while the mount is under way ends what it began, and says so to later calls', async () => {
    const closing = create()
    const running = generateText({ model: closing('gpt-5.5'), prompt: 'hello', maxRetries: 0 }).then(() => 'answered', (error: unknown) => error)
    const before = twin.openConnections()
    await Promise.all([closing.close(), closing.close()])
    const outcome = await running
    expect(outcome === 'answered' || outcome instanceof Error).toBe(true)
    await vi.waitFor(() => expect(twin.openConnections()).toEqual(before), { timeout: 10_000, interval: 5 })
    await expect(generateText({ model: closing('gpt-5.5'), prompt: 'hello' })).rejects.toSatisfy((error: unknown) => LoadAPIKeyError.isInstance(error))
  })

  test('our retries are not multiplied by those of the AI SDK, which retries only where ours are off', async () => {
    const busy: TwinReply = { status: 503, body: { error: { message: 'overloaded' } } }
    const inside = create({ max_retries: 0 })('gpt-5.5')
    twin.enqueue(busy)
    const failure: unknown = await Promise.resolve(inside.doGenerate({ prompt })).catch((error: unknown) => error)
    expect(APICallError.isInstance(failure) && failure.isRetryable).toBe(true)
    // Cut after its first words: a host may try again, the provider itself doesn't any more.
    const outside = create()('gpt-5.5')
    twin.enqueue({ text: 'a long answer that is cut', deltaChars: 3, cutAfterEvents: 7 })
    const from = twin.responses().length
    await expect(generateText({ model: outside, prompt: 'hello' })).rejects.toMatchObject({ isRetryable: false, cause: { retryable: true } })
    expect(twin.responses().length - from).toBe(1)
  })

  test('an answer cut in its middle ends the stream with an error part', async () => {
    const model = create({ max_retries: 0 })('gpt-5.5')
    twin.enqueue({ text: 'a long answer that is cut', deltaChars: 3, cutAfterEvents: 7 })
    const parts = await drain((await model.doStream({ prompt })).stream)
    const last = parts.at(-1)
    expect(last?.type === 'error' && APICallError.isInstance(last.error)).toBe(true)
  })

  test.each(['abort', 'cancel'] as const)('%s frees the upstream socket within 250 ms', WALL_TIME, async (way) => {
    const model = create()('gpt-5.5')
    // With a call before it, the connections that stand by are all there.
    await model.doGenerate({ prompt })
    twin.enqueue({ text: 'a long answer that never ends', deltaChars: 2, stallAfterEvents: 7 })
    const controller = new AbortController()
    const { stream } = await model.doStream({ prompt, abortSignal: controller.signal })
    const reader = stream.getReader()
    await reader.read()
    await reader.read()
    const running = twin.openConnections().http
    const startedMs = performance.now()
    if (way === 'abort') controller.abort()
    else await reader.cancel()
    await vi.waitFor(() => expect(twin.openConnections().http).toBe(running - 1), { timeout: 10_000, interval: 5 })
    expect(performance.now() - startedMs).toBeLessThan(250)
  })

  test.each(['an abort before the first output', 'an abort of generateText', 'an abort of streamText whose loop was left'] as const)('%s frees the upstream socket within 250 ms', WALL_TIME, async (way) => {
    const model = create()('gpt-5.5')
    twin.enqueue({ text: 'a long answer that never ends', deltaChars: 2, stallAfterEvents: way === 'an abort before the first output' ? 1 : 7 })
    const controller = new AbortController()
    let abortedMs = 0
    const abort = () => {
      abortedMs = performance.now()
      controller.abort()
    }
    const call = { model, prompt: 'hello', abortSignal: controller.signal }
    if (way === 'an abort of streamText whose loop was left') {
      for await (const text of streamText(call).textStream) if (text) break
      // The AI SDK keeps a second reader of the stream: leaving the loop alone tells us nothing.
      expect(twin.activity().running).toBe(1)
      abort()
    } else {
      const running = way === 'an abort of generateText' ? generateText(call) : Promise.resolve(model.doStream({ prompt, abortSignal: controller.signal }))
      const outcome = running.then(() => 'answered', (error: unknown) => error)
      await vi.waitFor(() => expect(twin.activity().running).toBe(1), { interval: 5, timeout: 10_000 })
      abort()
      expect(await outcome).toMatchObject({ name: 'AbortError' })
    }
    await vi.waitFor(() => expect(twin.activity().running).toBe(0), { timeout: 10_000, interval: 5 })
    expect(performance.now() - abortedMs).toBeLessThan(250)
  })
})

test('a compaction within an answer is kept with its thoughts, and the next turn goes on from it', async () => {
  const own = await startTwin({ models: [{ slug: 'gpt-5.6-sol', visibility: 'list', supported_in_api: true, context_window: 20_000, supported_reasoning_levels: [{ effort: 'low' }], default_reasoning_level: 'low' }] })
  try {
    await writeFile(join(folder, 'own.json'), JSON.stringify({ auth_mode: 'oauth', ...own.issueTokens() }), { mode: 0o600 })
    const chatgpt = create({ base_url: own.baseUrl, issuer: own.issuer, token_file_path: join(folder, 'own.json'), compact_at: 0.1 })
    const messages: ModelMessage[] = [{ role: 'user', content: `one ${'and a long question '.repeat(500)}` }]
    for (const next of ['two', 'three']) {
      const { response, text } = next === 'two' ? await generateText({ model: chatgpt('gpt-5.6-sol'), messages }) : await streamOnce(chatgpt, messages)
      expect(text).toContain('You said: ')
      messages.push(...response.messages, { role: 'user', content: next })
    }
    await generateText({ model: chatgpt('gpt-5.6-sol'), messages })
    const types = own.responses().map(({ body }) => (body as { input: { type: string }[] }).input.map(({ type }) => type))
    expect(types).toEqual([['message'], ['compaction', 'reasoning', 'message', 'message'], ['compaction', 'reasoning', 'message', 'message', 'reasoning', 'message', 'message']])
  } finally {
    await own.close()
  }
})

async function streamOnce(chatgpt: ChatGPT, messages: ModelMessage[]) {
  const result = streamText({ model: chatgpt('gpt-5.6-sol'), messages })
  return { text: await result.text, response: await result.response }
}
