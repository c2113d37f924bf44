/** Checkpoints and compaction against the twin, which opens only what it sealed for the same account, lane and model family. */
import { afterEach, describe, expect, test } from 'vitest'
import type { ChatRequest, ChatResponse, JsonObject, Message } from '../../src/contract/index.js'
import type { Twin, TwinRequest } from '../../src/twin/index.js'
import { failureOf, mountOnTwin, TOOL, type Mounted, type MountedOptions } from '../support/mounted.js'

const open: Mounted[] = []
afterEach(async () => { for (const mounted of open.splice(0)) await mounted.close() })
async function mount(options: MountedOptions = {}): Promise<Mounted> {
  const mounted = await mountOnTwin(options)
  open.push(mounted)
  return mounted
}

const KEY = 'openai-chatgpt:compaction'
const bodyOf = (request: TwinRequest | undefined) => (request?.body ?? {}) as JsonObject & { input: JsonObject[] }
const lastBody = ({ twin }: Mounted) => bodyOf(twin.responses().at(-1))
const typesOf = ({ input }: { input: JsonObject[] }) => input.map(({ type }) => type)
const user = (content: string): Message => ({ role: 'user', content })
const HISTORY: Message[] = [{ role: 'system', content: 'Be brief.' }, user('one'), { role: 'assistant', content: 'You said: one' }, user('two')]
const after = (checkpoint: Message, ...more: Message[]): ChatRequest => ({ messages: [HISTORY[0] as Message, checkpoint, ...more], tools: [TOOL] })

describe.each(['sse', 'websocket'] as const)('a checkpoint over %s', (transport) => {
  test('is made by one call that streams nothing and says what it is, and goes back as the backend sent it', async () => {
    const mounted = await mount({ config: { transport, raw: true } })
    const { provider, events } = mounted
    const { message, usage, response_id: id, route } = await provider.compact({ messages: HISTORY, tools: [TOOL], conversation_id: 'c' })
    expect(typesOf(lastBody(mounted))).toEqual(['message', 'message', 'message', 'compaction_trigger'])
    expect(lastBody(mounted)).toMatchObject({ instructions: 'Be brief.', prompt_cache_key: 'c', tools: [{ type: 'function', name: 'read_file' }] })
    const { provenance, item } = message.metadata?.[KEY] as { provenance: JsonObject; item: JsonObject }
    expect(message).toEqual({ role: 'assistant', content: '', metadata: { [KEY]: { version: 1, provenance, item } } })
    expect(provenance).toEqual({ account: expect.any(String) as string, lane: 'codex', model_family: 'gpt-5.5' })
    expect(item).toEqual({ id: expect.stringMatching(/^cmp_/) as string, type: 'compaction', encrypted_content: expect.any(String) as string })
    expect([usage?.input_tokens, typeof id, route.resolved_model]).toEqual([expect.any(Number), 'string', 'gpt-5.5'])
    expect(events.filter(({ event }) => event.startsWith('llm:')).map(({ event, data }) => [event, data['operation']])).toEqual([['llm:request', 'compaction'], ['llm:response', 'compaction']])
    const stored = JSON.parse(JSON.stringify(message)) as Message
    await provider.complete(after(stored, user('three')))
    expect(lastBody(mounted).input.slice(0, 1)).toEqual([{ type: 'compaction', encrypted_content: item['encrypted_content'] }])
    expect(typesOf(lastBody(mounted))).toEqual(['compaction', 'message'])
    expect(stored).toEqual(message)
  })

  test('three times over, each from the one before it and its new turns', async () => {
    const mounted = await mount({ config: { transport } })
    let kept: Message[] = HISTORY
    for (let round = 0; round < 3; round += 1) {
      const { message } = await mounted.provider.compact({ messages: kept })
      const answer = await mounted.provider.complete(after(message, user(`round ${round}`)))
      kept = [HISTORY[0] as Message, message, user(`round ${round}`), { role: 'assistant', content: answer.content }]
    }
    await mounted.provider.compact({ messages: kept })
    expect(typesOf(lastBody(mounted)).filter((type) => type !== 'reasoning')).toEqual(['compaction', 'message', 'message', 'compaction_trigger'])
  })

  const sealed: JsonObject = { id: 'cmp_1', type: 'compaction', encrypted_content: 'sealed' }
  const done = (item: JsonObject, index = 0): JsonObject => ({ type: 'response.output_item.done', output_index: index, item })
  const created: JsonObject = { type: 'response.created', response: { id: 'resp_1', model: 'gpt-5.5', status: 'in_progress' } }
  const end = (response: JsonObject = {}, type = 'response.completed'): JsonObject => ({ type, response: { id: 'resp_1', model: 'gpt-5.5', status: 'completed', output: [], ...response } })
  test.each<[string, JsonObject[], string]>([
    ['none', [created, end()], 'StreamError invalid_checkpoint'],
    ['two', [created, done(sealed), done({ ...sealed, id: 'cmp_2' }, 1), end()], 'StreamError invalid_checkpoint'],
    ['an empty one', [created, done({ ...sealed, encrypted_content: '' }), end()], 'StreamError invalid_checkpoint'],
    ['a call beside it', [created, done(sealed), done({ id: 'fc_1', type: 'function_call', call_id: 'call_1', name: 'read_file', arguments: '{}' }, 1), end()], 'StreamError invalid_checkpoint'],
    ['text beside it', [created, done(sealed), done({ id: 'msg_1', type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'hi' }] }, 1), end()], 'StreamError invalid_checkpoint'],
    ['another family\'s', [created, done(sealed), end({ model: 'gpt-5.4' })], 'StreamError invalid_checkpoint'],
    ['one that was cut', [created, done(sealed), end({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }, 'response.incomplete')], 'StreamError invalid_checkpoint'],
    ['a completed event of a failed response', [created, done(sealed), end({ status: 'failed', error: { code: 'server_error', message: 'broke' } })], 'StreamError server_error'],
    // Over a connection that stays open only silence would tell.
    ...(transport === 'sse' ? [['no end', [created, done(sealed)], 'StreamError stream_cut'] as [string, JsonObject[], string]] : []),
  ])('%s of the answer is none, whatever the history was', async (_words, played, failure) => {
    const { provider, twin } = await mount({ config: { transport, max_retries: 0 } })
    twin.enqueue({ events: played })
    const error = await failureOf(provider.compact({ messages: HISTORY }))
    expect(`${error.name} ${error.code}`).toBe(failure)
    expect(JSON.stringify(error)).not.toContain('sealed')
  })
})

describe('a checkpoint that this call\'s backend cannot read', () => {
  const checkpoint = async (mounted: Mounted) => (await mounted.provider.compact({ messages: HISTORY })).message
  const edit = (message: Message, more: JsonObject): Message => ({ ...message, metadata: { [KEY]: { ...(message.metadata?.[KEY] as JsonObject), ...more } } })
  test.each<[string, (message: Message) => ChatRequest, string]>([
    ['another model family', (message) => ({ ...after(message, user('three')), model: 'gpt-5.4' }), 'checkpoint_elsewhere'],
    ['another account', (message) => after(edit(message, { provenance: { account: 'other', lane: 'codex', model_family: 'gpt-5.5' } }), user('three')), 'checkpoint_elsewhere'],
    ['another lane', (message) => after(edit(message, { provenance: { ...((message.metadata?.[KEY] as JsonObject)['provenance'] as JsonObject), lane: 'plan' } }), user('three')), 'checkpoint_elsewhere'],
    ['another version', (message) => after(edit(message, { version: 2 }), user('three')), 'checkpoint_version'],
    ['words of its own', (message) => after({ ...message, content: 'and more' }, user('three')), 'invalid_checkpoint'],
    ['nothing in it', (message) => after(edit(message, { item: { type: 'compaction' } }), user('three')), 'invalid_checkpoint'],
  ])('%s: fails before anything is sent', async (_words, request, code) => {
    const mounted = await mount()
    const message = await checkpoint(mounted)
    const before = mounted.twin.responses().length
    const error = await failureOf(mounted.provider.complete(request(message)))
    expect([error.name, error.code, mounted.twin.responses().length - before]).toEqual(['InvalidRequestError', code, 0])
  })

  test('in a lane that makes none the call says so, unsent', async () => {
    const mounted = await mount({ config: { lane: 'api_key', api_key: 'sk-made-up' } })
    const error = await failureOf(mounted.provider.compact({ messages: HISTORY }))
    expect([error.name, error.code, mounted.twin.responses().length]).toEqual(['InvalidRequestError', 'compaction_not_supported', 0])
  })
})

describe('a compaction that came within an answer', () => {
  const sealed = { type: 'compaction', encrypted_content: 'gAAAAA-made-up' }
  test('stands for what comes before it; one that is all of its message leaves that to the host, which put it there', async () => {
    const mounted = await mount()
    const made = await mounted.provider.compact({ messages: HISTORY })
    const { item } = made.message.metadata?.[KEY] as { item: JsonObject }
    const alone: Message = { role: 'assistant', content: [{ type: 'hosted', item }] }
    const within: Message = { role: 'assistant', content: [{ type: 'hosted', item }, { type: 'text', text: 'on we go' }] }
    await mounted.provider.complete({ messages: [...HISTORY, alone, user('three')] })
    expect(typesOf(lastBody(mounted))).toEqual(['message', 'message', 'message', 'compaction', 'message'])
    await mounted.provider.complete({ messages: [...HISTORY, within, user('three')] })
    expect(typesOf(lastBody(mounted))).toEqual(['compaction', 'message', 'message'])
  })

  const hosted = (origin: JsonObject) => ({ type: 'hosted' as const, item: sealed, content: [sealed.encrypted_content, null, origin] })
  const elsewhere = { account: 'other', lane: 'codex', model_family: 'gpt-5.5' }
  test('of another account is left out where the messages before it are there, and missed where they are not', async () => {
    const mounted = await mount()
    const answer: Message = { role: 'assistant', content: [hosted(elsewhere), { type: 'text', text: 'on we go' }] }
    await mounted.provider.complete({ messages: [...HISTORY, answer, user('three')] })
    expect(lastBody(mounted).input).toHaveLength(5)
    const error = await failureOf(mounted.provider.complete({ messages: [HISTORY[0] as Message, answer, user('three')] }))
    expect([error.name, error.code]).toEqual(['InvalidRequestError', 'checkpoint_elsewhere'])
  })
})

const LONG = 'what is behind the next door of the house? '.repeat(60)
/** A loop whose every turn calls a tool, with a temporary message at the end of each request. */
function createLoop({ provider }: Mounted, more: Partial<ChatRequest> = {}) {
  const history: Message[] = [{ role: 'system', content: 'You open doors.' }]
  let turn = 0
  const ask = async (): Promise<ChatResponse> => {
    const answer = await provider.complete({ messages: [...history, { role: 'developer', content: `It is turn ${turn}.` }], tools: [TOOL], ...more })
    history.push({ role: 'assistant', content: answer.content })
    return answer
  }
  return {
    history,
    async turn(): Promise<ChatResponse> {
      turn += 1
      history.push(user(`${turn}: call read_file {"path":"door ${turn}"} ${LONG}`))
      for (const call of (await ask()).tool_calls ?? []) history.push({ role: 'tool', tool_call_id: call.id, content: `open ${LONG}` })
      return ask()
    },
  }
}
const WINDOW = 20_000
const models = (slug: string) => [{
  slug, visibility: 'list', supported_in_api: true, context_window: WINDOW, supported_reasoning_levels: [{ effort: 'low' }, { effort: 'high' }], default_reasoning_level: 'low',
}]
/** But what the matrix says of an account with one model. */
const warningsOf = ({ warnings }: Mounted) => warnings.filter((warning) => !warning.includes('has no model'))
const inputs = (twin: Twin) => twin.responses().map((request) => bodyOf(request))

describe.each(['sse', 'websocket'] as const)('compact_at over %s', (transport) => {
  test('a model without context_management: a call of its own before the window is full, and the history stays the host\'s', async () => {
    const slug = 'gpt-6.1-sol'
    const mounted = await mount({ twin: { models: models(slug) }, config: { transport, default_model: slug, compact_at: 0.5 }, parts: { session: { id: 's' } } })
    const loop = createLoop(mounted)
    const answers: ChatResponse[] = []
    for (let turn = 0; turn < 30; turn += 1) answers.push(await loop.turn())
    const compactions = mounted.named('llm:request').filter(({ operation }) => operation === 'compaction').length
    expect(compactions).toBeGreaterThanOrEqual(2)
    expect(inputs(mounted.twin).filter(({ input }) => input.at(-1)?.['type'] === 'compaction_trigger')).toHaveLength(compactions)
    expect(Math.max(...answers.map(({ usage }) => usage?.input_tokens ?? 0))).toBeLessThan(0.75 * WINDOW)
    // 29 turns of 4 messages and the system's: nothing was taken out of what the host keeps, and nothing opaque put in.
    expect(loop.history).toHaveLength(1 + 30 * 4)
    expect(JSON.stringify(loop.history)).not.toContain('compaction')
    expect(new Set(inputs(mounted.twin).map((body) => body['prompt_cache_key']))).toEqual(new Set(['s']))
    expect(warningsOf(mounted)).toEqual([])
  }, 60_000)

  test('a model with context_management: asked for with every request, and what stands before the newest one goes no more', async () => {
    const slug = 'gpt-5.6-sol'
    const mounted = await mount({ twin: { models: models(slug) }, config: { transport, default_model: slug, compact_at: 0.5 }, parts: { session: { id: 's' } } })
    const loop = createLoop(mounted)
    const answers: ChatResponse[] = []
    for (let turn = 0; turn < 20; turn += 1) answers.push(await loop.turn())
    const bodies = inputs(mounted.twin)
    expect(new Set(bodies.map((body) => JSON.stringify(body['context_management'])))).toEqual(new Set([JSON.stringify([{ type: 'compaction', compact_threshold: WINDOW / 2 }])]))
    expect(bodies.flatMap(({ input }) => input).some(({ type }) => type === 'compaction_trigger')).toBe(false)
    const found = loop.history.filter(({ content }) => Array.isArray(content) && content.some(({ type }) => type === 'hosted')).length
    expect(found).toBeGreaterThanOrEqual(2)
    expect(Math.max(...answers.map(({ usage }) => usage?.input_tokens ?? 0))).toBeLessThan(0.75 * WINDOW)
    if (transport === 'sse') expect(typesOf(bodies.at(-1) as { input: JsonObject[] })[0]).toBe('compaction')
    expect(warningsOf(mounted)).toEqual([])
  }, 60_000)
})

test('a backend that refuses context_management is not asked again, with one warning, and the call is answered', async () => {
  const mounted = await mount({ config: { default_model: 'gpt-5.6-sol', compact_at: 0.8 } })
  mounted.twin.enqueue({ status: 400, body: { detail: 'Unsupported parameter: context_management' } })
  await mounted.provider.complete({ messages: HISTORY })
  await mounted.provider.complete({ messages: HISTORY })
  expect(inputs(mounted.twin).map((body) => body['context_management'] !== undefined)).toEqual([true, false, false])
  expect(mounted.warnings).toEqual(['the backend takes no context_management for gpt-5.6-sol: not asked for again by this mount'])
})

test('a refusal of something else is the caller\'s, and context_management goes on being asked for', async () => {
  const mounted = await mount({ config: { default_model: 'gpt-5.6-sol', compact_at: 0.8 } })
  mounted.twin.enqueue({ status: 400, body: { detail: 'Unsupported parameter: something_else' } })
  expect((await failureOf(mounted.provider.complete({ messages: HISTORY }))).name).toBe('InvalidRequestError')
  await mounted.provider.complete({ messages: HISTORY })
  expect(inputs(mounted.twin).map((body) => body['context_management'] !== undefined)).toEqual([true, true])
  expect(mounted.warnings).toEqual([])
})

test('a checkpoint that cannot be made costs one warning: the history goes whole, and it is not tried again', async () => {
  const slug = 'gpt-6.1-sol'
  const mounted = await mount({ twin: { models: models(slug) }, config: { default_model: slug, compact_at: 0.95 } })
  const loop = createLoop(mounted, { conversation_id: 'c' })
  await loop.turn()
  await loop.turn()
  mounted.provider.config['compact_at'] = 0.1
  mounted.twin.enqueue({ status: 400, body: { detail: 'Unsupported item type: compaction_trigger' } })
  await loop.turn()
  await loop.turn()
  expect(mounted.named('llm:response').filter(({ operation }) => operation === 'compaction').map(({ status }) => status)).toEqual(['error'])
  expect(warningsOf(mounted)).toEqual([expect.stringMatching(/^the history could not be compacted and goes whole: .*compaction_trigger/)])
})

test('an edited history goes as it is: what a checkpoint stood for is no more', async () => {
  const slug = 'gpt-6.1-sol'
  const mounted = await mount({ twin: { models: models(slug) }, config: { default_model: slug, compact_at: 0.2 } })
  const loop = createLoop(mounted, { conversation_id: 'c' })
  for (let turn = 0; turn < 4; turn += 1) await loop.turn()
  expect(typesOf(lastBody(mounted))[0]).toBe('compaction')
  const before = inputs(mounted.twin).length
  loop.history[1] = user('1: another question')
  await mounted.provider.complete({ messages: [...loop.history, user('on')], conversation_id: 'c' })
  // Over the threshold again, it may be compacted anew: what is asked first has all of it.
  expect(inputs(mounted.twin)[before]?.input[0]).toMatchObject({ type: 'message', content: [{ text: '1: another question' }] })
})

test('a checkpoint that fails for another reason is tried again only when the history has grown by a tenth of the window', async () => {
  const slug = 'gpt-6.1-sol'
  const mounted = await mount({ twin: { models: models(slug) }, config: { default_model: slug, compact_at: 0.95, max_retries: 0 } })
  const loop = createLoop(mounted, { conversation_id: 'c' })
  await loop.turn()
  await loop.turn()
  mounted.provider.config['compact_at'] = 0.1
  mounted.twin.enqueue({ text: 'words in place of a compaction' })
  await loop.turn()
  // A turn has two calls: the one behind the failure goes without a try.
  const made = () => mounted.named('llm:response').filter(({ operation }) => operation === 'compaction').map(({ status }) => status)
  expect(made()).toEqual(['error'])
  for (let turn = 0; turn < 3; turn += 1) await loop.turn()
  expect(made().slice(0, 2)).toEqual(['error', 'ok'])
})

test('context_management of the user\'s own is not taken back for them: the refusal is theirs', async () => {
  const own = { extra_request_params: { context_management: [{ type: 'compaction', compact_threshold: 5000 }] } }
  const mounted = await mount({ config: { default_model: 'gpt-5.5', ...own } })
  const error = await failureOf(mounted.provider.complete({ messages: HISTORY }))
  expect([error.name, mounted.twin.responses().length]).toEqual(['InvalidRequestError', 1])
})
