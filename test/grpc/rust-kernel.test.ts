import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { ChatRequest, ChatResponse, Message, ModelInfo } from '../../src/contract/index.js'
import { startTwin, type Twin } from '../../src/twin/index.js'
import { buildCommandLine } from '../support/amplifier-python.js'
import { ask, mountOnTwin, TOOL } from '../support/mounted.js'

interface Failure { message: string; provider: string; retryable: boolean }
interface Answer<Value = unknown> { ok?: Value; error?: { Other?: Failure; Provider?: { Other: Failure } } | string; retryable?: boolean; elapsed?: true }

const program = fileURLToPath(new URL(`../../node_modules/.cache/amplifier-rust/target/debug/rust-kernel${process.platform === 'win32' ? '.exe' : ''}`, import.meta.url))
const built = existsSync(program)
if (!built) process.stderr.write('skipped: the Rust kernel, because its caller is not built (npm run test:rust needs Python, cargo and their registries)\n')

/** The kernel's crate in a process of its own, with what is behind the endpoint mounted in it. */
function startKernel(endpoint: string) {
  const child = spawn(program, [endpoint], { stdio: 'pipe' })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  let complaints = ''
  child.stderr.on('data', (bytes: Buffer) => { complaints += String(bytes) })
  const next = async () => JSON.parse(String((await lines.next()).value)) as Answer
  const call = <Value>(word: string, more: object = {}): Promise<Answer<Value>> => {
    child.stdin.write(`${JSON.stringify({ call: word, ...more })}\n`)
    return next() as Promise<Answer<Value>>
  }
  return {
    mounted: next(),
    call,
    complete: (request: ChatRequest, more: object = {}) => call<ChatResponse>('complete', { request, ...more }),
    /** Answers what the kernel complained of on its stderr. */
    async close(): Promise<string> {
      const closed = once(child, 'close')
      child.stdin.end()
      await closed
      return complaints
    },
  }
}

describe.skipIf(!built)("Amplifier's Rust kernel", () => {
  let main: string
  let twin: Twin
  let folder: string
  let sidecar: Awaited<ReturnType<typeof serve>> | undefined
  let kernel: ReturnType<typeof startKernel>

  async function serve(args: string[] = ['--no-secret', '--port', '0'], config: object = {}) {
    const sent = { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: join(folder, 'tokens.json'), transport: 'sse', max_retries: 0, default_model: 'gpt-5.5', ...config }
    const child = spawn(process.execPath, [main, 'serve', '--grpc', ...args], {
      cwd: folder, stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH: process.env.PATH, HOME: folder, USERPROFILE: folder, AMPLIFIER_CHATGPT_CONFIG: JSON.stringify(sent), AMPLIFIER_CHATGPT_SECRET: 'made-up' },
    })
    const [said] = (await once(child.stdout, 'data')) as [Buffer]
    const port = String(said).slice('READY:'.length).trim()
    const end = async (signal: NodeJS.Signals = 'SIGTERM') => {
      const closed = once(child, 'close')
      child.kill(signal)
      await closed
    }
    return { endpoint: `http://127.0.0.1:${port}`, port, end }
  }

  beforeAll(async () => {
    main = await buildCommandLine('rust')
    twin = await startTwin()
    folder = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-'))
    await writeFile(join(folder, 'tokens.json'), JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
    sidecar = await serve()
    kernel = startKernel(sidecar.endpoint)
  }, 60_000)

  afterAll(async () => {
    await sidecar?.end()
    await twin.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('mounts what stands at the endpoint under its own name', async () => {
    const { ok } = await kernel.mounted
    expect(ok).toMatchObject({ name: 'openai-chatgpt', mounted: ['openai-chatgpt'], info: { id: 'openai-chatgpt', display_name: 'OpenAI ChatGPT', defaults: { model: 'gpt-5.5' } } })
  })

  test('reads information, models and an answer as a host in our process gets them', async () => {
    const mounted = await mountOnTwin({ on: twin, config: { max_retries: 0 } })
    // Asked as the kernel asks: at the mount, before the account's list is read.
    const { id, display_name, credential_env_vars, capabilities, defaults } = mounted.provider.getInfo()
    const reply = { model: 'gpt-5.4', text: 'one\ntwo "three" ✓', reasoning: 'pondering', toolCalls: [{ name: 'read_file', arguments: { path: 'ä', deep: [{ at: 1 }] } }] }
    const request = ask('say it', { tools: [TOOL], reasoning_effort: 'high' })
    twin.enqueue(reply, reply)
    const ours = await mounted.provider.complete(request)
    const models: ModelInfo[] = await mounted.provider.listModels()
    await mounted.close()
    expect((await kernel.mounted).ok).toMatchObject({ info: { id, display_name, credential_env_vars, capabilities, defaults } })
    expect((await kernel.call<ModelInfo[]>('list_models')).ok).toEqual(models.map(({ id, display_name, context_window, max_output_tokens, capabilities, defaults }) => (
      { id, display_name, context_window, max_output_tokens, capabilities, defaults })))
    const { ok } = await kernel.complete(request)
    expect(withoutIds(ok)).toEqual(withoutIds(ours))
    expect(ok).toMatchObject({ degradation: { requested: 'gpt-5.5', actual: 'gpt-5.4' }, usage: { total_tokens: expect.any(Number) as number } })
  })

  test.each<[string, Partial<ChatRequest>]>([
    ['a bare prompt', {}],
    ['roles and blocks of every kind', {
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'developer', content: 'Be polite.' },
        { role: 'user', content: [{ type: 'text', text: 'look' }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } }] },
        { role: 'assistant', content: [
          { type: 'thinking', thinking: 'hm', signature: 'made-up', visibility: 'internal' }, { type: 'redacted_thinking', data: 'hidden' },
          { type: 'text', text: 'I look.', visibility: 'user' }, { type: 'tool_call', id: 'call_1', name: 'read_file', input: { lines: [1, 2.5, null, { path: 'ä' }] } },
        ] },
        { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'tool_result', tool_call_id: 'call_1', output: { found: ['ä', 1, null] } }] },
        { role: 'assistant', content: 'There.' },
        { role: 'user', content: 'again' },
      ],
      tools: [TOOL],
    }],
    ['a tool result as text', {
      messages: [
        { role: 'user', content: 'look' },
        { role: 'assistant', content: [{ type: 'tool_call', id: 'call_1', name: 'read_file', input: {} }] },
        { role: 'tool', tool_call_id: 'call_1', name: 'read_file', content: '42' },
      ],
      tools: [TOOL],
    }],
    ['settings', {
      model: 'gpt-5.4', reasoning_effort: 'low', max_output_tokens: 77, conversation_id: 'made-up', stream: true, metadata: { origin: 'test' }, timeout: 20,
      tools: [TOOL], tool_choice: { type: 'function', name: 'read_file' },
    }],
    ['a schema to answer in', { response_format: { type: 'json_schema', schema: { type: 'object', properties: { at: { type: 'number' } } }, strict: true } }],
    ['JSON to answer in', { messages: [{ role: 'user', content: 'as JSON' }], response_format: { type: 'json' }, tools: [TOOL], tool_choice: 'none' }],
  ])('sends %s upstream as a host in our process does', async (_what, more) => {
    const request = ask('hello', { conversation_id: 'made-up', ...more })
    const mounted = await mountOnTwin({ on: twin, config: { max_retries: 0 } })
    await mounted.provider.complete(request)
    const ours = twin.responses().at(-1)?.body
    await mounted.close()
    expect((await kernel.complete(request)).error).toBeUndefined()
    expect(withoutIds(twin.responses().at(-1)?.body)).toEqual(withoutIds(ours))
  })

  test('takes a tool call apart and gives its result back, with the reasoning before it', async () => {
    const request = ask('call read_file {"path":"notes"}', { tools: [TOOL] })
    const { ok: first } = await kernel.complete(request)
    if (!first) throw new Error('no answer')
    const { ok: calls } = await kernel.call<{ id: string; name: string }[]>('parse_tool_calls', { response: first })
    expect(calls).toMatchObject([{ name: 'read_file', arguments: { path: 'notes' } }])
    const id = String(calls?.[0]?.id)
    const result = { role: 'tool' as const, tool_call_id: id, content: [{ type: 'tool_result' as const, tool_call_id: id, output: 'a lantern' }] }
    const { ok: second } = await kernel.complete({ ...request, messages: [...request.messages, { role: 'assistant', content: first.content }, result] })
    expect(second).toMatchObject({ finish_reason: 'stop' })
    expect(textIn(second)).toBe('The tool read_file gave: a lantern')
    const { input } = twin.responses().at(-1)?.body as { input: { type: string; call_id?: string }[] }
    expect(input.map(({ type, call_id: call }) => [type, call])).toEqual([['message', undefined], ['reasoning', undefined], ['function_call', id], ['function_call_output', id]])
    expect(input[1]).toMatchObject({ encrypted_content: expect.stringMatching(/^gAAAA/) as string })
  })

  test('has its turns continued although its maps have no order', async () => {
    const socket = await serve(['--no-secret', '--port', '0'], { transport: 'websocket' })
    const other = startKernel(socket.endpoint)
    const parameters = { type: 'object', properties: { path: { type: 'string' } }, required: ['path'], additionalProperties: true, title: 'Reads' }
    const tools = [{ name: 'read_file', description: 'Reads a file', parameters }]
    const messages: Message[] = []
    const seen: { tools: string; previous: boolean; items: number }[] = []
    for (let turn = 0; turn < 4; turn++) {
      messages.push({ role: 'user', content: `call read_file {"path":"notes","turn":${turn},"from":1,"to":9,"deep":true}` })
      for (const _half of ['call', 'answer']) {
        const { ok } = await other.complete({ messages, tools, conversation_id: 'unordered' })
        messages.push({ role: 'assistant', content: ok?.content ?? [] })
        const body = twin.responses().at(-1)?.body as { tools: object[]; previous_response_id?: string; input: object[] }
        seen.push({ tools: JSON.stringify(body.tools), previous: body.previous_response_id !== undefined, items: body.input.length })
        for (const { id } of ok?.tool_calls ?? []) messages.push({ role: 'tool', tool_call_id: id, content: [{ type: 'tool_result', tool_call_id: id, output: { lines: [turn], more: false } }] })
      }
    }
    expect(new Set(seen.map(({ tools: text }) => text)).size).toBe(1)
    expect(seen.map(({ previous, items }) => [previous, items])).toEqual([[false, 1], ...Array.from({ length: 7 }, () => [true, 1])])
    await Promise.all([other.close(), socket.end()])
  })

  test('runs a session with a tool over it', async () => {
    expect(await kernel.call('session', { prompt: 'call look {"at":"the door"}' })).toEqual({ ok: 'The tool look gave: a lantern at the door' })
  })

  test.each<[string, object, ChatRequest, RegExp]>([
    ['an unknown model', {}, ask('x', { model: 'gpt-none' }), /NotFound, message: "The account has no model gpt-none/],
    ['a refused request', { status: 400, body: { error: { code: 'context_length_exceeded', message: 'too long' } } }, ask('please refuse'), /InvalidArgument, message: ".*context_length_exceeded/],
    ['a full queue', { status: 429, body: { error: { type: 'rate_limit_exceeded', message: 'slow' } } }, ask('please refuse'), /ResourceExhausted, message: "/],
    ['a backend that is down', { status: 503, body: {} }, ask('please refuse'), /Unavailable, message: "/],
  ])('tells of %s in our words, as the one kind of failure that it knows', async (_what, reply, request, words) => {
    if ('status' in reply) twin.enqueue(reply as { status: number })
    const { error, retryable } = await kernel.complete(request)
    expect(error).toMatchObject({ Other: { provider: 'openai-chatgpt', message: expect.stringMatching(words) as string } })
    expect(retryable).toBe(false)
    expect(textIn((await kernel.complete(ask('still there'))).ok)).toBe('You said: still there')
  })

  test('has a deadline in the request kept by us, and one of its own by letting the call go', async () => {
    const stalls = { text: 'a long answer', deltaChars: 1, stallAfterEvents: 6 }
    twin.enqueue(stalls, stalls)
    expect((await kernel.complete(ask('stall', { timeout: 0.2 }))).error).toMatchObject({ Other: { message: expect.stringContaining('timeout') as string } })
    expect(await kernel.complete(ask('stall'), { within_ms: 200 })).toEqual({ elapsed: true })
    await vi.waitFor(() => expect(twin.activity().running).toBe(0), { timeout: 10_000, interval: 5 })
    expect((await kernel.complete(ask('go on'))).ok).toMatchObject({ finish_reason: 'stop' })
  })

  test('reads an answer of 2 MB, and sends a prompt of 1 MB', async () => {
    twin.enqueue({ text: 'x'.repeat(2_000_000), deltaChars: 100_000 })
    expect(textIn((await kernel.complete(ask('at length'))).ok)).toHaveLength(2_000_000)
    expect((await kernel.complete(ask('y'.repeat(1_000_000)))).ok).toMatchObject({ finish_reason: 'stop' })
    expect(JSON.stringify(twin.responses().at(-1)?.body).length).toBeGreaterThan(1_000_000)
  })

  test('goes on over the same mount where the sidecar was killed in an answer and started again', async () => {
    twin.enqueue({ text: 'a long answer', deltaChars: 1, stallAfterEvents: 6 })
    const running = kernel.complete(ask('stall'))
    await vi.waitFor(() => expect(twin.activity().running).toBe(1), { timeout: 10_000, interval: 5 })
    const port = String(sidecar?.port)
    await sidecar?.end('SIGKILL')
    expect((await running).error).toHaveProperty('Other.message')
    sidecar = await serve(['--no-secret', '--port', port])
    expect(textIn((await kernel.complete(ask('back again'))).ok)).toBe('You said: back again')
  })

  test('complained of nothing that we sent', async () => {
    expect(await kernel.close()).toBe('')
  })

  test('is refused where a secret is asked for, since it sends none', async () => {
    const guarded = await serve([])
    const other = startKernel(guarded.endpoint)
    expect((await other.mounted).error).toMatch(/Unauthenticated, message: "x-amplifier-token is missing or wrong \[\w+\]"/)
    await Promise.all([other.close(), guarded.end()])
  })

  test.each([
    ['nobody is signed in', 'nobody.json', /Unauthenticated|FailedPrecondition|Unavailable/],
    ['the sign-in was revoked', 'revoked.json', /Unauthenticated/],
  ])('mounts where %s, and hears of it from the first call', async (_what, file, status) => {
    if (file === 'revoked.json') {
      const tokens = twin.issueTokens()
      twin.revokeAccessToken(tokens.access_token)
      twin.invalidateRefreshToken(tokens.refresh_token)
      await writeFile(join(folder, file), JSON.stringify({ auth_mode: 'oauth', ...tokens }), { mode: 0o600 })
    }
    const unsigned = await serve(['--no-secret', '--port', '0'], { token_file_path: join(folder, file) })
    const other = startKernel(unsigned.endpoint)
    expect(await other.mounted).toMatchObject({ ok: { name: 'openai-chatgpt' } })
    const { error } = await other.complete(ask('x'))
    expect(error).toMatchObject({ Other: { message: expect.stringMatching(status) as string } })
    expect(error).toMatchObject({ Other: { message: expect.stringContaining('amplifier-chatgpt login') as string } })
    await Promise.all([other.close(), unsigned.end()])
  })
})

function textIn(response: ChatResponse | undefined): string {
  return (response?.content ?? []).map((block) => (block.type === 'text' ? block.text : '')).join('')
}

/** What differs between two calls that are the same. */
function withoutIds(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, inner: unknown) => (/(^|_)(id|key)$|^age_seconds$|^observed_at$|^waited_ms$/.test(key) ? undefined : inner)).replace(/"(gAAAA|rs_|call_|resp_)[^"]*"/g, '"$1"')) as unknown
}
