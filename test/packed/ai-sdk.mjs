/**
 * The installed package in the AI SDK that is installed beside it: `node test/packed/ai-sdk.mjs INSTALL_FOLDER`. A tool loop of
 * three steps in `generateText` and in `streamText` must give the text, calls and usage of `complete()`; then an object, a refusal and an abort.
 */
import { deepStrictEqual as equal, match, ok } from 'node:assert'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const folder = resolve(process.argv[2] ?? '.')
const require = createRequire(join(folder, 'package.json'))
const load = (name) => import(pathToFileURL(require.resolve(name)).href)
const ours = (part) => import(pathToFileURL(join(folder, 'node_modules', 'amplifier-module-provider-openai-chatgpt', 'dist', part, 'index.js')).href)
const { generateObject, generateText, jsonSchema, stepCountIs, streamText, tool, APICallError } = await load('ai')
const [{ createChatGPT }, { startTwin }] = await Promise.all([ours('ai-sdk'), ours('twin')])

const READ = { type: 'object', properties: { path: { type: 'string' } }, required: ['path'], additionalProperties: false }
const SCRIPT = [
  { reasoning: 'First a.', toolCalls: [{ name: 'read', arguments: { path: 'a' }, call_id: 'call_a' }] },
  { reasoning: 'Then b.', toolCalls: [{ name: 'read', arguments: { path: 'b' }, call_id: 'call_b' }] },
  { reasoning: 'Both are read.', text: 'a and b are alike.' },
]

// Its notice that an object has a newer way is none of ours.
globalThis.AI_SDK_LOG_WARNINGS = false
const twin = await startTwin()
const home = await mkdtemp(join(tmpdir(), 'amplifier-chatgpt-packed-'))
const tokens = join(home, 'tokens.json')
await writeFile(tokens, JSON.stringify({ auth_mode: 'oauth', ...twin.issueTokens() }), { mode: 0o600 })
const config = { base_url: twin.baseUrl, issuer: twin.issuer, token_file_path: tokens, transport: 'sse', reasoning_summary: 'auto', reasoning_effort: 'medium' }
const chatgpt = createChatGPT({ config, warn: () => undefined })
const model = chatgpt('gpt-5.5')
const call = {
  model, prompt: 'compare a with b', stopWhen: stepCountIs(5),
  tools: { read: tool({ description: 'Reads a file.', inputSchema: jsonSchema(READ), execute: ({ path }) => `content of ${path}` }) },
}

/** The same loop by hand. */
async function loopOverComplete() {
  const provider = await chatgpt.provider()
  const messages = [{ role: 'user', content: call.prompt }]
  const responses = []
  for (const _ of SCRIPT) {
    const response = await provider.complete({ model: 'gpt-5.5', messages: [...messages], tools: [{ name: 'read', description: 'Reads a file.', parameters: READ }] })
    responses.push(response)
    messages.push({ role: 'assistant', content: response.content })
    for (const { id, name, arguments: input } of response.tool_calls ?? []) {
      messages.push({ role: 'tool', content: [{ type: 'tool_result', tool_call_id: id, name, output: `content of ${input.path}` }] })
    }
  }
  return responses.map(({ tool_calls: calls, usage }) => ({
    calls: (calls ?? []).map(({ id, name, arguments: input }) => [id, name, input]),
    usage: [usage.input_tokens, usage.output_tokens, usage.cache_read_tokens ?? undefined, usage.reasoning_tokens ?? undefined],
  }))
}

const describeSteps = (steps) => steps.map(({ toolCalls, usage }) => ({
  calls: toolCalls.map(({ toolCallId, toolName, input }) => [toolCallId, toolName, input]),
  usage: [usage.inputTokens, usage.outputTokens, usage.inputTokenDetails.cacheReadTokens, usage.outputTokenDetails.reasoningTokens],
}))

twin.enqueue(...SCRIPT)
const expected = await loopOverComplete()
twin.enqueue(...SCRIPT)
const whole = await generateText(call)
equal(whole.text, 'a and b are alike.')
equal(describeSteps(whole.steps), expected)
equal(whole.steps.map(({ reasoningText }) => reasoningText), ['First a.', 'Then b.', 'Both are read.'])
twin.enqueue(...SCRIPT)
const streamed = streamText(call)
equal(await streamed.text, 'a and b are alike.')
equal(describeSteps(await streamed.steps), expected)
const sent = twin.responses().map(({ body }) => body.input.map(({ type }) => type ?? 'message'))
equal(sent.slice(3, 6), sent.slice(0, 3))
equal(sent.slice(6, 9), sent.slice(0, 3))

const schema = jsonSchema({ type: 'object', properties: { count: { type: 'integer' } }, required: ['count'], additionalProperties: false })
equal((await generateObject({ model, schema, prompt: 'count words' })).object, { count: 1 })
match((await generateText({ model: chatgpt.role('coding'), prompt: 'hello' })).text, /hello/)

twin.enqueue({ status: 400, body: { error: { message: 'bad input', type: 'invalid_request_error' } } })
const refusal = await generateText({ model, prompt: 'hello' }).then(() => undefined, (error) => error)
ok(APICallError.isInstance(refusal) && refusal.statusCode === 400, `a refusal should be an APICallError, found ${refusal}`)

twin.enqueue({ text: 'a long answer that never ends', deltaChars: 2, stallAfterEvents: 7 })
const controller = new AbortController()
const left = streamText({ model, prompt: 'hello', abortSignal: controller.signal })
for await (const text of left.textStream) if (text) break
const abortedMs = performance.now()
controller.abort()
while (twin.activity().running > 0) {
  ok(performance.now() - abortedMs < 250, 'an abort should free the upstream call within 250 ms')
  await new Promise((resolveTurn) => setImmediate(resolveTurn))
}

await chatgpt.close()
await twin.close()
await rm(home, { recursive: true, force: true })
console.log(`ai ${require('ai/package.json').version} on Node ${process.version}: ${expected.length} steps as complete() gives them`)
